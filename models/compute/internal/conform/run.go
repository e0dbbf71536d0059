package conform

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Run runs the whole suite on a back end.
func Run(t *testing.T, b compute.Backend) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*suite)
	}{
		{"operators", (*suite).operators},
		{"special values", (*suite).specialValues},
		{"constant divisors", (*suite).constantDivisors},
		{"computed weights", (*suite).computedWeights},
		{"upsampled convolutions", (*suite).upsampled},
		{"random graphs", (*suite).randomGraphs},
		{"batch does not matter", (*suite).batchDoesNotMatter},
		{"loop", (*suite).loop},
		{"training step", (*suite).trainingStep},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(&suite{t, b}) })
	}
}

// suite is the suite on one back end.
type suite struct {
	*testing.T
	b compute.Backend
}

// options are those of a plan that runs there or nowhere.
func (s *suite) options() compute.Options {
	return compute.Options{Backends: []compute.Backend{strict{s.b, s.T}}}
}

// strict is a back end whose failures are the test's.
type strict struct {
	compute.Backend
	t *testing.T
}

// Failed implements compute.Backend.
func (s strict) Failed(err error) { s.t.Fatalf("the back end does not do it: %v", err) }

func (s *suite) compile(outs gorgonia.Nodes, bound map[string][]float32, o compute.Options) *compute.Plan {
	s.Helper()
	o.Backends = s.options().Backends
	p, err := compute.Compile(outs, bound, o)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// hold runs a plan twice, since the second run finds used memory, and compares
// its outputs with the reference.
func (s *suite) hold(p *compute.Plan, feed map[string][]float32, want [][]float64, what string) {
	s.Helper()
	for round := range 2 {
		for _, name := range p.Inputs() {
			copy(p.Input(name), feed[name])
		}
		p.Run()
		for i := range want {
			if err := Compare(p.Output(i), want[i]); err != nil {
				s.Fatalf("%s, output %d, run %d: %v\n%v", what, i, round, err, p)
			}
		}
		for _, name := range p.Inputs() {
			if !slices.Equal(p.Input(name), feed[name]) {
				s.Fatalf("%s, run %d: input %s was overwritten", what, round, name)
			}
		}
	}
}

// operators holds every operator in every shape.
func (s *suite) operators() {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range Cases(rng) {
		x := c.Inputs(rng)
		want, err := c.Want(x)
		if err != nil {
			s.Fatal(err)
		}
		n, err := c.Graph()
		if err != nil {
			s.Fatal(err)
		}
		s.hold(s.compile(gorgonia.Nodes{n}, nil, compute.Options{}), leaves(x), [][]float64{want}, fmt.Sprint(c.Op.Name(), c.Shapes))
	}
}

// leaves names the inputs of a case.
func leaves(x [][]float32) map[string][]float32 {
	feed := map[string][]float32{}
	for i := range x {
		feed[fmt.Sprint("x", i)] = x[i]
	}
	return feed
}

// upsampled holds the folded upsampling and its derivatives.
func (s *suite) upsampled() {
	for i, c := range Upsampled {
		feed, outs, err := c.Graph(rand.New(rand.NewPCG(1, uint64(i)))) //nolint:gosec // not negative
		if err != nil {
			s.Fatal(err)
		}
		want := op.Evaluate(feed, outs...)
		for _, frozen := range []bool{false, true} {
			s.hold(s.compile(outs, feed, compute.Options{Frozen: frozen}), nil, want, fmt.Sprintf("case %d %v, frozen %t", i, c, frozen))
		}
	}
}

// randomGraphs holds graphs with chains, shared values and dying buffers.
func (s *suite) randomGraphs() {
	for seed := range uint64(150) {
		feed, outs, err := RandomGraph(rand.New(rand.NewPCG(seed, 11)))
		if err != nil {
			s.Fatal(err)
		}
		s.hold(s.compile(outs, nil, compute.Options{}), feed, op.Evaluate(feed, outs...), fmt.Sprint("seed ", seed))
	}
}

// computedWeights convolves with weights that steps compute, one after the
// other in the same memory.
func (s *suite) computedWeights() {
	rng := rand.New(rand.NewPCG(7, 7))
	g, feed, b := gorgonia.NewGraph(), map[string][]float32{}, op.Builder{}
	h := leaf(g, feed, rng, "x", 2, 3, 5, 5)
	for i := range 4 {
		w := b.Unary(op.Tanh, leaf(g, feed, rng, fmt.Sprint("w", i), 3, 3, 3, 3))
		h = b.Scale(b.Do(op.Conv{Stride: 1, Pad: 1}, h, w), 0.2)
	}
	wide := b.Do(op.Conv{Stride: 1, Pad: 2}, h, leaf(g, feed, rng, "v", 2, 3, 1, 1)) // a border wider than the kernel
	if b.Err != nil {
		s.Fatal(b.Err)
	}
	forward := gorgonia.Nodes{h, wide}
	s.hold(s.compile(forward, nil, compute.Options{}), feed, op.Evaluate(feed, forward...), "computed weights")
	grads, err := op.Grad(b.Mean(b.SumRows(wide)), nodes(g, "w0", "v")...)
	if err != nil || b.Err != nil {
		s.Fatal(err, b.Err)
	}
	s.hold(s.compile(grads, nil, compute.Options{}), feed, op.Evaluate(feed, grads...), "gradients of computed weights")
}

// leaf makes a leaf and draws its value.
func leaf(g *gorgonia.ExprGraph, feed map[string][]float32, rng *rand.Rand, name string, s ...int) *gorgonia.Node {
	feed[name] = make([]float32, tensor.Shape(s).TotalSize())
	for j := range feed[name] {
		feed[name][j] = float32(rng.NormFloat64())
	}
	return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
}

// nodes finds leaves by name.
func nodes(g *gorgonia.ExprGraph, names ...string) gorgonia.Nodes {
	var ns gorgonia.Nodes
	for _, name := range names {
		ns = append(ns, g.ByName(name)[0])
	}
	return ns
}
