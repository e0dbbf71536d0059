package models

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Scorer evaluates the bound of a trained VAE: one posterior per patch, then
// Samples reconstructions from it. It is used by one goroutine at a time.
type Scorer struct {
	vae     VAE
	params  Params
	samples int
	compute compute.Options
	one     *scorePlan // one patch
	many    *scorePlan // several at once; nil until it is needed

	wholes [len(wholeRows)]*wholePlan // on a device
}

// scorePlan scores a number of patches.
type scorePlan struct {
	rows   int
	encode *compute.Plan
	decode *compute.Plan // all samples of all patches
}

// NewScorer compiles the plans for L = samples draws per patch.
func NewScorer(v VAE, ps Params, samples int, o compute.Options) (*Scorer, error) {
	if err := v.Check(ps); err != nil {
		return nil, err
	}
	if samples < 1 || samples > 1000 {
		return nil, fmt.Errorf("models: %d samples per patch: want 1 to 1000", samples)
	}
	o = listed(o)
	o.Frozen = true
	s := &Scorer{vae: v, params: ps, samples: samples, compute: o}
	if p, err := s.whole(1); p != nil || err != nil {
		return s, err // plans for the processor are made when they are needed
	}
	_, err := s.plan(1)
	return s, err
}

func (s *Scorer) compile(rows int) (*scorePlan, error) {
	v, p := s.vae, &scorePlan{rows: rows}
	o := withoutCards(s.compute)
	g := v.NewGraph(tensor.Float32)
	mean, logvar := v.Encode(g, g.Input("x", v.shape(size, rows, 1)...))
	if g.Err != nil {
		return nil, g.Err
	}
	var err error
	if p.encode, err = compute.Compile(gorgonia.Nodes{mean, logvar}, s.params.Bound(), o); err != nil {
		return nil, err
	}
	g = v.NewGraph(tensor.Float32)
	out := v.Decode(g, g.Input("z", rows*s.samples, v.Latent))
	if g.Err != nil {
		return nil, g.Err
	}
	p.decode, err = compute.Compile(gorgonia.Nodes{out}, s.params.Bound(), o)
	return p, err
}

// PatchBound is the bound of one patch. Misfit + KL is the negative evidence
// lower bound, but for a constant.
type PatchBound struct {
	Recon  float64   // mean over the samples of the sum over the support of (x - mean)^2
	Misfit float64   // -log p(x|z) without its constant, mean over the samples: Recon, or with a learned variance Recon/(2 sigma^2) + n/2 log sigma^2
	KL     float64   // nats
	Mean   []float32 // mean reconstruction, like the patch

	Posterior []float32 // mean of q(z|x), [Latent]
	LogVar    []float32 // log variance of q(z|x), [Latent]

	Machine compute.Machine // what computed it
}

// Score evaluates one patch with noise drawn from seed:
// E_q[log p(x|z)] is estimated by 1/L sum over l of log p(x|z_l).
func (s *Scorer) Score(x, support []float32, seed [32]byte) PatchBound {
	out, err := s.ScoreAll([][]float32{x}, [][]float32{support}, [][32]byte{seed})
	if err != nil {
		panic(err) // sizes, or a network that could not be compiled when the scorer was made
	}
	return out[0]
}

// ScoreAll is Score for many patches, several at a time: the same bits where
// all are scored on the processor or all on a device, sooner.
// It returns an error where the numbers or sizes do not fit.
func (s *Scorer) ScoreAll(patches, supports [][]float32, seeds [][32]byte) ([]PatchBound, error) {
	if len(patches) != len(supports) || len(patches) != len(seeds) {
		return nil, fmt.Errorf("models: %d patches, %d supports and %d seeds", len(patches), len(supports), len(seeds))
	}
	for i, x := range patches {
		if n := s.vae.Voxels(); len(x) != n || len(supports[i]) != n {
			return nil, fmt.Errorf("models: patch %d has %d voxels and a support of %d, want %d", i, len(x), len(supports[i]), n)
		}
	}
	out := make([]PatchBound, 0, len(patches))
	for len(out) < len(patches) {
		lo := len(out)
		w, err := s.whole(len(patches) - lo)
		if err != nil {
			return nil, err
		}
		if w != nil {
			hi := min(lo+w.rows, len(patches))
			out = append(out, s.scoreWhole(w, patches[lo:hi], supports[lo:hi], seeds[lo:hi])...)
			continue
		}
		p, err := s.plan(len(patches) - lo)
		if err != nil {
			return nil, err
		}
		hi := min(lo+p.rows, len(patches))
		out = append(out, s.score(p, patches[lo:hi], supports[lo:hi], seeds[lo:hi])...)
	}
	return out, nil
}

// plan returns the plan for a number of patches.
func (s *Scorer) plan(patches int) (*scorePlan, error) {
	rows := 32
	if s.vae.Dims == 3 {
		rows = 4 // one patch's samples fill the tiles already
	}
	if patches < rows {
		if s.one == nil {
			var err error
			if s.one, err = s.compile(1); err != nil {
				return nil, err
			}
		}
		return s.one, nil
	}
	if s.many == nil {
		p, err := s.compile(rows)
		if err != nil {
			return nil, fmt.Errorf("models: score many patches: %w", err)
		}
		s.many = p
	}
	return s.many, nil
}

// score fills the rows of a plan, or some of them.
func (s *Scorer) score(p *scorePlan, patches, supports [][]float32, seeds [][32]byte) []PatchBound {
	v, l := s.vae.Voxels(), s.vae.Latent
	for r, x := range patches {
		copy(p.encode.Input("x")[r*v:], x)
	}
	p.encode.Run()
	out := make([]PatchBound, len(patches))
	for r := range out {
		out[r].Posterior = append([]float32(nil), p.encode.Output(0)[r*l:(r+1)*l]...)
		out[r].LogVar = append([]float32(nil), p.encode.Output(1)[r*l:(r+1)*l]...)
		z := p.decode.Input("z")[r*s.samples*l : (r+1)*s.samples*l]
		Noise(z, seeds[r])
		for i := range z {
			z[i] = out[r].Posterior[i%l] + float32(math.Exp(0.5*float64(out[r].LogVar[i%l])))*z[i]
		}
	}
	p.decode.Run()
	images := p.decode.Output(0)
	for r := range out {
		out[r].Machine = p.decode.Machine()
		s.judge(&out[r], patches[r], supports[r], images[r*s.samples*v:(r+1)*s.samples*v])
	}
	return out
}

// judge computes the bound from the posterior and the samples of one patch.
func (s *Scorer) judge(b *PatchBound, x, support, images []float32) {
	b.Mean = make([]float32, len(x))
	for l := range s.samples {
		for i, v := range images[l*len(x) : (l+1)*len(x)] {
			d := float64(v) - float64(x[i])
			b.Recon += float64(support[i]) * d * d
			b.Mean[i] += v / float32(s.samples)
		}
	}
	b.Recon /= float64(s.samples)
	s.finish(b, support)
}

// finish computes what follows from the posterior and the reconstruction term.
func (s *Scorer) finish(b *PatchBound, support []float32) {
	for j := range b.Posterior {
		m, lv := float64(b.Posterior[j]), float64(b.LogVar[j])
		b.KL += 0.5 * (m*m + math.Exp(lv) - 1 - lv)
	}
	b.Misfit = b.Recon
	if s.vae.LearnedSigma {
		logsigma2 := s.vae.LogVariance(s.params)
		var n float64
		for _, c := range support {
			n += float64(c)
		}
		b.Misfit = b.Recon/2*math.Exp(-logsigma2) + n/2*logsigma2
	}
}
