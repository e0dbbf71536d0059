package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestNetworksOnEveryKernelSet holds outputs of the reference networks in both
// dimensions, on every kernel set, against the plain operators in float64.
func TestNetworksOnEveryKernelSet(t *testing.T) {
	for _, dims := range []int{2, 3} {
		v, n := VAE{Dims: dims, Latent: 8}, GAN{Dims: dims, Latent: 8}
		rng := rand.New(rand.NewPCG(6, 6))
		gen, critic := n.NewParams(rng)
		ps := append(append(v.NewParams(rng), gen...), critic...)
		for _, p := range ps {
			for i := range p.Data {
				p.Data[i] += 0.02 // no output is a difference of large sums
			}
		}
		inputs := map[string][]float32{"x": noise(rng, v.Voxels()), "z": noise(rng, 8)}
		build := func(dtype tensor.Dtype) (*Graph, gorgonia.Nodes) {
			specs := append(append(v.specs(), n.generatorSpecs()...), n.criticSpecs()...)
			g := newGraph(dtype, specs)
			x, z := g.Input("x", v.shape(size, 1, 1)...), g.Input("z", 1, 8)
			mean, logvar := v.Encode(g, x)
			features, score := n.Critic(g, x)
			outs := gorgonia.Nodes{mean, logvar, v.Decode(g, z), n.Generate(g, z), features, score}
			if g.Err != nil {
				t.Fatal(g.Err)
			}
			return g, outs
		}
		g, outs64 := build(tensor.Float64)
		want := tape(t, g, outs64, ps, inputs)
		for _, name := range cpu.Names() {
			b, err := cpu.New(cpu.Options{Threads: 2, Kernels: name})
			if err != nil {
				t.Fatal(err)
			}
			for _, frozen := range []bool{false, true} {
				_, outs := build(tensor.Float32)
				p, err := compute.Compile(outs, ps.Bound(), compute.Options{Backends: []compute.Backend{b}, Frozen: frozen})
				if err != nil {
					t.Fatal(err)
				}
				close64(t, fmt.Sprintf("%dD, %s", dims, name), outputsOf(p, len(outs), inputs), want, 5e-6)
			}
		}
	}
}

// TestWeightsOfAnotherNetwork are refused before anything runs, by name.
func TestWeightsOfAnotherNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	v := VAE{Dims: 2, Latent: 8}
	other := VAE{Dims: 2, Latent: 9}.NewParams(rng)
	if _, err := NewScorer(v, other, 10, compute.Options{}); err == nil {
		t.Error("weights of another latent size were taken")
	}
	g := v.NewGraph(tensor.Float32)
	mean, _ := v.Encode(g, g.Input("x", 1, 1, 28, 28))
	if _, err := compute.Compile(gorgonia.Nodes{mean}, other.Bound(), compute.Options{Backends: cpu.List()}); err == nil {
		t.Error("a plan was compiled with weights of another network")
	}
	n := GAN{Dims: 2, Latent: 3}
	gen, critic := n.NewParams(rng)
	if err := n.check(gen, critic); err != nil {
		t.Error(err)
	}
	if err := n.check(critic, gen); err == nil {
		t.Error("generator and critic were taken for each other")
	}
}

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
			return g, withGrads(t, g, loss, ps, loss, terms.Recon, terms.KL)
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

// withGrads are outs and the gradients of loss by the parameters.
func withGrads(t *testing.T, g *Graph, loss *gorgonia.Node, ps Params, outs ...*gorgonia.Node) gorgonia.Nodes {
	t.Helper()
	checktest.Must(t, g.Err)
	grads, err := op.Grad(loss, g.Params(ps)...)
	checktest.Must(t, err)
	return append(outs, grads...)
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

// both runs a plan in float32 and the same graph on Gorgonia's tape machine in
// float64.
func both(t *testing.T, build func(*Graph) gorgonia.Nodes, n GAN, ps Params, inputs map[string][]float32) (got [][]float32, want [][]float64) {
	t.Helper()
	g := n.NewGraph(tensor.Float32)
	outs := build(g)
	plan, err := compute.Compile(outs, ps.Bound(), compute.Options{Backends: cpu.List()})
	if err != nil {
		t.Fatal(err)
	}
	g = n.NewGraph(tensor.Float64)
	return outputsOf(plan, len(outs), inputs), tape(t, g, build(g), ps, inputs)
}

// TestPenaltyGradient compares the gradients of the critic's loss, penalty and
// second derivatives included, with the plain operators in float64, and one of
// them with a difference quotient.
func TestPenaltyGradient(t *testing.T) {
	n := GAN{Dims: 2, Latent: 6}
	rng := rand.New(rand.NewPCG(4, 4))
	_, ps := n.NewParams(rng)
	for _, p := range ps {
		for i := range p.Data {
			p.Data[i] *= 3 // gradients of about 1
		}
	}
	const batch = 3
	inputs := map[string][]float32{}
	for _, name := range []string{"real", "fake", "mix"} {
		inputs[name] = noise(rng, batch*n.Voxels())
	}
	build := func(g *Graph) gorgonia.Nodes {
		var in gorgonia.Nodes
		for _, name := range []string{"real", "fake", "mix"} {
			in = append(in, g.Input(name, batch, 1, 28, 28))
		}
		loss, err := n.CriticLoss(g, in[0], in[1], in[2], 10)
		if err != nil {
			t.Fatal(err)
		}
		return withGradients(t, g, loss, ps)
	}
	got, want := both(t, build, n, ps, inputs)
	close64(t, "critic's loss", got, want, 5e-5)
	// Along one direction in the weights of the first layer.
	loss := func(step float64) float64 {
		g := n.NewGraph(tensor.Float64)
		moved := ps.clone()
		for j := range moved[0].Data {
			moved[0].Data[j] += float32(step * want[1][j])
		}
		return tape(t, g, build(g)[:1], moved, inputs)[0][0]
	}
	var slope float64
	for _, d := range want[1] {
		slope += d * d
	}
	h := 1e-3 / math.Sqrt(slope)
	if q := (loss(h) - loss(-h)) / (2 * h); math.Abs(q-slope) > 0.02*slope {
		t.Errorf("difference quotient %g, gradient %g", q, slope)
	}
}

// TestSearchGradient compares loss and gradient in z of the latent search.
func TestSearchGradient(t *testing.T) {
	n := GAN{Dims: 2, Latent: 6}
	rng := rand.New(rand.NewPCG(5, 5))
	gen, critic := n.NewParams(rng)
	ps := append(append(Params{}, gen...), critic...)
	const batch = 3
	inputs := map[string][]float32{"x": noise(rng, batch*n.Voxels()), "support": noise(rng, batch*n.Voxels()),
		"features": noise(rng, batch*n.Features()), "z": noise(rng, batch*n.Latent)}
	got, want := both(t, func(g *Graph) gorgonia.Nodes {
		z := g.Input("z", batch, n.Latent)
		loss := n.SearchLoss(g, g.Input("x", batch, 1, 28, 28), g.Input("support", batch, 1, 28, 28), g.Input("features", batch, n.Features()), z, 0.5)
		if g.Err != nil {
			t.Fatal(g.Err)
		}
		d, err := op.Grad(loss, z)
		if err != nil {
			t.Fatal(err)
		}
		return gorgonia.Nodes{loss, d[0]}
	}, n, ps, inputs)
	close64(t, "latent search", got, want, 1e-4)
}
