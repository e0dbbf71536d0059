package conform

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// batchDoesNotMatter: a sample gives the same bits alone and in a batch.
func (s *suite) batchDoesNotMatter() {
	wr := rand.New(rand.NewPCG(8, 8))
	bound := map[string][]float32{}
	var alone []float32
	for _, batch := range []int{1, 2, 5, 13, 33, 70} {
		g, feed, b := gorgonia.NewGraph(), map[string][]float32{}, op.Builder{}
		weights := func(name string, sh ...int) *gorgonia.Node {
			n := leaf(g, feed, wr, name, sh...)
			if bound[name] == nil {
				bound[name] = feed[name]
			}
			return n
		}
		x := leaf(g, feed, rand.New(rand.NewPCG(5, uint64(batch))), "x", batch, 2, 9, 9, 9) //nolint:gosec // not negative
		h := b.AddChannel(b.Do(op.Conv{Stride: 2, Pad: 1}, x, weights("w", 14, 2, 3, 3, 3)), weights("b", 14))
		h = b.Reshape(b.Do(op.Unary{F: op.LeakyReLU, C: 0.2}, h), batch, 14*125)
		h = b.Do(op.MatMul{}, h, weights("m", 14*125, 40))
		h = b.Do(op.Conv{Stride: 1, Pad: 1}, b.Reshape(h, batch, 5, 2, 2, 2), weights("v", 1, 5, 3, 3, 3))
		if b.Err != nil {
			s.Fatal(b.Err)
		}
		sample := rand.New(rand.NewPCG(9, 9))
		for i := range 2 * 729 {
			feed["x"][(batch-1)*2*729+i] = float32(sample.NormFloat64())
		}
		for _, frozen := range []bool{false, true} {
			p := s.compile(gorgonia.Nodes{h}, bound, compute.Options{Frozen: frozen})
			copy(p.Input("x"), feed["x"])
			p.Run()
			got := p.Output(0)[(batch-1)*8:]
			if alone == nil {
				alone = append(alone, got...)
			}
			for i, v := range got {
				if math.Float32bits(v) != math.Float32bits(alone[i]) {
					s.Fatalf("batch of %d, frozen %t: element %d is %v, alone %v", batch, frozen, i, v, alone[i])
				}
			}
		}
	}
}

// Descent is gradient descent in z on |z*w - x|, clamped: outputs are the loss
// [3] and the next z, inputs z, w and x [3,40].
func Descent(rounds int) (outs gorgonia.Nodes, l *compute.Loop, err error) {
	g, b := gorgonia.NewGraph(), op.Builder{}
	in := func(name string) *gorgonia.Node {
		return gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(3, 40), gorgonia.WithName(name))
	}
	z, x := in("z"), in("x")
	loss := b.SumRows(b.Unary(op.Square, b.Sub(b.Mul(z, in("w")), x)))
	if b.Err != nil {
		return nil, nil, b.Err
	}
	slope, err := op.Grad(loss, z)
	if err != nil {
		return nil, nil, err
	}
	next := b.Sub(z, b.Scale(slope[0], 0.05))
	l = &compute.Loop{Rounds: rounds, Carry: []compute.Carry{{Output: 1, Input: "z", Low: -0.5, High: 0.5}}, Keep: []int{0}}
	return gorgonia.Nodes{loss, next}, l, b.Err
}

// loop follows gradient descent on |z*w - x|, clamped, round by round.
func (s *suite) loop() {
	const rounds, size = 12, 3 * 40
	outs, l, err := Descent(rounds)
	if err != nil {
		s.Fatal(err)
	}
	p := s.compile(outs, nil, compute.Options{Loop: l})
	rng := rand.New(rand.NewPCG(4, 4))
	for again := range 2 {
		feed := map[string][]float32{}
		for _, name := range p.Inputs() {
			feed[name] = make([]float32, size)
			for i := range feed[name] {
				feed[name][i] = float32(rng.NormFloat64())
			}
			copy(p.Input(name), feed[name])
		}
		told := 0
		if err := p.Repeat(func(done int) error { told = done; return nil }); err != nil || told != rounds {
			s.Fatal(err, told)
		}
		var kept []float64
		for round := range rounds {
			want := op.Evaluate(feed, outs...)
			kept = append(kept, want[0]...)
			if round < rounds-1 {
				for i, v := range want[1] {
					feed["z"][i] = float32(min(max(v, -0.5), 0.5))
				}
				continue
			}
			for what, err := range map[string]error{"losses": Compare(p.Kept(0), kept), "next z": Compare(p.Output(1), want[1])} {
				if err != nil {
					s.Errorf("loop %d: %s: %v", again, what, err)
				}
			}
		}
		for i, v := range p.Input("z") {
			if math.Abs(float64(v-feed["z"][i])) > 1e-6 {
				s.Fatalf("loop %d: z[%d] is %v at the end, want %v", again, i, v, feed["z"][i])
			}
		}
	}
	stop := errors.New("enough")
	if err := p.Repeat(func(int) error { return stop }); !errors.Is(err, stop) || p.Err() != nil {
		s.Errorf("a loop that its caller ends gives %v", err)
	}
}

// trainingStep follows the first steps by hand: with a constant gradient Adam
// moves by the rate, whatever the gradient's size, and clipping changes nothing
// but the moments.
func (s *suite) trainingStep() {
	g, b := gorgonia.NewGraph(), op.Builder{}
	w := gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(2), gorgonia.WithName("w"))
	x := gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(2), gorgonia.WithName("x"))
	cost := b.Do(op.SumTo{Out: tensor.Shape{1}}, b.Mul(w, x)) // gradient x
	if b.Err != nil {
		s.Fatal(b.Err)
	}
	grads, err := op.Grad(cost, w)
	if err != nil {
		s.Fatal(err)
	}
	values := []float32{1, 1}
	a := compute.AdamDefaults(0.1)
	a.Clip = 5
	p, err := compute.CompileTraining(gorgonia.Nodes{cost}, gorgonia.Nodes{w}, grads, map[string][]float32{"w": values}, a, s.options())
	if err != nil {
		s.Fatal(err)
	}
	copy(p.Input("x"), []float32{30, -40})
	p.Run()
	if math.Abs(float64(p.Output(0)[0])+10) > 1e-5 || math.Abs(a.Norm-50) > 1e-4 || a.Steps != 1 {
		s.Errorf("cost %g, norm %g, %d steps; want -10, 50, 1", p.Output(0)[0], a.Norm, a.Steps)
	}
	if math.Abs(float64(a.M[0][0])-0.1*3) > 1e-6 || math.Abs(float64(a.V[0][1])-0.001*16) > 1e-6 {
		s.Errorf("moments %v and %v", a.M, a.V)
	}
	p.Hold()
	p.Run()
	if err := errors.Join(p.Fetch(), p.Err()); err != nil {
		s.Fatal(err)
	}
	for i, want := range []float64{0.8, 1.2} {
		if math.Abs(float64(values[i])-want) > 1e-5 {
			s.Errorf("%s is %g, want %g", fmt.Sprint("weight ", i), values[i], want)
		}
	}
}
