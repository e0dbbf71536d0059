package cpu

import (
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestRunAllocatesNothing runs a plan of every kind of step.
func TestRunAllocatesNothing(t *testing.T) {
	for _, batch := range []int{1, 4} {
		g := gorgonia.NewGraph()
		leaf := func(name string, s ...int) *gorgonia.Node {
			return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
		}
		b := op.Builder{}
		x := leaf("x", batch, 2, 8, 8, 8)
		h := b.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, b.AddChannel(b.Do(op.Conv{Stride: 2, Pad: 1}, x, leaf("w", 14, 2, 3, 3, 3)), leaf("b", 14)))
		h = b.Do(op.MatMul{}, b.Reshape(h, batch, 14*64), leaf("m", 14*64, 40))
		h = b.Reshape(h, batch, 5, 2, 2, 2)
		h = b.Do(op.Conv{Stride: 1, Pad: 1}, b.Do(op.Upsample{Out: []int{3, 3, 3}}, h), leaf("v", 4, 5, 3, 3, 3))
		h = b.Do(op.Conv{Stride: 1, Pad: 1}, b.Do(op.Upsample{Out: []int{6, 6, 6}}, h), leaf("u", 1, 4, 3, 3, 3))
		cost := b.Mean(b.SumRows(b.Unary(op.Square, h)))
		checktest.Must(t, b.Err)
		ds, err := op.Grad(cost, x)
		checktest.Must(t, err)
		p, err := compute.Compile(append(ds, cost), nil, compute.Options{Backends: []compute.Backend{&Backend{2, kernel.Best()}}})
		checktest.Must(t, err)
		if n := testing.AllocsPerRun(20, p.Run); n != 0 {
			t.Errorf("batch of %d: %v allocations in a run", batch, n)
		}
	}
}
