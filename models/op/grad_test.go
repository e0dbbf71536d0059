package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// machine evaluates nodes of one graph on Gorgonia's tape machine.
type machine struct {
	t    *testing.T
	vm   gorgonia.VM
	in   gorgonia.Nodes
	outs []gorgonia.Value
}

func newMachine(t *testing.T, in gorgonia.Nodes, outs ...*gorgonia.Node) *machine {
	t.Helper()
	m := &machine{t: t, in: in, outs: make([]gorgonia.Value, len(outs))}
	for i, n := range outs {
		gorgonia.Read(n, &m.outs[i])
	}
	m.vm = gorgonia.NewTapeMachine(in[0].Graph())
	t.Cleanup(func() { _ = m.vm.Close() })
	return m
}

// run returns the outputs in float64 for the given inputs.
func (m *machine) run(xs [][]float64) [][]float64 {
	m.t.Helper()
	for i, n := range m.in {
		v := tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(append([]float64(nil), xs[i]...)))
		if err := gorgonia.Let(n, v); err != nil {
			m.t.Fatal(err)
		}
	}
	m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		m.t.Fatal(err)
	}
	out := make([][]float64, len(m.outs))
	for i, v := range m.outs {
		out[i] = append([]float64(nil), v.Data().([]float64)...)
	}
	return out
}

// opCase is an operator with input shapes. Inputs are drawn from
// [lo, hi], and from both signs where both is set; none is closer to zero
// than lo, so that no finite difference crosses a kink.
type opCase struct {
	op     Operator
	shapes []tensor.Shape
	lo, hi float64
	both   bool
}

func opCases() []opCase {
	s := func(d ...int) tensor.Shape { return d }
	c := []opCase{
		{Conv{2, 1}, []tensor.Shape{s(2, 2, 5, 4, 3), s(3, 2, 3, 3, 3)}, 0.1, 1, true},
		{Conv{1, 1}, []tensor.Shape{s(2, 2, 4, 3), s(2, 2, 3, 3)}, 0.1, 1, true},
		{Conv{2, 1}, []tensor.Shape{s(1, 2, 7, 6), s(2, 2, 4, 4)}, 0.1, 1, true},
		{Conv{1, 0}, []tensor.Shape{s(2, 1, 6), s(2, 1, 3)}, 0.1, 1, true},
		{ConvData{Conv{2, 1}, []int{5, 4, 3}}, []tensor.Shape{s(3, 2, 3, 3, 3), s(2, 3, 3, 2, 2)}, 0.1, 1, true},
		{ConvData{Conv{1, 1}, []int{4, 3}}, []tensor.Shape{s(2, 2, 3, 3), s(2, 2, 4, 3)}, 0.1, 1, true},
		{ConvWeight{Conv{2, 1}, []int{3, 3, 3}}, []tensor.Shape{s(2, 2, 5, 4, 3), s(2, 3, 3, 2, 2)}, 0.1, 1, true},
		{ConvWeight{Conv{1, 1}, []int{3, 3}}, []tensor.Shape{s(2, 2, 4, 3), s(2, 2, 4, 3)}, 0.1, 1, true},
		{Reshape{s(3, 4)}, []tensor.Shape{s(2, 6)}, 0.1, 1, true},
		{Expand{s(2, 3, 4)}, []tensor.Shape{s(1, 3, 1)}, 0.1, 1, true},
		{SumTo{s(1, 3, 1)}, []tensor.Shape{s(2, 3, 4)}, 0.1, 1, true},
		{SumTo{s(1)}, []tensor.Shape{s(5)}, 0.1, 1, true},
		{Upsample{[]int{4, 3, 5}}, []tensor.Shape{s(2, 2, 2, 2, 3)}, 0.1, 1, true},
		{BlockSum{[]int{2, 2, 3}}, []tensor.Shape{s(2, 2, 4, 3, 5)}, 0.1, 1, true},
		{Upsample{[]int{3, 4}}, []tensor.Shape{s(1, 2, 2, 2)}, 0.1, 1, true},
	}
	for _, m := range []MatMul{{false, false}, {false, true}, {true, false}, {true, true}} {
		a, b := s(3, 4), s(4, 2)
		if m.TransA {
			a = s(4, 3)
		}
		if m.TransB {
			b = s(2, 4)
		}
		c = append(c, opCase{m, []tensor.Shape{a, b}, 0.1, 1, true})
	}
	for _, u := range []Unary{{F: Exp}, {F: Square}, {F: Abs}, {F: Sign}, {F: Recip}, {F: Sigmoid}, {F: Tanh}, {F: Softplus},
		{LeakyReLU, 0.2}, {LeakyGate, 0.2}, {Scale, -1.5}, {Shift, 0.7}, {Fill, 2}} {
		c = append(c, opCase{u, []tensor.Shape{s(2, 5)}, 0.3, 1.5, true})
	}
	for _, u := range []Unary{{F: Log}, {F: Sqrt}} {
		c = append(c, opCase{u, []tensor.Shape{s(2, 5)}, 0.5, 2, false})
	}
	for _, f := range []byte("+-*/") {
		c = append(c, opCase{Binary{f}, []tensor.Shape{s(2, 3), s(2, 3)}, 0.5, 2, true})
	}
	return c
}

// build makes cost = <r, op(x)^2>, which has second derivatives even where op
// is linear.
func (c opCase) build(t *testing.T, rng *rand.Rand) (in gorgonia.Nodes, cost *gorgonia.Node, xs [][]float64) {
	t.Helper()
	g := gorgonia.NewGraph()
	for i, s := range c.shapes {
		in = append(in, gorgonia.NewTensor(g, tensor.Float64, len(s), gorgonia.WithShape(s...), gorgonia.WithName(fmt.Sprint("x", i))))
		xs = append(xs, draw(rng, s.TotalSize(), c.lo, c.hi, c.both))
	}
	y, err := Apply(c.op, in...)
	if err != nil {
		t.Fatal(err)
	}
	r := gorgonia.NewTensor(g, tensor.Float64, y.Dims(), gorgonia.WithShape(y.Shape()...), gorgonia.WithName("r"))
	in = append(in, r)
	xs = append(xs, draw(rng, y.Shape().TotalSize(), 0.5, 1.5, true))
	b := Builder{}
	return in, total(&b, b.Mul(r, b.Unary(Square, y))), xs
}

func total(b *Builder, n *gorgonia.Node) *gorgonia.Node {
	size := n.Shape().TotalSize()
	return b.Do(SumTo{tensor.Shape{1}}, b.Reshape(n, size))
}

func draw(rng *rand.Rand, n int, lo, hi float64, both bool) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = lo + (hi-lo)*rng.Float64()
		if both && rng.IntN(2) == 0 {
			x[i] = -x[i]
		}
	}
	return x
}

// TestDerivatives holds the first and second derivative of every operator
// against central differences in float64.
func TestDerivatives(t *testing.T) {
	for i, c := range opCases() {
		t.Run(c.op.Name(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			in, cost, xs := c.build(t, rng)
			checkDerivatives(t, rng, in, len(c.shapes), cost, xs)
		})
	}
}

// TestDerivativesThroughNormalisation does the same for networks of convolution,
// normalisation and a smooth activation.
func TestDerivativesThroughNormalisation(t *testing.T) {
	for name, norm := range map[string]func(b *Builder, x, scale, shift *gorgonia.Node) *gorgonia.Node{
		"batch": func(b *Builder, x, scale, shift *gorgonia.Node) *gorgonia.Node {
			return b.BatchNorm(x, scale, shift, 1e-3)
		},
		"group": func(b *Builder, x, scale, shift *gorgonia.Node) *gorgonia.Node {
			return b.GroupNorm(x, scale, shift, 2, 1e-3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(9, 9))
			g := gorgonia.NewGraph()
			var in gorgonia.Nodes
			var xs [][]float64
			for i, s := range []tensor.Shape{{2, 2, 3, 4}, {4, 2, 3, 3}, {4}, {4}} {
				in = append(in, gorgonia.NewTensor(g, tensor.Float64, len(s), gorgonia.WithShape(s...), gorgonia.WithName(fmt.Sprint("x", i))))
				xs = append(xs, draw(rng, s.TotalSize(), 0.2, 1, true))
			}
			b := Builder{}
			y := b.Unary(Softplus, norm(&b, b.Do(Conv{1, 1}, in[0], in[1]), in[2], in[3]))
			cost := total(&b, b.Unary(Square, y))
			if b.Err != nil {
				t.Fatal(b.Err)
			}
			checkDerivatives(t, rng, in, len(in), cost, xs)
		})
	}
}

// TestGroupNorm: every sample and group by itself has mean 0 and variance 1 before
// scale and shift; groups that do not divide the channels are refused.
func TestGroupNorm(t *testing.T) {
	g := gorgonia.NewGraph()
	node := func(name string, shape ...int) *gorgonia.Node {
		return gorgonia.NewTensor(g, tensor.Float64, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	}
	x, scale, shift := node("x", 2, 4, 3, 3), node("scale", 4), node("shift", 4)
	b := Builder{}
	y := b.GroupNorm(x, scale, shift, 2, 0)
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	var values []float32
	for _, v := range draw(rng, 2*4*9, -5, 9, false) {
		values = append(values, float32(v))
	}
	got := Evaluate(map[string][]float32{"x": values, "scale": {1, 1, 1, 1}, "shift": {0, 0, 0, 0}}, y)
	for group := range 4 {
		var mean, squares float64
		for _, v := range got[0][group*18 : (group+1)*18] {
			mean, squares = mean+v/18, squares+v*v/18
		}
		if math.Abs(mean) > 1e-9 || math.Abs(squares-1) > 1e-9 {
			t.Errorf("group %d: mean %g, mean square %g", group, mean, squares)
		}
	}
	if b := (Builder{}); b.GroupNorm(x, scale, shift, 3, 0) != nil || b.Err == nil {
		t.Error("three groups of four channels were taken")
	}
}

// checkDerivatives holds the gradient of cost by the first n inputs, and the
// gradient of a combination of those, against central differences.
func checkDerivatives(t *testing.T, rng *rand.Rand, in gorgonia.Nodes, n int, cost *gorgonia.Node, xs [][]float64) {
	t.Helper()
	wrt := in[:n]
	first, err := Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	b := Builder{}
	var mix *gorgonia.Node // <s, gradient>, a number whose gradient is the Hessian times s
	for j, d := range first {
		s := gorgonia.NewTensor(d.Graph(), tensor.Float64, d.Dims(), gorgonia.WithShape(d.Shape()...), gorgonia.WithName(fmt.Sprint("s", j)))
		in = append(in, s)
		xs = append(xs, draw(rng, d.Shape().TotalSize(), 0.5, 1.5, true))
		term := total(&b, b.Mul(s, d))
		if mix == nil {
			mix = term
		} else {
			mix = b.Add(mix, term)
		}
	}
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	second, err := Grad(mix, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	outs := append(gorgonia.Nodes{cost, mix}, append(first, second...)...)
	m := newMachine(t, in, outs...)
	got := m.run(xs)
	for k := range wrt {
		for e := range xs[k] {
			d := difference(m, xs, k, e)
			check(t, fmt.Sprintf("first derivative by input %d[%d]", k, e), got[2+k][e], d[0])
			check(t, fmt.Sprintf("second derivative by input %d[%d]", k, e), got[2+len(wrt)+k][e], d[1])
		}
	}
}

func difference(m *machine, xs [][]float64, k, e int) [2]float64 {
	const h = 1e-5
	x := xs[k][e]
	xs[k][e] = x + h
	up := m.run(xs)
	xs[k][e] = x - h
	down := m.run(xs)
	xs[k][e] = x
	return [2]float64{(up[0][0] - down[0][0]) / (2 * h), (up[1][0] - down[1][0]) / (2 * h)}
}

func check(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestGradKeepsEveryPath is the case in which gorgonia.Grad returns half of
// the true second derivative: the sum of (d sum(y)/dx)^2 by w, for y = (xw)^2.
func TestGradKeepsEveryPath(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float64, 1, gorgonia.WithShape(1), gorgonia.WithName("x"))
	w := gorgonia.NewTensor(g, tensor.Float64, 1, gorgonia.WithShape(1), gorgonia.WithName("w"))
	b := Builder{}
	dx, err := Grad(b.Unary(Square, b.Mul(x, w)), x)
	if err != nil {
		t.Fatal(err)
	}
	dw, err := Grad(b.Unary(Square, dx[0]), w) // (2 x w^2)^2 by w = 16 x^2 w^3
	if err != nil {
		t.Fatal(err)
	}
	got := newMachine(t, gorgonia.Nodes{x, w}, dw[0]).run([][]float64{{1.5}, {0.8}})[0][0]
	check(t, "second derivative", got, 16*1.5*1.5*0.8*0.8*0.8)
}

func TestGradOfSomethingUnused(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float64, 1, gorgonia.WithShape(1), gorgonia.WithName("x"))
	y := gorgonia.NewTensor(g, tensor.Float64, 1, gorgonia.WithShape(1), gorgonia.WithName("y"))
	b := Builder{}
	if _, err := Grad(b.Unary(Exp, x), y); err == nil {
		t.Error("no error for an input that the cost does not depend on")
	}
}

func TestShapesThatDoNotFit(t *testing.T) {
	s := func(d ...int) tensor.Shape { return d }
	for _, c := range []opCase{
		{op: Conv{2, 1}, shapes: []tensor.Shape{s(1, 2, 4, 4), s(1, 3, 3, 3)}},
		{op: Conv{0, 1}, shapes: []tensor.Shape{s(1, 2, 4, 4), s(1, 2, 3, 3)}},
		{op: Conv{1, 0}, shapes: []tensor.Shape{s(1, 2, 2, 2), s(1, 2, 3, 3)}},
		{op: ConvData{Conv{1, 1}, []int{4, 4}}, shapes: []tensor.Shape{s(2, 2, 3, 3), s(1, 2, 5, 4)}},
		{op: ConvWeight{Conv{1, 1}, []int{3, 3}}, shapes: []tensor.Shape{s(1, 2, 4, 4), s(2, 2, 4, 4)}},
		{op: MatMul{}, shapes: []tensor.Shape{s(2, 3), s(2, 3)}},
		{op: MatMul{}, shapes: []tensor.Shape{s(2), s(2, 3)}},
		{op: Reshape{s(5)}, shapes: []tensor.Shape{s(2, 3)}},
		{op: Expand{s(2, 4)}, shapes: []tensor.Shape{s(2, 3)}},
		{op: SumTo{s(2)}, shapes: []tensor.Shape{s(2, 3)}},
		{op: Upsample{[]int{5, 4}}, shapes: []tensor.Shape{s(1, 1, 2, 2)}},
		{op: BlockSum{[]int{2}}, shapes: []tensor.Shape{s(1, 1, 4, 4)}},
		{op: Binary{'+'}, shapes: []tensor.Shape{s(2), s(3)}},
		{op: Unary{F: "cosine"}, shapes: []tensor.Shape{s(2)}},
	} {
		g := gorgonia.NewGraph()
		var in gorgonia.Nodes
		for i, sh := range c.shapes {
			in = append(in, gorgonia.NewTensor(g, tensor.Float64, len(sh), gorgonia.WithShape(sh...), gorgonia.WithName(fmt.Sprint("x", i))))
		}
		if _, err := Apply(c.op, in...); err == nil {
			t.Errorf("%s of %v: no error", c.op.Name(), c.shapes)
		}
	}
}
