package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestGradientsOfTheBound compares every gradient of the compiled training
// graph with Gorgonia's tape machine on the plain operators in float64.
func TestGradientsOfTheBound(t *testing.T) {
	for _, v := range []VAE{{Dims: 2, Latent: 5}, {Dims: 3, Latent: 3}} {
		n := 4 - v.Dims
		rng := rand.New(rand.NewPCG(1, 2))
		ps := v.NewParams(rng)
		for _, p := range ps { // biases too
			for i := range p.Data {
				p.Data[i] += 0.03 * float32(rng.NormFloat64())
			}
		}
		shape := v.shape(size, n, 1)
		inputs := map[string][]float32{"x": noise(rng, n*v.Voxels()), "support": noise(rng, n*v.Voxels()), "eps": noise(rng, n*v.Latent)}
		for i, s := range inputs["support"] {
			inputs["support"][i] = float32(math.Round(float64(s)))
		}
		build := func(dtype tensor.Dtype) (*Graph, gorgonia.Nodes) {
			g := v.NewGraph(dtype)
			terms := v.Bound(g, g.Input("x", shape...), g.Input("support", shape...), g.Input("eps", n, v.Latent))
			loss := g.Mean(g.Add(terms.Recon, terms.KL))
			if g.Err != nil {
				t.Fatal(g.Err)
			}
			grads, err := op.Grad(loss, g.Params(ps)...)
			if err != nil {
				t.Fatal(err)
			}
			return g, append(gorgonia.Nodes{loss, terms.Recon, terms.KL}, grads...)
		}
		_, outs := build(tensor.Float32)
		plan, err := compute.Compile(outs, ps.Bound(), compute.Options{Backends: cpu.List()})
		if err != nil {
			t.Fatal(err)
		}
		g, outs64 := build(tensor.Float64)
		want := tape(t, g, outs64, ps, inputs)
		close64(t, fmt.Sprintf("%dD", v.Dims), outputsOf(plan, len(outs), inputs), want, 2e-5)
	}
}

func noise(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = rng.Float32()
	}
	return x
}

// outputsOf runs a plan on inputs by name, and gives copies of its count
// outputs.
func outputsOf(plan *compute.Plan, count int, inputs map[string][]float32) (outs [][]float32) {
	for name, x := range inputs {
		copy(plan.Input(name), x)
	}
	plan.Run()
	for i := range count {
		outs = append(outs, slices.Clone(plan.Output(i)))
	}
	return outs
}

// tape runs the plain operators in float64 on Gorgonia's tape machine.
func tape(t *testing.T, g *Graph, outs gorgonia.Nodes, ps Params, inputs map[string][]float32) [][]float64 {
	t.Helper()
	let := func(name string, x []float32) {
		n := g.leaves[name]
		d := make([]float64, len(x))
		for i, v := range x {
			d[i] = float64(v)
		}
		if err := gorgonia.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(d))); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range ps {
		let(p.Name, p.Data)
	}
	for name, x := range inputs {
		let(name, x)
	}
	values := make([]gorgonia.Value, len(outs))
	for i, n := range outs {
		gorgonia.Read(n, &values[i])
	}
	vm := gorgonia.NewTapeMachine(g.G)
	defer func() { _ = vm.Close() }()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	r := make([][]float64, len(outs))
	for i, v := range values {
		r[i] = v.Data().([]float64)
	}
	return r
}
