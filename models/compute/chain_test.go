package compute

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// randomGraph makes a graph of element-wise operators, expansions, sums and
// shapes in which values are used once or often.
func randomGraph(t *testing.T, rng *rand.Rand) (feed map[string][]float32, outs gorgonia.Nodes) {
	t.Helper()
	g := gorgonia.NewGraph()
	feed = map[string][]float32{}
	big := tensor.Shape{1 + rng.IntN(3), 1 + rng.IntN(5), 1 + rng.IntN(900)}
	small := tensor.Shape{1, big[1], 1}
	leaf := func(name string, s tensor.Shape) *gorgonia.Node {
		feed[name] = make([]float32, s.TotalSize())
		for j := range feed[name] {
			feed[name][j] = float32(rng.NormFloat64())
		}
		return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
	}
	b := op.Builder{}
	nodes := gorgonia.Nodes{leaf("x", big), leaf("y", big), b.Do(op.Expand{Out: big}, leaf("v", small))}
	pick := func() *gorgonia.Node { return nodes[rng.IntN(len(nodes))] }
	unary := []op.Unary{{F: op.Scale, C: -0.7}, {F: op.Shift, C: 0.3}, {F: op.LeakyReLU, C: 0.2}, {F: op.LeakyGate, C: 0.2},
		{F: op.Sigmoid}, {F: op.Tanh}, {F: op.Abs}, {F: op.Fill, C: 0.5}}
	for range 4 + rng.IntN(12) {
		switch rng.IntN(6) {
		case 0, 1:
			nodes = append(nodes, b.Do(unary[rng.IntN(len(unary))], pick()))
		case 2, 3:
			nodes = append(nodes, b.Do(op.Binary{F: "+-*"[rng.IntN(3)]}, pick(), pick()))
		case 4:
			s := b.Do(op.SumTo{Out: small}, b.Scale(pick(), 0.1))
			nodes = append(nodes, b.Do(op.Expand{Out: big}, b.Unary(op.Tanh, s)))
		case 5:
			r := b.Reshape(pick(), big.TotalSize())
			nodes = append(nodes, b.Reshape(b.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, r), big...))
		}
		nodes[len(nodes)-1] = b.Unary(op.Tanh, nodes[len(nodes)-1]) // keep values near 1
	}
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	outs = gorgonia.Nodes{nodes[len(nodes)-1], b.Do(op.SumTo{Out: small}, pick())}
	if rng.IntN(2) == 0 {
		outs = append(outs, pick())
	}
	return feed, outs
}

// TestRandomGraphs compiles graphs with chains, shared values and dying
// buffers, and holds all outputs against the plain operators.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 11))
		feed, outs := randomGraph(t, rng)
		want := reference(feed, outs...)
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
