package compute_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestCompileRefuses(t *testing.T) {
	o := compute.Options{Backends: cpu.List()}
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("x"))
	foreign := gorgonia.Must(gorgonia.Tanh(x))
	if _, err := compute.Compile(gorgonia.Nodes{foreign}, nil, o); err == nil {
		t.Error("an operator from elsewhere was compiled")
	}
	b := op.Builder{}
	y := b.Unary(op.Exp, x)
	if _, err := compute.Compile(gorgonia.Nodes{y}, map[string][]float32{"x": make([]float32, 5)}, o); err == nil {
		t.Error("a bound slice of the wrong length was taken")
	}
	d := gorgonia.NewTensor(g, tensor.Float64, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("d"))
	if _, err := compute.Compile(gorgonia.Nodes{b.Unary(op.Exp, d)}, nil, o); err == nil {
		t.Error("a float64 graph was compiled")
	}
	if _, err := compute.Compile(gorgonia.Nodes{y}, nil, compute.Options{}); err == nil {
		t.Error("a plan without a machine was compiled")
	}
}

// broken is a back end that does not build, or whose runs fail from some run on.
type broken struct {
	compute.Backend
	name   string
	builds bool
	runs   int
	dead   bool
	told   []error
}

type brokenRun struct {
	compute.Executable
	b *broken
}

var errBroken = errors.New("broken")

func (b *broken) Machine() compute.Machine { return compute.Machine{Device: b.name} }
func (b *broken) Alive() bool              { return !b.dead }
func (b *broken) Failed(err error)         { b.told, b.dead = append(b.told, err), b.builds }
func (b *broken) Build(p *compute.Program) (compute.Executable, error) {
	if !b.builds {
		return nil, errBroken
	}
	e, err := b.Backend.Build(p)
	return brokenRun{e, b}, err
}

func (r brokenRun) Run() error {
	if r.b.runs--; r.b.runs < 0 {
		return errBroken
	}
	return r.Executable.Run()
}

// TestListOfBackends: the first that takes a program runs it, and those behind
// it go on, one after the other; the processor is one of them.
func TestListOfBackends(t *testing.T) {
	g, b := gorgonia.NewGraph(), op.Builder{}
	y := b.Scale(gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(3), gorgonia.WithName("x")), 2)
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	processor := cpu.List()[0]
	small := &broken{Backend: processor, name: "small"}
	one := &broken{Backend: processor, name: "one", builds: true, runs: 1}
	two := &broken{Backend: processor, name: "two", builds: true, runs: 1}
	p, err := compute.Compile(gorgonia.Nodes{y}, nil, compute.Options{Backends: []compute.Backend{small, one, two, processor}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one", "two", compute.Processor, compute.Processor} {
		x := float32(i)
		copy(p.Input("x"), []float32{x, x, x})
		p.Run()
		if p.Machine().Device != want || p.Output(0)[2] != 2*x || p.Err() != nil {
			t.Errorf("run %d: %v gives %v (%v), want %s", i, p.Machine(), p.Output(0), p.Err(), want)
		}
		if p.OnDevice() != (want != compute.Processor) {
			t.Errorf("run %d: on a device is %t", i, p.OnDevice())
		}
	}
	for _, b := range []*broken{small, one, two} {
		if len(b.told) != 1 || !errors.Is(b.told[0], errBroken) {
			t.Errorf("%s was told %v", b.name, b.told)
		}
	}

	// Where nobody is left, outputs are no numbers and the plan says why.
	alone := &broken{Backend: processor, name: "alone", builds: true, runs: 1}
	if p, err = compute.Compile(gorgonia.Nodes{y}, nil, compute.Options{Backends: []compute.Backend{alone}}); err != nil {
		t.Fatal(err)
	}
	p.Run()
	p.Run()
	if !math.IsNaN(float64(p.Output(0)[0])) || !errors.Is(p.Err(), errBroken) || p.Machine() != (compute.Machine{}) {
		t.Errorf("%v: %v, %v", p.Machine(), p.Output(0), p.Err())
	}
	if _, err := compute.Compile(gorgonia.Nodes{y}, nil, compute.Options{Backends: []compute.Backend{alone, small}}); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "alone has failed") {
		t.Errorf("a list of which none works gives %v", err)
	}
}

// line fits y = w*x with a cost whose gradient is known.
func line(t *testing.T) (outs, params, grads gorgonia.Nodes) {
	t.Helper()
	g := gorgonia.NewGraph()
	w := gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(2), gorgonia.WithName("w"))
	x := gorgonia.NewTensor(g, tensor.Float32, 1, gorgonia.WithShape(2), gorgonia.WithName("x"))
	b := op.Builder{}
	cost := b.Do(op.SumTo{Out: tensor.Shape{1}}, b.Mul(w, x)) // gradient x
	checktest.Must(t, b.Err)
	d, err := op.Grad(cost, w)
	checktest.Must(t, err)
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
