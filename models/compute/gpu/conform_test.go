package gpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/conform"
	"github.com/nodulescope/nodulescope/models/compute/gpu/driver"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
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
	o.Backend = b
	p, err := compute.Compile(outs, bound, o)
	if err != nil {
		t.Fatal(err)
	}
	if !p.OnDevice() {
		t.Fatal("the plan runs on the processor")
	}
	return p
}

// TestConformance holds every operator against the reference in float64.
func TestConformance(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, c := range conform.Cases(rng) {
			x := c.Inputs(rng)
			want, err := c.Want(x)
			if err != nil {
				t.Fatal(err)
			}
			n, err := c.Graph()
			if err != nil {
				t.Fatal(err)
			}
			p := compile(t, b, gorgonia.Nodes{n}, nil, compute.Options{})
			for round := range 2 { // the second run finds used memory
				for _, name := range p.Inputs() {
					var i int
					_, _ = fmt.Sscanf(name, "x%d", &i)
					copy(p.Input(name), x[i])
				}
				p.Run()
				if err := conform.Compare(p.Output(0), want); err != nil {
					t.Fatalf("%s %v, run %d: %v", c.Op.Name(), c.Shapes, round, err)
				}
			}
		}
	})
}

// TestSpecialValues holds the element-wise operators on zeros, infinities, NaN
// and the ends of the range.
func TestSpecialValues(t *testing.T) {
	inf := float32(math.Inf(1))
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, float32(math.NaN()), 3e38, -3e38, 1e-30, -1e-30, 88, -88, -100, 1000, -1000}
	onEach(t, func(t *testing.T, b strict) {
		for _, c := range conform.Cases(rand.New(rand.NewPCG(1, 1))) {
			x := make([][]float32, len(c.Shapes))
			switch c.Op.(type) {
			case op.Unary:
				x[0] = special
			case op.Binary:
				for _, v := range special {
					for _, w := range special {
						x[0], x[1] = append(x[0], v), append(x[1], w)
					}
				}
			default:
				continue
			}
			for i := range c.Shapes {
				c.Shapes[i] = tensor.Shape{len(x[i])}
			}
			n, err := c.Graph()
			if err != nil {
				t.Fatal(err)
			}
			want, err := c.Want(x)
			if err != nil {
				t.Fatal(err)
			}
			p := compile(t, b, gorgonia.Nodes{n}, nil, compute.Options{})
			for _, name := range p.Inputs() {
				copy(p.Input(name), x[int(name[1]-'0')])
			}
			p.Run()
			for i, got := range p.Output(0) {
				w := float64(float32(want[i]))
				g := float64(got)
				if math.IsNaN(w) != math.IsNaN(g) || (!math.IsNaN(w) && g != w && !(math.Abs(g-w) <= 1e-6*math.Abs(w)+1e-37)) {
					t.Errorf("%s of %v is %g, want %g", c.Op.Name(), at(x, i), g, w)
				}
			}
		}
	})
}

func at(x [][]float32, i int) (v []float32) {
	for _, r := range x {
		v = append(v, r[i])
	}
	return v
}

// TestUpsampledConvolution holds the folded upsampling and its derivatives.
func TestUpsampledConvolution(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		for i, c := range conform.Upsampled {
			feed, outs, err := c.Graph(rand.New(rand.NewPCG(1, uint64(i))))
			if err != nil {
				t.Fatal(err)
			}
			want := conform.Reference(feed, outs...)
			for _, frozen := range []bool{false, true} {
				p := compile(t, b, outs, feed, compute.Options{Frozen: frozen})
				for range 2 {
					p.Run()
					for j := range outs {
						if err := conform.Compare(p.Output(j), want[j]); err != nil {
							t.Fatalf("case %d %v, output %d, frozen %t: %v", i, c, j, frozen, err)
						}
					}
				}
			}
		}
	})
}

// TestRandomGraphs holds graphs with chains, shared values and dying buffers.
func TestRandomGraphs(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		for seed := range uint64(100) {
			feed, outs, err := conform.RandomGraph(rand.New(rand.NewPCG(seed, 11)))
			if err != nil {
				t.Fatal(err)
			}
			want := conform.Reference(feed, outs...)
			p := compile(t, b, outs, nil, compute.Options{})
			for round := range 2 {
				for _, name := range p.Inputs() {
					copy(p.Input(name), feed[name])
				}
				p.Run()
				for i := range outs {
					if err := conform.Compare(p.Output(i), want[i]); err != nil {
						t.Fatalf("seed %d, output %d, run %d: %v", seed, i, round, err)
					}
				}
			}
		}
	})
}
