package gpu

import (
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/internal/conform"
	"gorgonia.org/gorgonia"
)

// strict is a back end whose failures are the test's.
type strict struct {
	*Backend
	t *testing.T
}

func (s strict) Failed(err error) { s.t.Fatalf("the device does not do it: %v", err) }

// devices are those to test on: all that the machine offers.
func devices(t *testing.T) []driver.Device {
	t.Helper()
	all, missing := driver.List()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	return all
}

// onEach runs a test on every device.
func onEach(t *testing.T, f func(t *testing.T, b strict)) {
	for _, d := range devices(t) {
		t.Run(d.ID(), func(t *testing.T) {
			b, err := Open(d, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			f(t, strict{b, t})
		})
	}
}

// compile compiles for a back end, which must take it.
func compile(t *testing.T, b compute.Backend, outs gorgonia.Nodes, bound map[string][]float32, o compute.Options) *compute.Plan {
	t.Helper()
	o.Backends = []compute.Backend{b}
	p, err := compute.Compile(outs, bound, o)
	if err != nil {
		t.Fatal(err)
	}
	if !p.OnDevice() {
		t.Fatal("the plan runs on the processor")
	}
	return p
}

// TestConform runs the suite on every device.
func TestConform(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long, and one after the other")
	}
	onEach(t, func(t *testing.T, b strict) { conform.Run(t, b) })
}
