package compute_test

import (
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
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

// TestTrainingStepAllocatesNothing: the suite of the back ends holds what a step
// computes.
func TestTrainingStepAllocatesNothing(t *testing.T) {
	outs, params, grads := line(t)
	p, err := compute.CompileTraining(outs, params, grads, map[string][]float32{"w": {1, 1}}, compute.AdamDefaults(0.1), compute.Options{Backends: cpu.List()})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, p.Run); n != 0 {
		t.Errorf("%v allocations in a step", n)
	}
}

func TestTrainingRefuses(t *testing.T) {
	outs, params, grads := line(t)
	if _, err := compute.CompileTraining(outs, params, grads, nil, compute.AdamDefaults(0.1), compute.Options{Backends: cpu.List()}); err == nil {
		t.Error("a parameter that is not bound was taken")
	}
	a := compute.AdamDefaults(0.1)
	a.M, a.V = [][]float32{{0}}, [][]float32{{0}}
	if _, err := compute.CompileTraining(outs, params, grads, map[string][]float32{"w": {1, 1}}, a, compute.Options{Backends: cpu.List()}); err == nil {
		t.Error("moments of another network were taken")
	}
	if _, err := compute.CompileTraining(outs, params, nil, nil, a, compute.Options{Backends: cpu.List()}); err == nil {
		t.Error("no gradients were taken")
	}
}
