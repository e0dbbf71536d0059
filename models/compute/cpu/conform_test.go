package cpu

import (
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/internal/conform"
)

// TestConform runs the suite with every set of kernels, or in short runs, such as
// those under the race detector, with the first: workers share their work alike.
func TestConform(t *testing.T) {
	names := Names()
	if testing.Short() {
		names = names[:1]
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			b, err := New(Options{Threads: 1 + (i+1)%3, Kernels: name})
			if err != nil {
				t.Fatal(err)
			}
			conform.Run(t, b)
		})
	}
}
