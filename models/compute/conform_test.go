package compute

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type opCase struct {
	op     op.Operator
	shapes []tensor.Shape
}

func sh(d ...int) tensor.Shape { return d }

func convCases(rng *rand.Rand) []opCase {
	var cs []opCase
	add := func(c op.Conv, x, w tensor.Shape) {
		y, err := c.OutShape([]tensor.Shape{x, w})
		if err != nil {
			return
		}
		cs = append(cs,
			opCase{c, []tensor.Shape{x, w}},
			opCase{op.ConvData{Conv: c, In: x[2:]}, []tensor.Shape{w, y}},
			opCase{op.ConvWeight{Conv: c, Kernel: w[2:]}, []tensor.Shape{x, y}})
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

func cases(rng *rand.Rand) []opCase {
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
		cs = append(cs, opCase{o, []tensor.Shape{a, b}})
	}
	cs = append(cs,
		opCase{op.MatMul{}, []tensor.Shape{sh(3, 700), sh(700, 64)}},
		opCase{op.MatMul{}, []tensor.Shape{sh(1, 700), sh(700, 256)}},
		opCase{op.Reshape{Out: sh(6, 5)}, []tensor.Shape{sh(2, 3, 5)}},
		opCase{op.Expand{Out: sh(3, 5, 4, 6)}, []tensor.Shape{sh(1, 5, 1, 1)}},
		opCase{op.Expand{Out: sh(3, 5)}, []tensor.Shape{sh(3, 1)}},
		opCase{op.Expand{Out: sh(7)}, []tensor.Shape{sh(1)}},
		opCase{op.Expand{Out: sh(3, 5, 4)}, []tensor.Shape{sh(3, 1, 4)}},
		opCase{op.SumTo{Out: sh(1, 5, 1, 1)}, []tensor.Shape{sh(3, 5, 4, 6)}},
		opCase{op.SumTo{Out: sh(3, 1)}, []tensor.Shape{sh(3, 9000)}},
		opCase{op.SumTo{Out: sh(1)}, []tensor.Shape{sh(7)}},
		opCase{op.SumTo{Out: sh(3, 1, 4)}, []tensor.Shape{sh(3, 5, 4)}},
		opCase{op.SumTo{Out: sh(1, 1)}, []tensor.Shape{sh(1, 1)}},
		opCase{op.Upsample{Out: []int{7, 8, 7}}, []tensor.Shape{sh(2, 3, 4, 4, 4)}},
		opCase{op.BlockSum{In: []int{4, 4, 4}}, []tensor.Shape{sh(2, 3, 7, 8, 7)}},
		opCase{op.Upsample{Out: []int{5, 6}}, []tensor.Shape{sh(2, 1, 3, 3)}},
		opCase{op.BlockSum{In: []int{3, 3}}, []tensor.Shape{sh(2, 1, 5, 6)}},
	)
	for _, f := range []op.Func{op.Exp, op.Log, op.Sqrt, op.Square, op.Abs, op.Sign, op.Recip, op.Sigmoid, op.Tanh,
		op.Softplus, op.LeakyReLU, op.LeakyGate, op.Scale, op.Shift, op.Fill} {
		cs = append(cs, opCase{op.Unary{F: f, C: 0.3}, []tensor.Shape{sh(3, 7001)}})
	}
	for _, f := range []byte("+-*/") {
		cs = append(cs, opCase{op.Binary{F: f}, []tensor.Shape{sh(3, 7001), sh(3, 7001)}})
	}
	return cs
}

// graph applies the operator to fresh leaves x0, x1, ...
func (c opCase) graph(t *testing.T) *gorgonia.Node {
	t.Helper()
	g := gorgonia.NewGraph()
	var in gorgonia.Nodes
	for i, s := range c.shapes {
		in = append(in, gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(fmt.Sprint("x", i))))
	}
	n, err := op.Apply(c.op, in...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestConformance holds every operator, on every kernel set and with one to
// three workers, against the reference in float64.
func TestConformance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range cases(rng) {
		x32 := make([][]float32, len(c.shapes))
		x64 := make([][]float64, len(c.shapes))
		for i, s := range c.shapes {
			x32[i], x64[i] = make([]float32, s.TotalSize()), make([]float64, s.TotalSize())
			for j := range x32[i] {
				x32[i][j] = float32(rng.NormFloat64())
				if u, ok := c.op.(op.Unary); ok && (u.F == op.Log || u.F == op.Sqrt) {
					x32[i][j] = float32(math.Abs(float64(x32[i][j])))
				}
				x64[i][j] = float64(x32[i][j])
			}
		}
		node := c.graph(t)
		want := make([]float64, node.Shape().TotalSize())
		c.op.Eval64(want, node.Shape(), x64, c.shapes)
		for _, set := range kernel.Sets() {
			var first []float32
			for threads := 1; threads <= 3; threads++ {
				p, err := Compile(gorgonia.Nodes{c.graph(t)}, nil, Options{Threads: threads, Kernels: set})
				if err != nil {
					t.Fatal(err)
				}
				for round := range 2 { // the second run finds used buffers
					for i := range x32 {
						copy(p.inputs[fmt.Sprint("x", i)], x32[i]) // a constant reads none
					}
					p.Run()
					name := fmt.Sprintf("%s %v, %s, %d workers, run %d", c.op.Name(), c.shapes, set.Name, threads, round)
					compare(t, name, p.Output(0), want)
					if first == nil {
						first = append(first, p.Output(0)...)
					}
					for i, v := range p.Output(0) {
						if math.Float32bits(v) != math.Float32bits(first[i]) {
							t.Fatalf("%s: element %d is %v, with one worker %v", name, i, v, first[i])
						}
					}
				}
			}
		}
	}
}

// compare bounds the largest error by that of a float32 sum, relative to the
// largest value.
func compare(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	var top, worst float64
	at := 0
	for i, w := range want {
		top = math.Max(top, math.Abs(w))
		if d := math.Abs(float64(got[i]) - w); !(d <= worst) {
			worst, at = d, i
		}
	}
	if !(worst <= 2e-6*top) {
		t.Fatalf("%s: element %d is %v, want %v", what, at, got[at], want[at])
	}
}

// TestBatchDoesNotMatter: a sample gives the same bits alone and in a batch.
func TestBatchDoesNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var alone []float32
	for _, batch := range []int{1, 2, 5, 13, 33} {
		b := op.Builder{}
		g := gorgonia.NewGraph()
		leaf := func(name string, s ...int) *gorgonia.Node {
			return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
		}
		x := leaf("x", batch, 2, 9, 9, 9)
		h := b.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, b.AddChannel(b.Do(op.Conv{Stride: 2, Pad: 1}, x, leaf("w", 14, 2, 3, 3, 3)), leaf("b", 14)))
		h = b.Do(op.MatMul{}, b.Reshape(h, batch, 14*125), leaf("m", 14*125, 40))
		h = b.Do(op.Conv{Stride: 1, Pad: 1}, b.Reshape(h, batch, 5, 2, 2, 2), leaf("v", 1, 5, 3, 3, 3))
		if b.Err != nil {
			t.Fatal(b.Err)
		}
		bound := map[string][]float32{}
		wr := rand.New(rand.NewPCG(8, 8))
		for name, n := range map[string]int{"w": 14 * 54, "b": 14, "m": 14 * 125 * 40, "v": 135} {
			bound[name] = make([]float32, n)
		}
		for _, name := range []string{"w", "b", "m", "v"} {
			for i := range bound[name] {
				bound[name][i] = float32(wr.NormFloat64())
			}
		}
		p, err := Compile(gorgonia.Nodes{h}, bound, Options{Threads: 1 + batch%4})
		if err != nil {
			t.Fatal(err)
		}
		in := p.Input("x")
		for i := range in {
			in[i] = float32(rng.NormFloat64())
		}
		sample := rand.New(rand.NewPCG(9, 9))
		at := (batch - 1) * 2 * 729
		for i := range 2 * 729 {
			in[at+i] = float32(sample.NormFloat64())
		}
		p.Run()
		got := p.Output(0)[(batch-1)*8:]
		if batch == 1 {
			alone = append([]float32(nil), got...)
			continue
		}
		for i, v := range got {
			if v != alone[i] {
				t.Fatalf("batch of %d: element %d is %v, alone %v", batch, i, v, alone[i])
			}
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("x"))
	foreign := gorgonia.Must(gorgonia.Tanh(x))
	if _, err := Compile(gorgonia.Nodes{foreign}, nil, Options{}); err == nil {
		t.Error("an operator from elsewhere was compiled")
	}
	b := op.Builder{}
	y := b.Unary(op.Exp, x)
	if _, err := Compile(gorgonia.Nodes{y}, map[string][]float32{"x": make([]float32, 5)}, Options{}); err == nil {
		t.Error("a bound slice of the wrong length was taken")
	}
	d := gorgonia.NewTensor(g, tensor.Float64, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("d"))
	if _, err := Compile(gorgonia.Nodes{b.Unary(op.Exp, d)}, nil, Options{}); err == nil {
		t.Error("a float64 graph was compiled")
	}
}
