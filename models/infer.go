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
	samples int
	encode  *compute.Plan // one patch
	decode  *compute.Plan // all samples of one patch
}

// NewScorer compiles the plans for L = samples draws per patch.
func NewScorer(v VAE, ps Params, samples int, o compute.Options) (*Scorer, error) {
	if err := v.Check(ps); err != nil {
		return nil, err
	}
	if samples < 1 || samples > 1000 {
		return nil, fmt.Errorf("models: %d samples per patch: want 1 to 1000", samples)
	}
	o.Frozen = true
	s := &Scorer{vae: v, samples: samples}
	g := v.NewGraph(tensor.Float32)
	mean, logvar := v.Encode(g, g.Input("x", v.shape(size, 1, 1)...))
	if g.Err != nil {
		return nil, g.Err
	}
	var err error
	if s.encode, err = compute.Compile(gorgonia.Nodes{mean, logvar}, ps.Bound(), o); err != nil {
		return nil, err
	}
	g = v.NewGraph(tensor.Float32)
	out := v.Decode(g, g.Input("z", samples, v.Latent))
	if g.Err != nil {
		return nil, g.Err
	}
	s.decode, err = compute.Compile(gorgonia.Nodes{out}, ps.Bound(), o)
	return s, err
}

// PatchBound is the bound of one patch.
type PatchBound struct {
	Recon float64   // mean over the samples of the sum over the support of (x - mean)^2
	KL    float64   // nats
	Mean  []float32 // mean reconstruction, like the patch
}

// Score evaluates one patch with noise drawn from seed:
// E_q[log p(x|z)] is estimated by 1/L sum over l of log p(x|z_l).
func (s *Scorer) Score(x, support []float32, seed [32]byte) PatchBound {
	copy(s.encode.Input("x"), x)
	s.encode.Run()
	mean, logvar := s.encode.Output(0), s.encode.Output(1)
	z := s.decode.Input("z")
	Noise(z, seed)
	for i := range z {
		j := i % s.vae.Latent
		z[i] = mean[j] + float32(math.Exp(0.5*float64(logvar[j])))*z[i]
	}
	s.decode.Run()
	b := PatchBound{Mean: make([]float32, len(x))}
	for j := range mean {
		m, lv := float64(mean[j]), float64(logvar[j])
		b.KL += 0.5 * (m*m + math.Exp(lv) - 1 - lv)
	}
	out := s.decode.Output(0)
	for l := range s.samples {
		for i, v := range out[l*len(x) : (l+1)*len(x)] {
			d := float64(v) - float64(x[i])
			b.Recon += float64(support[i]) * d * d
			b.Mean[i] += v / float32(s.samples)
		}
	}
	b.Recon /= float64(s.samples)
	return b
}
