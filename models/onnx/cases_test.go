package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// network is a graph with values for all its leaves.
type network struct {
	name   string
	outs   gorgonia.Nodes
	params map[string][]float32 // leaves that become initialisers
	inputs map[string][]float32
}

// outNames are y0, y1, ...
func (n network) outNames() []string {
	s := make([]string, len(n.outs))
	for i := range s {
		s[i] = fmt.Sprint("y", i)
	}
	return s
}

func (n network) export(t testing.TB) []byte {
	t.Helper()
	b, err := Export(n.outs, n.outNames(), n.params, Options{})
	if err != nil {
		t.Fatalf("%s: %v", n.name, err)
	}
	return b
}

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func leaf(g *gorgonia.ExprGraph, name string, shape ...int) *gorgonia.Node {
	return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
}

// single is one operator applied to leaves x0, x1, ...; the last of two is
// bound, so that weights are constants as they are in a trained network. What
// Unary gets has 0, NaN and infinities too.
func single(t testing.TB, rng *rand.Rand, o op.Operator, shapes ...[]int) network {
	t.Helper()
	g := gorgonia.NewGraph()
	n := network{name: fmt.Sprint(o.Name(), shapes), params: map[string][]float32{}, inputs: map[string][]float32{}}
	var in gorgonia.Nodes
	for i, s := range shapes {
		name := fmt.Sprint("x", i)
		in = append(in, leaf(g, name, s...))
		x := normal(rng, tensor.Shape(s).TotalSize())
		if u, ok := o.(op.Unary); ok {
			x[0], x[1] = 0, -3
			if u.F == op.Log || u.F == op.Sqrt || u.F == op.Recip {
				for j := range x {
					x[j] = float32(math.Abs(float64(x[j]))) + 1e-3
				}
			}
			x[2], x[3], x[4] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
		}
		if i == 1 {
			n.params[name] = x
		} else {
			n.inputs[name] = x
		}
	}
	y, err := op.Apply(o, in...)
	if err != nil {
		t.Fatal(err)
	}
	n.outs = gorgonia.Nodes{y}
	return n
}

func convolutions(t testing.TB, rng *rand.Rand) []network {
	var ns []network
	add := func(c op.Conv, x, w []int) {
		y, err := c.OutShape([]tensor.Shape{x, w})
		if err != nil {
			return
		}
		ns = append(ns,
			single(t, rng, c, x, w),
			single(t, rng, op.ConvData{Conv: c, In: x[2:]}, w, y),
			single(t, rng, op.ConvWeight{Conv: c, Kernel: w[2:]}, x, y))
	}
	add(op.Conv{Stride: 2, Pad: 1}, []int{2, 1, 28, 28, 28}, []int{5, 1, 3, 3, 3})
	add(op.Conv{Stride: 2, Pad: 1}, []int{3, 2, 7, 7, 7}, []int{4, 2, 3, 3, 3})
	add(op.Conv{Stride: 1, Pad: 1}, []int{2, 5, 7, 7, 7}, []int{3, 5, 3, 3, 3})
	add(op.Conv{Stride: 2, Pad: 1}, []int{2, 3, 7, 7, 7}, []int{4, 3, 4, 4, 4})
	add(op.Conv{Stride: 2, Pad: 1}, []int{2, 3, 28, 28}, []int{4, 3, 3, 3})
	add(op.Conv{Stride: 3, Pad: 0}, []int{2, 3, 9, 12}, []int{4, 3, 2, 3}) // leaves over more than the pad
	add(op.Conv{Stride: 2, Pad: 1}, []int{2, 3, 11}, []int{4, 3, 3})
	for range 25 {
		d := 2 + rng.IntN(2)
		x, w := []int{1 + rng.IntN(4), 1 + rng.IntN(6)}, []int{1 + rng.IntN(9), 0}
		w[1] = x[1]
		for range d {
			x, w = append(x, 1+rng.IntN(9)), append(w, 1+rng.IntN(4))
		}
		add(op.Conv{Stride: 1 + rng.IntN(3), Pad: rng.IntN(3)}, x, w)
	}
	return ns
}

// operators is every operator, in sizes that are awkward.
func operators(t testing.TB) []network {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	ns := convolutions(t, rng)
	for _, ta := range []bool{false, true} {
		for _, tb := range []bool{false, true} {
			a, b := []int{5, 700}, []int{700, 33}
			if ta {
				a = []int{700, 5}
			}
			if tb {
				b = []int{33, 700}
			}
			ns = append(ns, single(t, rng, op.MatMul{TransA: ta, TransB: tb}, a, b))
		}
	}
	ns = append(ns,
		single(t, rng, op.Reshape{Out: tensor.Shape{6, 5}}, []int{2, 3, 5}),
		single(t, rng, op.Expand{Out: tensor.Shape{3, 5, 4, 6}}, []int{1, 5, 1, 1}),
		single(t, rng, op.Expand{Out: tensor.Shape{7}}, []int{1}),
		single(t, rng, op.SumTo{Out: tensor.Shape{1, 5, 1, 1}}, []int{3, 5, 4, 6}),
		single(t, rng, op.SumTo{Out: tensor.Shape{3, 1}}, []int{3, 9000}),
		single(t, rng, op.SumTo{Out: tensor.Shape{1}}, []int{7}),
		single(t, rng, op.SumTo{Out: tensor.Shape{3, 2}}, []int{3, 2}), // sums nothing
		single(t, rng, op.Upsample{Out: []int{7, 8, 7}}, []int{2, 3, 4, 4, 4}),
		single(t, rng, op.Upsample{Out: []int{6, 8, 4}}, []int{2, 3, 3, 4, 2}),
		single(t, rng, op.Upsample{Out: []int{5, 6}}, []int{2, 1, 3, 3}),
		single(t, rng, op.BlockSum{In: []int{4, 4, 4}}, []int{2, 3, 7, 8, 7}),
		single(t, rng, op.BlockSum{In: []int{3, 3}}, []int{2, 2, 5, 6}),
		single(t, rng, op.BlockSum{In: []int{3}}, []int{2, 2, 5}),
	)
	for _, f := range []op.Func{op.Exp, op.Log, op.Sqrt, op.Square, op.Abs, op.Sign, op.Recip, op.Sigmoid, op.Tanh,
		op.Softplus, op.LeakyReLU, op.LeakyGate, op.Scale, op.Shift, op.Fill} {
		ns = append(ns, single(t, rng, op.Unary{F: f, C: 0.3}, []int{3, 701}))
	}
	for _, f := range []byte("+-*/") {
		ns = append(ns, single(t, rng, op.Binary{F: f}, []int{3, 701}, []int{3, 701}))
	}
	return append(ns, broadcasts(t, rng))
}

// broadcasts has operands that ONNX may leave small, on either side and both.
func broadcasts(t testing.TB, rng *rand.Rand) network {
	t.Helper()
	g := gorgonia.NewGraph()
	n := network{name: "broadcasts", params: map[string][]float32{"row": normal(rng, 5)},
		inputs: map[string][]float32{"col": normal(rng, 3), "x": normal(rng, 15)}}
	b := op.Builder{}
	x, wide := leaf(g, "x", 3, 5), op.Expand{Out: tensor.Shape{3, 5}}
	row, col := b.Do(wide, leaf(g, "row", 1, 5)), b.Do(wide, leaf(g, "col", 3, 1))
	n.outs = gorgonia.Nodes{b.Sub(x, row), b.Sub(row, x), b.Sub(row, col), b.Sub(col, col), col, x, x, row}
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	return n
}
