package cpu

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestConvChain: a chain that is computed within a convolution gives the same bits
// as one of its own, for any share of samples among workers.
func TestConvChain(t *testing.T) {
	for _, name := range Names() {
		for _, batch := range []int{1, 8, 24, 32} {
			for i := range 6 {
				size, workers := []int{6, 22}[i%2], 1+i/2
				within := convChain(t, name, size, batch, workers, true)
				apart := convChain(t, name, size, batch, workers, false)
				if !slices.Equal(within, apart) {
					t.Errorf("%s, map of %d, batch of %d, %d workers: other values", name, size, batch, workers)
				}
			}
		}
	}
}

// convChain returns the output of a convolution with bias, LeakyReLU and a factor
// for each element. The convolution's own output is an output too where the chain
// has to be a step of its own.
func convChain(t *testing.T, kernels string, size, batch, workers int, within bool) []float32 {
	t.Helper()
	g, rng, feed := gorgonia.NewGraph(), rand.New(rand.NewPCG(1, 2)), map[string][]float32{}
	leaf := func(name string, s ...int) *gorgonia.Node {
		x := make([]float32, tensor.Shape(s).TotalSize())
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		feed[name] = x
		return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
	}
	b := op.Builder{}
	h := b.Do(op.Conv{Stride: 2, Pad: 1}, leaf("x", batch, 3, size, size, size), leaf("w", 13, 3, 3, 3, 3))
	y := b.Mul(leaf("m", batch, 13, size/2, size/2, size/2), b.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, b.AddChannel(h, leaf("b", 13))))
	checktest.Must(t, b.Err)
	outs, steps := gorgonia.Nodes{y}, 1
	if !within {
		outs, steps = gorgonia.Nodes{y, h}, 2
	}
	back, err := New(Options{Threads: workers, Kernels: kernels})
	checktest.Must(t, err)
	p, err := compute.Compile(outs, feed, compute.Options{Backends: []compute.Backend{back}})
	checktest.Must(t, err)
	if n := len(p.Profile(1)); n != steps {
		t.Fatalf("%d steps, want %d", n, steps)
	}
	p.Run()
	return slices.Clone(p.Output(0))
}
