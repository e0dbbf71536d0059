package compute

import (
	"math"
	"testing"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// line fits y = w*x with a cost whose gradient is known.
func line(t *testing.T) (outs, params, grads gorgonia.Nodes) {
	t.Helper()
	g := gorgonia.NewGraph()
	w := gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(2), gorgonia.WithName("w"))
	x := gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(2), gorgonia.WithName("x"))
	b := op.Builder{}
	cost := b.Do(op.SumTo{Out: tensor.Shape{1}}, b.Mul(w, x)) // gradient x
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	d, err := op.Grad(cost, w)
	if err != nil {
		t.Fatal(err)
	}
	return gorgonia.Nodes{cost}, gorgonia.Nodes{w}, d
}

// TestTrainingStep follows the first steps by hand: with a constant gradient
// Adam moves by the rate, whatever the gradient's size, and clipping changes
// nothing but the moments.
func TestTrainingStep(t *testing.T) {
	outs, params, grads := line(t)
	w := []float32{1, 1}
	a := AdamDefaults(0.1)
	a.Clip = 5
	p, err := CompileTraining(outs, params, grads, map[string][]float32{"w": w}, a, Options{})
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Input("x"), []float32{30, -40})
	p.Run()
	if p.Output(0)[0] != -10 || a.Norm != 50 || a.Steps != 1 {
		t.Errorf("cost %g, norm %g, %d steps; want -10, 50, 1", p.Output(0)[0], a.Norm, a.Steps)
	}
	if math.Abs(float64(a.M[0][0])-0.1*3) > 1e-6 || math.Abs(float64(a.V[0][1])-0.001*16) > 1e-6 {
		t.Errorf("moments %v and %v", a.M, a.V)
	}
	p.Run()
	for i, want := range []float64{0.8, 1.2} {
		if math.Abs(float64(w[i])-want) > 1e-5 {
			t.Errorf("weight %d is %g, want %g", i, w[i], want)
		}
	}
	if n := testing.AllocsPerRun(10, p.Run); n != 0 {
		t.Errorf("%v allocations in a step", n)
	}
}

func TestTrainingRefuses(t *testing.T) {
	outs, params, grads := line(t)
	if _, err := CompileTraining(outs, params, grads, nil, AdamDefaults(0.1), Options{}); err == nil {
		t.Error("a parameter that is not bound was taken")
	}
	a := AdamDefaults(0.1)
	a.M, a.V = [][]float32{{0}}, [][]float32{{0}}
	if _, err := CompileTraining(outs, params, grads, map[string][]float32{"w": {1, 1}}, a, Options{}); err == nil {
		t.Error("moments of another network were taken")
	}
	if _, err := CompileTraining(outs, params, nil, nil, a, Options{}); err == nil {
		t.Error("no gradients were taken")
	}
}
