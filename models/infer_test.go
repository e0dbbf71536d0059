package models

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
)

// TestScoreAllIsScore holds many patches at once against one after the other.
func TestScoreAllIsScore(t *testing.T) {
	eachVAE(35, 5, func(v VAE, ps Params, x, support [][]float32, seeds [][32]byte) {
		s := newScorer(t, v, ps, 3, compute.Options{})
		got := scoreAll(t, s, x, support, seeds)
		for i := range x {
			if d := cmp.Diff(s.Score(x[i], support[i], seeds[i]), got[i]); d != "" {
				t.Fatalf("%+v: patch %d (-alone +among others):\n%.400s", v, i, d)
			}
		}
		if _, err := s.ScoreAll(x, support[1:], seeds); err == nil {
			t.Error("a support was missing and nobody said so")
		}
		x[2] = x[2][1:]
		if _, err := s.ScoreAll(x, support, seeds); err == nil {
			t.Error("a patch that is too small was scored")
		}
	})
}

// eachVAE hands over small networks and patches for them, as many as flat says in
// two dimensions and deep in three: more than fill a plan.
func eachVAE(flat, deep int, do func(v VAE, ps Params, x, support [][]float32, seeds [][32]byte)) {
	for _, v := range []VAE{{Dims: 2, Latent: 5}, {Dims: 2, Latent: 5, LearnedSigma: true}, {Dims: 3, Latent: 5}} {
		count := flat
		if v.Dims == 3 {
			count = deep
		}
		x, support, seeds := queries(GAN{Dims: v.Dims}, count)
		do(v, v.NewParams(rand.New(rand.NewPCG(1, 1))), x, support, seeds)
	}
}

// TestLearnedVariance holds the loss with a learned variance and its gradient
// against the formula in float64.
func TestLearnedVariance(t *testing.T) {
	g := GAN{Dims: 2, Latent: 2}
	got, want := both(t, func(g *Graph) gorgonia.Nodes {
		v := VAE{Dims: 2, Latent: 2, LearnedSigma: true}
		g.shapes[sigmaName] = []int{1}
		out := v.misfit(g, g.Input("recon", 2), g.Input("support", 2, 3))
		d, err := op.Grad(out, g.param(sigmaName))
		if err != nil {
			t.Fatal(err)
		}
		return gorgonia.Nodes{out, d[0]}
	}, g, Params{{sigmaName, []int{1}, []float32{-1.5}}}, map[string][]float32{"recon": {0.7, 2}, "support": {1, 1, 0, 1, 1, 1}})
	close64(t, "misfit", got, want, 1e-6)
	e := math.Exp(1.5)
	for i, w := range []float64{0.7/2*e - 1.5, 2.0/2*e - 1.5*1.5} {
		if math.Abs(want[0][i]-w) > 1e-6 {
			t.Errorf("patch %d: %g, the formula gives %g", i, want[0][i], w)
		}
	}
	if w := -0.7/2*e + 1 - 2.0/2*e + 1.5; math.Abs(want[1][0]-w) > 1e-5 {
		t.Errorf("derivative by log sigma^2 %g, the formula gives %g", want[1][0], w)
	}
}

// TestVarianceIsLearned: it ends near the mean squared error that is left.
func TestVarianceIsLearned(t *testing.T) {
	r := run("")
	r.VAE.LearnedSigma = true
	r.Settings.Epochs = 40
	var last Progress
	r.Progress = func(p Progress) { last = p }
	got, err := TrainVAE(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Header.LearnedSigma || got.Header.VAE() != r.VAE {
		t.Errorf("the header says %+v", got.Header)
	}
	sigma2 := math.Exp(float64(got.Params.find(sigmaName).Data[0]))
	if left := last.Recon / 784; !(sigma2 > 0.5*left && sigma2 < 2*left) {
		t.Errorf("variance %g, mean squared error %g", sigma2, left)
	}
	_, start, err := source{r.Settings.Seed}.brightness(r.Train, 784)
	if err != nil {
		t.Fatal(err)
	}
	if !(sigma2 < start/2) {
		t.Errorf("variance %g has hardly left %g of the data", sigma2, start)
	}
}

// TestScoreUnderLearnedVariance follows the formula.
func TestScoreUnderLearnedVariance(t *testing.T) {
	v := VAE{Dims: 2, Latent: 4, LearnedSigma: true}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 1)))
	ps.find(sigmaName).Data[0] = -2
	x, support, seeds := queries(GAN{Dims: 2}, 1)
	s := newScorer(t, v, ps, 10, compute.Options{})
	b := s.Score(x[0], support[0], seeds[0])
	if want := b.Recon/2*math.Exp(2) - 2*784/2*6/7.0; math.Abs(b.Misfit-want) > 1e-6*math.Abs(want) {
		t.Errorf("misfit %g, the formula gives %g", b.Misfit, want)
	}
	if len(b.Posterior) != 4 || len(b.LogVar) != 4 {
		t.Errorf("posterior of %d and %d values", len(b.Posterior), len(b.LogVar))
	}
	kl := 0.0
	for i, m := range b.Posterior {
		lv := float64(b.LogVar[i])
		kl += (float64(m)*float64(m) + math.Exp(lv) - 1 - lv) / 2
	}
	if math.Abs(kl-b.KL) > 1e-9 {
		t.Errorf("KL %g, that of its posterior is %g", b.KL, kl)
	}
	v.LearnedSigma = false
	s = newScorer(t, v, ps[:len(ps)-1], 10, compute.Options{})
	if b := s.Score(x[0], support[0], seeds[0]); b.Misfit != b.Recon {
		t.Errorf("without a learned variance the misfit is %g and the reconstruction %g", b.Misfit, b.Recon)
	}
}

// newScorer is NewScorer, which must not fail.
func newScorer(t *testing.T, v VAE, ps Params, samples int, o compute.Options) *Scorer {
	t.Helper()
	s, err := NewScorer(v, ps, samples, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scoreAll is ScoreAll, which must not fail.
func scoreAll(t *testing.T, s *Scorer, x, support [][]float32, seeds [][32]byte) []PatchBound {
	t.Helper()
	got, err := s.ScoreAll(x, support, seeds)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
