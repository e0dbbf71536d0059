package conform

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Case is an operator with the shapes of its inputs.
type Case struct {
	Op     op.Operator
	Shapes []tensor.Shape
}

func sh(d ...int) tensor.Shape { return d }

func convCases(rng *rand.Rand) []Case {
	var cs []Case
	add := func(c op.Conv, x, w tensor.Shape) {
		y, err := c.OutShape([]tensor.Shape{x, w})
		if err != nil {
			return
		}
		cs = append(cs,
			Case{c, []tensor.Shape{x, w}},
			Case{op.ConvData{Conv: c, In: x[2:]}, []tensor.Shape{w, y}},
			Case{op.ConvWeight{Conv: c, Kernel: w[2:]}, []tensor.Shape{x, y}})
	}
	// The shapes of the reference networks, with few channels.
	add(op.Conv{Stride: 2, Pad: 1}, sh(2, 1, 28, 28, 28), sh(5, 1, 3, 3, 3))
	add(op.Conv{Stride: 2, Pad: 1}, sh(1, 3, 14, 14, 14), sh(13, 3, 3, 3, 3))
	add(op.Conv{Stride: 2, Pad: 1}, sh(3, 2, 7, 7, 7), sh(12, 2, 3, 3, 3))
	add(op.Conv{Stride: 1, Pad: 1}, sh(2, 5, 7, 7, 7), sh(3, 5, 3, 3, 3))
	add(op.Conv{Stride: 1, Pad: 1}, sh(1, 4, 14, 14, 14), sh(1, 4, 3, 3, 3))
	add(op.Conv{Stride: 2, Pad: 1}, sh(1, 1, 28, 28, 28), sh(4, 1, 4, 4, 4))
	add(op.Conv{Stride: 2, Pad: 1}, sh(2, 3, 7, 7, 7), sh(4, 3, 4, 4, 4))
	add(op.Conv{Stride: 1, Pad: 0}, sh(2, 3, 28, 28), sh(2, 3, 3, 3))
	// Channels that lie side by side in a weight gradient: less than a tile,
	// more than one, and more samples than are filled at once.
	add(op.Conv{Stride: 2, Pad: 1}, sh(5, 17, 7, 7, 7), sh(9, 17, 4, 4, 4))
	add(op.Conv{Stride: 1, Pad: 1}, sh(2, 35, 4, 5), sh(14, 35, 3, 3))
	add(op.Conv{Stride: 1, Pad: 1}, sh(3, 9, 28, 28, 28), sh(5, 9, 3, 3, 3))
	// Batches that lie in lanes, whole and not.
	for _, n := range []int{9, 16, 17, 35} {
		add(op.Conv{Stride: 2, Pad: 1}, sh(n, 3, 7, 7, 7), sh(4, 3, 4, 4, 4))
		add(op.Conv{Stride: 1, Pad: 1}, sh(n, 2, 3, 2, 4), sh(13, 2, 3, 3, 3))
		add(op.Conv{Stride: 2, Pad: 0}, sh(n, 2, 5, 4), sh(1, 2, 3, 3))
	}
	for range 25 {
		d := 2 + rng.IntN(2)
		x, w := sh(1+rng.IntN(4), 1+rng.IntN(12)), sh(1+rng.IntN(15), 0)
		w[1] = x[1]
		for range d {
			x = append(x, 1+rng.IntN(9))
			w = append(w, 1+rng.IntN(4))
		}
		add(op.Conv{Stride: 1 + rng.IntN(3), Pad: rng.IntN(3)}, x, w)
	}
	return cs
}

// Cases are all operators in shapes of the reference networks, odd ones and
// random ones.
func Cases(rng *rand.Rand) []Case {
	cs := convCases(rng)
	for range 12 {
		m, n, k := 1+rng.IntN(40), 1+rng.IntN(70), 1+rng.IntN(1200)
		o := op.MatMul{TransA: rng.IntN(2) == 0, TransB: rng.IntN(2) == 0}
		a, b := sh(m, k), sh(k, n)
		if o.TransA {
			a = sh(k, m)
		}
		if o.TransB {
			b = sh(n, k)
		}
		cs = append(cs, Case{o, []tensor.Shape{a, b}})
	}
	cs = append(cs,
		Case{op.MatMul{}, []tensor.Shape{sh(3, 700), sh(700, 64)}},
		Case{op.MatMul{}, []tensor.Shape{sh(1, 700), sh(700, 256)}},
		Case{op.Reshape{Out: sh(6, 5)}, []tensor.Shape{sh(2, 3, 5)}},
		Case{op.Expand{Out: sh(3, 5, 4, 6)}, []tensor.Shape{sh(1, 5, 1, 1)}},
		Case{op.Expand{Out: sh(3, 5)}, []tensor.Shape{sh(3, 1)}},
		Case{op.Expand{Out: sh(7)}, []tensor.Shape{sh(1)}},
		Case{op.Expand{Out: sh(3, 5, 4)}, []tensor.Shape{sh(3, 1, 4)}},
		Case{op.SumTo{Out: sh(1, 5, 1, 1)}, []tensor.Shape{sh(3, 5, 4, 6)}},
		Case{op.SumTo{Out: sh(3, 1)}, []tensor.Shape{sh(3, 9000)}},
		Case{op.SumTo{Out: sh(1)}, []tensor.Shape{sh(7)}},
		Case{op.SumTo{Out: sh(3, 1, 4)}, []tensor.Shape{sh(3, 5, 4)}},
		Case{op.SumTo{Out: sh(1, 1)}, []tensor.Shape{sh(1, 1)}},
		Case{op.Upsample{Out: []int{7, 8, 7}}, []tensor.Shape{sh(2, 3, 4, 4, 4)}},
		Case{op.BlockSum{In: []int{4, 4, 4}}, []tensor.Shape{sh(2, 3, 7, 8, 7)}},
		Case{op.Upsample{Out: []int{5, 6}}, []tensor.Shape{sh(2, 1, 3, 3)}},
		Case{op.BlockSum{In: []int{3, 3}}, []tensor.Shape{sh(2, 1, 5, 6)}},
	)
	for _, f := range []op.Func{op.Exp, op.Log, op.Sqrt, op.Square, op.Abs, op.Sign, op.Recip, op.Sigmoid, op.Tanh,
		op.Softplus, op.LeakyReLU, op.LeakyGate, op.Scale, op.Shift, op.Fill} {
		cs = append(cs, Case{op.Unary{F: f, C: 0.3}, []tensor.Shape{sh(3, 7001)}})
	}
	for _, f := range []byte("+-*/") {
		cs = append(cs, Case{op.Binary{F: f}, []tensor.Shape{sh(3, 7001), sh(3, 7001)}})
	}
	return cs
}

// Graph applies the operator to fresh leaves x0, x1, ...
func (c Case) Graph() (*gorgonia.Node, error) {
	g := gorgonia.NewGraph()
	var in gorgonia.Nodes
	for i, s := range c.Shapes {
		in = append(in, gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(fmt.Sprint("x", i))))
	}
	return op.Apply(c.Op, in...)
}

// Inputs draws values for which the operator is defined.
func (c Case) Inputs(rng *rand.Rand) [][]float32 {
	x := make([][]float32, len(c.Shapes))
	u, unary := c.Op.(op.Unary)
	for i, s := range c.Shapes {
		x[i] = make([]float32, s.TotalSize())
		for j := range x[i] {
			x[i][j] = float32(rng.NormFloat64())
			if unary && (u.F == op.Log || u.F == op.Sqrt) {
				x[i][j] = float32(math.Abs(float64(x[i][j])))
			}
		}
	}
	return x
}

// Want is the output of the reference in float64.
func (c Case) Want(x [][]float32) ([]float64, error) {
	out, err := c.Op.OutShape(c.Shapes)
	if err != nil {
		return nil, err
	}
	x64 := make([][]float64, len(x))
	for i := range x {
		for _, v := range x[i] {
			x64[i] = append(x64[i], float64(v))
		}
	}
	want := make([]float64, out.TotalSize())
	c.Op.Eval64(want, out, x64, c.Shapes)
	return want, nil
}
