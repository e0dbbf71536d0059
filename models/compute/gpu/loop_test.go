package gpu

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// descent is gradient descent in z on |z*w - x|, clamped.
func descent(t *testing.T, rounds int) (gorgonia.Nodes, *compute.Loop) {
	t.Helper()
	g := gorgonia.NewGraph()
	leaf := func(name string) *gorgonia.Node {
		return gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(3, 40), gorgonia.WithName(name))
	}
	b := op.Builder{}
	z, x := leaf("z"), leaf("x")
	loss := b.SumRows(b.Unary(op.Square, b.Sub(b.Mul(z, leaf("w")), x)))
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	slope, err := op.Grad(loss, z)
	if err != nil {
		t.Fatal(err)
	}
	next := b.Sub(z, b.Scale(slope[0], 0.05))
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	return gorgonia.Nodes{loss, next}, &compute.Loop{Rounds: rounds, Carry: []compute.Carry{{Output: 1, Input: "z", Low: -0.5, High: 0.5}}, Keep: []int{0}}
}

// TestLoop follows the processor through a loop, and through a second one.
func TestLoop(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		outs, loop := descent(t, 12)
		here, err := compute.Compile(outs, nil, compute.Options{Loop: loop})
		if err != nil {
			t.Fatal(err)
		}
		there := compile(t, b, outs, nil, compute.Options{Loop: loop})
		for round := range 2 {
			rng := rand.New(rand.NewPCG(4, uint64(round)))
			for _, name := range here.Inputs() {
				copy(here.Input(name), draw(rng, 120))
				copy(there.Input(name), here.Input(name))
			}
			told := 0
			for _, p := range []*compute.Plan{here, there} {
				if err := p.Repeat(func(done int) error { told = done; return nil }); err != nil || told != 12 {
					t.Fatal(err, told)
				}
			}
			if err := near(there.Kept(0), here.Kept(0), 1e-6); err != nil || here.Kept(0)[0] <= here.Kept(0)[33] {
				t.Errorf("losses: %v", err)
			}
			if err := near(there.Input("z"), here.Input("z"), 1e-6); err != nil {
				t.Errorf("z: %v", err)
			}
			if err := near(there.Output(1), here.Output(1), 1e-6); err != nil {
				t.Errorf("next z: %v", err)
			}
		}
		stop := errors.New("enough")
		if err := there.Repeat(func(int) error { return stop }); !errors.Is(err, stop) || !there.OnDevice() {
			t.Errorf("a loop that its caller ends gives %v", err)
		}
	})
}

// TestBatchDoesNotMatter: a sample gives the same bits alone and in a batch.
func TestBatchDoesNotMatter(t *testing.T) {
	onEach(t, func(t *testing.T, b strict) {
		var alone []float32
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
		for _, batch := range []int{1, 2, 5, 33, 70} {
			build := op.Builder{}
			g := gorgonia.NewGraph()
			leaf := func(name string, s ...int) *gorgonia.Node {
				return gorgonia.NewTensor(g, tensor.Float32, len(s), gorgonia.WithShape(s...), gorgonia.WithName(name))
			}
			h := build.AddChannel(build.Do(op.Conv{Stride: 2, Pad: 1}, leaf("x", batch, 2, 9, 9, 9), leaf("w", 14, 2, 3, 3, 3)), leaf("b", 14))
			h = build.Do(op.MatMul{}, build.Reshape(build.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, h), batch, 14*125), leaf("m", 14*125, 40))
			h = build.Do(op.Conv{Stride: 1, Pad: 1}, build.Reshape(h, batch, 5, 2, 2, 2), leaf("v", 1, 5, 3, 3, 3))
			if build.Err != nil {
				t.Fatal(build.Err)
			}
			p := compile(t, b, gorgonia.Nodes{h}, bound, compute.Options{Frozen: true})
			in := p.Input("x")
			copy(in, draw(rand.New(rand.NewPCG(5, 6)), len(in)))
			copy(in[(batch-1)*2*729:], draw(rand.New(rand.NewPCG(9, 9)), 2*729))
			p.Run()
			got := p.Output(0)[(batch-1)*8:]
			if batch == 1 {
				alone = append(alone, got...)
			}
			for i, v := range got {
				if math.Float32bits(v) != math.Float32bits(alone[i]) {
					t.Fatalf("batch of %d: element %d is %v, alone %v", batch, i, v, alone[i])
				}
			}
		}
	})
}
