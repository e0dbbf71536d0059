package compute

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute/conform"
	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestConformance holds every operator, on every kernel set and with one to
// three workers, against the reference in float64.
func TestConformance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range conform.Cases(rng) {
		x32 := c.Inputs(rng)
		want, err := c.Want(x32)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range kernel.Sets() {
			var first []float32
			for threads := 1; threads <= 3; threads++ {
				n, err := c.Graph()
				if err != nil {
					t.Fatal(err)
				}
				p, err := Compile(gorgonia.Nodes{n}, nil, Options{Threads: threads, Kernels: set})
				if err != nil {
					t.Fatal(err)
				}
				for round := range 2 { // the second run finds used buffers
					for i := range x32 {
						copy(p.inputs[fmt.Sprint("x", i)], x32[i]) // a constant reads none
					}
					p.Run()
					name := fmt.Sprintf("%s %v, %s, %d workers, run %d", c.Op.Name(), c.Shapes, set.Name, threads, round)
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

// compare fails where a float32 sum would be nearer.
func compare(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if err := conform.Compare(got, want); err != nil {
		t.Fatalf("%s: %v", what, err)
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
