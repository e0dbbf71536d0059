package cpu

import (
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/internal/conform"
)

// TestConform runs the suite with every set of kernels.
func TestConform(t *testing.T) {
	for i, name := range Names() {
		t.Run(name, func(t *testing.T) {
			b, err := New(Options{Threads: 1 + (i+1)%3, Kernels: name})
			if err != nil {
				t.Fatal(err)
			}
			conform.Run(t, b)
		})
	}
}
