package models

import (
	"fmt"
	"slices"
)

// Params are all tensors of the checkpoint: generator, critic, statistics,
// encoder.
func (t *TrainedGAN) Params() Params {
	return slices.Concat(t.Generator, t.Critic, t.Statistics, t.Encoder)
}

// Save writes a checkpoint of kind "gan" so that a crash leaves the old file or
// the new one.
func (t *TrainedGAN) Save(path string) error { return Save(path, t.Header, t.Params()) }

// GANOf takes a checkpoint that Decode or Load has read for a GAN. Its errors
// wrap ErrCheckpoint.
func GANOf(h Header, ps Params) (*TrainedGAN, error) {
	n := h.GAN()
	if h.Kind != "gan" {
		return nil, fmt.Errorf("%w: a %q, not a GAN", ErrCheckpoint, h.Kind)
	}
	if err := n.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if h.Prior != UniformPrior && h.Prior != NormalPrior {
		return nil, fmt.Errorf("%w: no prior %q: want %q or %q", ErrCheckpoint, h.Prior, UniformPrior, NormalPrior)
	}
	g, c := len(n.generatorSpecs()), len(n.criticSpecs())
	specs := slices.Concat(n.generatorSpecs(), n.criticSpecs(), statisticsSpecs(n.normed()))
	e := len(specs)
	if h.Encoder {
		specs = append(specs, n.encoderSpecs()...)
	}
	if err := ps.check(specs); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return &TrainedGAN{GAN: n, Generator: ps[:g:g], Critic: ps[g : g+c : g+c], Statistics: ps[g+c : e : e], Encoder: ps[e:], Header: h}, nil
}

// LoadGAN reads a checkpoint of kind "gan".
func LoadGAN(path string) (*TrainedGAN, error) {
	h, ps, err := Load(path)
	if err != nil {
		return nil, err
	}
	t, err := GANOf(h, ps)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
