package compute

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/conform"
	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestRandomGraphs compiles graphs with chains, shared values and dying
// buffers, and holds all outputs against the plain operators.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 11))
		feed, outs, err := conform.RandomGraph(rng)
		if err != nil {
			t.Fatal(err)
		}
		want := conform.Reference(feed, outs...)
		for _, set := range kernel.Sets() {
			p, err := Compile(outs, nil, Options{Threads: 1 + int(seed%3), Kernels: set})
			if err != nil {
				t.Fatal(err)
			}
			for round := range 2 {
				for name, x := range feed {
					copy(p.inputs[name], x) // not every leaf is used
				}
				p.Run()
				for i := range outs {
					compare(t, fmt.Sprintf("seed %d, output %d, %s, run %d\n%v", seed, i, set.Name, round, p), p.Output(i), want[i])
				}
				for name, x := range feed {
					if in, ok := p.inputs[name]; ok && in[0] != x[0] {
						t.Fatalf("seed %d: input %s was overwritten", seed, name)
					}
				}
			}
		}
	}
}

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
		if b.Err != nil {
			t.Fatal(b.Err)
		}
		ds, err := op.Grad(cost, x)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(append(ds, cost), nil, Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(20, p.Run); n != 0 {
			t.Errorf("batch of %d: %v allocations in a run", batch, n)
		}
	}
}
