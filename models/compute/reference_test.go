package compute

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/conform"
	"github.com/nodulescope/nodulescope/models/compute/kernel"
)

// TestUpsampledConvolution holds the folded upsampling, forward and both
// adjoints, against the plain operators.
func TestUpsampledConvolution(t *testing.T) {
	for i, c := range conform.Upsampled {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		for _, set := range kernel.Sets() {
			for threads := 1; threads <= 3; threads++ {
				feed, outs, err := c.Graph(rng)
				if err != nil {
					t.Fatal(err)
				}
				p, err := Compile(outs, feed, Options{Threads: threads, Kernels: set})
				if err != nil {
					t.Fatal(err)
				}
				want := conform.Reference(feed, outs...)
				for range 2 {
					p.Run()
					for j := range outs {
						compare(t, fmt.Sprintf("case %d, output %d, %s, %d workers\n%v", i, j, set.Name, threads, p), p.Output(j), want[j])
					}
				}
			}
		}
	}
}
