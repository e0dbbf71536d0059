package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

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
