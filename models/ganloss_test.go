package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// close64 holds every output against float64, relative to the largest value of
// its tensor.
func close64(t *testing.T, name string, got [][]float32, want [][]float64, tolerance float64) {
	t.Helper()
	for i := range got {
		var worst, top float64
		for j, w := range want[i] {
			top = math.Max(top, math.Abs(w))
			worst = math.Max(worst, math.Abs(float64(got[i][j])-w))
		}
		if !(worst <= tolerance*top) {
			t.Errorf("%s: output %d differs by %g of %g", name, i, worst, top)
		}
	}
}

// lossCase is a training loss whose gradients are checked.
type lossCase struct {
	name      string
	gan       GAN
	loss      string
	generator bool // the generator's step, otherwise the critic's
}

// build is loss and gradients of the step, on a fresh graph.
func (c lossCase) build(t *testing.T, g *Graph, ps Params, batch int) gorgonia.Nodes {
	t.Helper()
	s := GANSettings{Loss: c.loss}.inUse(c.gan)
	var loss *gorgonia.Node
	var err error
	if c.generator {
		loss, err = c.gan.generatorGraph(g, batch, s)
	} else {
		var a adversary
		a, err = c.gan.criticGraph(g, batch, s)
		loss = a.loss
	}
	if err != nil {
		t.Fatal(err)
	}
	return withGradients(t, g, loss, ps)
}

// withGradients is a loss with its gradients in all parameters.
func withGradients(t *testing.T, g *Graph, loss *gorgonia.Node, ps Params) gorgonia.Nodes {
	t.Helper()
	grads, err := op.Grad(loss, g.Params(ps)...)
	if err != nil {
		t.Fatal(err)
	}
	return append(gorgonia.Nodes{loss}, grads...)
}

// TestTrainingGradients holds loss and gradients of every training step, with a
// support that has holes, against the plain operators in float64, and that of
// the penalty against a difference quotient.
func TestTrainingGradients(t *testing.T) {
	plain, normed := GAN{Dims: 2, Latent: 6}, GAN{Dims: 2, Latent: 6, Norm: true}
	for _, c := range []lossCase{
		{"wgan-gp critic", plain, WGANGP, false}, {"wgan-gp generator", plain, WGANGP, true},
		{"dcgan discriminator", normed, DCGAN, false}, {"dcgan generator", normed, DCGAN, true},
	} {
		rng := rand.New(rand.NewPCG(4, 4))
		gen, critic := c.gan.NewParams(rng)
		for _, p := range append(append(Params{}, gen...), critic...) {
			for i := range p.Data { // gradients of about 1, and no layer exactly at its kink outside the support
				p.Data[i] = 3*p.Data[i] + 0.05*float32(rng.NormFloat64())
			}
		}
		ps := critic
		if c.generator {
			ps = gen
		}
		const batch = 2
		v := c.gan.Voxels()
		inputs := map[string][]float32{"support": noise(rng, batch*v), "z": noise(rng, batch*c.gan.Latent)}
		for i, s := range inputs["support"] {
			inputs["support"][i] = float32(math.Round(float64(s)))
		}
		if !c.generator {
			inputs["real"] = noise(rng, batch*v)
			for i, s := range inputs["support"] {
				inputs["real"][i] *= s
			}
			if c.loss == WGANGP {
				inputs["u"] = noise(rng, batch)
			}
		}
		all := append(append(Params{}, gen...), critic...)
		got, want := both(t, func(g *Graph) gorgonia.Nodes { return c.build(t, g, ps, batch) }, c.gan, all, inputs)
		close64(t, c.name, got, want, 2e-4)
		if c.loss != WGANGP || c.generator {
			continue // first derivatives alone
		}
		// Along the gradient of the first layer.
		at := 0
		for i := range all {
			if all[i].Name == ps[0].Name {
				at = i
			}
		}
		loss := func(step float64) float64 {
			moved := all.clone()
			for j := range moved[at].Data {
				moved[at].Data[j] += float32(step * want[1][j])
			}
			g := c.gan.NewGraph(tensor.Float64)
			return tape(t, g, c.build(t, g, ps, batch)[:1], moved, inputs)[0][0]
		}
		var slope float64
		for _, d := range want[1] {
			slope += d * d
		}
		h := 1e-3 / math.Sqrt(slope)
		if q := (loss(h) - loss(-h)) / (2 * h); !(math.Abs(q-slope) <= 0.03*slope) {
			t.Errorf("%s: difference quotient %g, gradient %g", c.name, q, slope)
		}
	}
}

// TestFakesAreCutToTheSupport: what a generator paints outside the support of
// the real patch in its row must not reach the critic.
func TestFakesAreCutToTheSupport(t *testing.T) {
	n := GAN{Dims: 2, Latent: 4}
	for _, loss := range []string{WGANGP, DCGAN} {
		s := GANSettings{Loss: loss, Batch: 2}.inUse(n)
		tr, err := newGANTrainer(GANRun{GAN: n, Train: blobs{4}, Settings: s})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.loadCritic(0); err != nil {
			t.Fatal(err)
		}
		clear(tr.planC.Input("support"))
		clear(tr.planC.Input("real"))
		tr.planC.Run()
		if gap := tr.planC.Output(1)[0]; gap != 0 {
			t.Errorf("%s: with no support real and fake are equal, and the critic parts them by %g", loss, gap)
		}
	}
}

// TestLogSigmoidDoesNotOverflow at judgements where exp does.
func TestLogSigmoidDoesNotOverflow(t *testing.T) {
	n := GAN{Dims: 2, Latent: 2}
	got, want := both(t, func(g *Graph) gorgonia.Nodes {
		x := g.Input("d", 4)
		out := g.minusLogSigmoid(x, 1)
		d, err := op.Grad(out, x)
		if err != nil {
			t.Fatal(err)
		}
		return gorgonia.Nodes{out, d[0]}
	}, n, nil, map[string][]float32{"d": {-1e4, -3, 3, 1e4}})
	close64(t, "-log sigmoid", got, want, 1e-6)
	if got[0][0] != 1e4 || got[0][3] != 0 || got[1][0] != -1 {
		t.Errorf("-log sigmoid at -1e4 and 1e4: %g and %g, slope %g", got[0][0], got[0][3], got[1][0])
	}
}
