package models

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/nodulescope/nodulescope/models/compute"
)

// SearchSettings of a latent search. The zero value of a field takes the
// default named behind it, where two are named that of descent with momentum and
// that of Adam; Momentum and Lambda may be [Off].
type SearchSettings struct {
	Steps    int     `json:"steps"`    // 100: gamma of the paper; 8. At most
	Rate     float64 `json:"rate"`     // DefaultSearchRate: alpha, for the loss of equation 15 as a sum; 0.03
	Momentum float64 `json:"momentum"` // 0.9: beta; 0.5: the decay of the mean slope
	Lambda   float64 `json:"lambda"`   // 0.5: share of the feature loss
	Restarts int     `json:"restarts"` // 1: starts per patch, of which the one that ends lowest counts
	Batch    int     `json:"batch"`    // 16: starts searched at once
	Free     bool    `json:"free"`     // z may leave [-1, 1], the support of the uniform prior

	Encoder   bool    `json:"encoder,omitempty"`   // the first start of a patch is where the encoder of the network maps it; further ones are drawn
	Optimiser string  `json:"optimiser,omitempty"` // "": descent with momentum; AdamSearch
	Stop      float64 `json:"stop,omitempty"`      // 0: after Steps. Else a patch is done after two steps in a row that do not lower its lowest loss by this share, and the z with the lowest counts
}

// AdamSearch is the optimiser of a search that starts near its end.
const AdamSearch = "adam"

// DefaultSearchRate is alpha in the update of z. It was the best of a few rates
// on held-out digits and nodules for networks after some hundred steps; the loss
// is a sum, so that a rate suits one number of voxels.
func (n GAN) DefaultSearchRate() float64 {
	if n.Dims == 3 {
		return 3e-4
	}
	return 1e-3
}

// InUse are the settings as a search of n takes them: defaults filled in, and 0
// for what is switched off.
func (s SearchSettings) InUse(n GAN) (SearchSettings, error) {
	d := SearchSettings{Steps: 100, Rate: n.DefaultSearchRate(), Momentum: 0.9, Lambda: 0.5, Restarts: 1, Batch: 16}
	if s.Optimiser == AdamSearch {
		d.Steps, d.Rate, d.Momentum = 8, 0.03, 0.5
	}
	s = fillIn(s, d)
	switchOff(&s.Momentum, &s.Lambda)
	return s, s.validate()
}

// Clamps says whether z is cut to [-1, 1] after every step: where that is the
// support of the prior, and z is not free.
func (s SearchSettings) Clamps(prior string) bool { return prior == UniformPrior && !s.Free }

// validate names what makes no sense.
func (s SearchSettings) validate() error {
	switch {
	case s.Steps < 1 || s.Steps > 100000:
		return fmt.Errorf("models: %d steps of search: want 1 to 100000", s.Steps)
	case !(s.Rate > 0) || s.Rate > 1e6:
		return fmt.Errorf("models: search rate %g: want above 0", s.Rate)
	case !(s.Momentum >= 0 && s.Momentum < 1) || !(s.Lambda >= 0 && s.Lambda <= 1):
		return fmt.Errorf("models: momentum %g and lambda %g: want at least 0, below 1 and at most 1", s.Momentum, s.Lambda)
	case s.Optimiser != "" && s.Optimiser != AdamSearch:
		return fmt.Errorf("models: no optimiser %.20q of a search: want none or %q", s.Optimiser, AdamSearch)
	case !(s.Stop >= 0 && s.Stop < 1):
		return fmt.Errorf("models: a search that stops at %g: want 0 to 1 (not 1)", s.Stop)
	case s.Restarts < 1 || s.Restarts > 1000 || s.Batch < 1 || s.Batch > 1024:
		return fmt.Errorf("models: %d starts, %d at once: want 1 to 1000, and 1 to 1024", s.Restarts, s.Batch)
	}
	return nil
}

// Found is what the search for one patch came to, from the start that ended with
// the lowest loss. Residual, Feature, Loss, Z and Image are those after the last
// step; of a search with Stop those with the lowest loss on the way.
type Found struct {
	Residual    float64 // equation 13 over the support
	Feature     float64 // equation 14
	Loss        float64 // equation 15
	PerVoxel    float64 // Residual per voxel of the support
	CriticScore float64 // of the critic on the patch itself: the larger the more like the training patches
	Best        float64 // the lowest loss on the way
	BestStep    int     // where it was: 0 is the start
	Z           []float32
	Image       []float32 // G(Z), whole
	Curve       Curve

	Machine compute.Machine // what computed it
}

// Curve is the way of a search: entry 0 is the start, entry i the state after
// step i, up to where it stopped. Feature is nil where Lambda is 0: the critic has no part in the search
// then, and sees its end alone.
type Curve struct{ Residual, Feature, Loss []float32 }

// Searcher maps patches back to latents of a trained GAN (section V-A of the
// paper): descent with momentum in z, dz = -alpha dL/dz + beta dz. (The paper
// prints -beta, with which momentum would brake.) With an encoder it starts near
// the end, where a few steps of Adam do. It is used by one goroutine at a time.
//
// What is found for a patch depends on the patch, its support and its seed
// alone: not on the patches beside it, nor on the number of workers.
type Searcher struct {
	// Progress, if not nil, is told after every step of a batch how many steps
	// of how many are done.
	Progress func(done, of int)

	gan      GAN
	params   Params
	prior    string
	settings SearchSettings
	compute  compute.Options
	full     *searchPlan // of Settings.Batch rows
	few      *searchPlan // of fewRows; nil until it is needed
	one      *searchPlan // of one row
}

// fewRows is the size of the plan for what does not fill a batch.
const fewRows = 4

// NewSearcher compiles the search.
func NewSearcher(t *TrainedGAN, s SearchSettings, o compute.Options) (*Searcher, error) {
	s, err := s.InUse(t.GAN)
	if err != nil {
		return nil, err
	}
	n, generator, critic, err := t.GAN.Fold(t.Generator, t.Critic, t.Statistics)
	if err != nil {
		return nil, err
	}
	if s.Encoder {
		if err := t.Encoder.check(n.encoderSpecs()); err != nil {
			return nil, fmt.Errorf("models: encoder of the search: %w", err)
		}
	}
	o = listed(o)
	o.Frozen = true
	return &Searcher{gan: n, params: slices.Concat(generator, critic, t.Encoder), prior: t.Header.Prior, settings: s, compute: o}, nil
}

// plan returns the plan for a number of rows. Sums have the same order in
// plans of every size.
func (s *Searcher) plan(rows int) (*searchPlan, error) {
	at, size := &s.full, s.settings.Batch
	switch {
	case rows == 1:
		at, size = &s.one, 1
	case rows <= fewRows && fewRows < size:
		at, size = &s.few, fewRows
	}
	if *at == nil {
		p, err := fitting(size, card(s.compute), s.compile)
		if err != nil {
			return nil, err
		}
		*at = p
	}
	return *at, nil
}

// Together is how many patches one run searches for.
func (s *Searcher) Together() int { return max(1, s.settings.Batch/s.settings.Restarts) }

// OnDevice tells whether so many patches would be searched for on the device of
// the back end.
func (s *Searcher) OnDevice(patches int) bool {
	p, err := s.plan(patches * s.settings.Restarts)
	return err == nil && p.onDevice()
}

// Settings are those in use, defaults filled in.
func (s *Searcher) Settings() SearchSettings { return s.settings }

// Search maps every patch to a latent. supports are 1 where a voxel counts and
// 0 elsewhere; a seed decides where the search for its patch starts. A
// cancelled ctx ends it between two steps with the context's error.
func (s *Searcher) Search(ctx context.Context, patches, supports [][]float32, seeds [][32]byte) ([]Found, error) {
	if len(patches) != len(supports) || len(patches) != len(seeds) {
		return nil, fmt.Errorf("models: %d patches, %d supports and %d seeds", len(patches), len(supports), len(seeds))
	}
	for i, x := range patches {
		if err := s.checkPatch(x, supports[i]); err != nil {
			return nil, fmt.Errorf("models: search for patch %d: %w", i, err)
		}
	}
	restarts := s.settings.Restarts
	rows := len(patches) * restarts
	best := make([]Found, len(patches))
	for lo := 0; lo < rows; {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("models: search: %w", err)
		}
		p, err := s.plan(rows - lo)
		if err != nil {
			return nil, err
		}
		n := min(p.rows, rows-lo)
		p.clear()
		for r := range n {
			i := (lo + r) / restarts
			s.start(p, r, patches[i], supports[i], seeds[i], (lo+r)%restarts)
		}
		p.begin()
		err = p.plan.Repeat(func(done int) error {
			if step := done - 1; s.Progress != nil && step > 0 {
				s.Progress(lo*s.settings.Steps+step*n, rows*s.settings.Steps)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if p.ended(done, n) {
				return errEnded
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnded) {
			return nil, fmt.Errorf("models: search: %w", err)
		}
		p.end()
		for r := range n {
			i := (lo + r) / restarts
			f := p.found(r)
			if !(f.Loss-f.Loss == 0) {
				return nil, fmt.Errorf("models: search for patch %d: the loss became %g: lower the rate", i, f.Loss)
			}
			if (lo+r)%restarts == 0 || f.Loss < best[i].Loss {
				best[i] = f
			}
		}
		lo += n
	}
	return best, nil
}

// errEnded says that no patch goes on.
var errEnded = errors.New("models: the search is done")

func (s *Searcher) checkPatch(x, support []float32) error {
	if len(x) != s.gan.Voxels() || len(support) != len(x) {
		return fmt.Errorf("it has %d voxels and a support of %d, want %d", len(x), len(support), s.gan.Voxels())
	}
	count := false
	for i, v := range x {
		if !finite(v) || !finite(support[i]) {
			return fmt.Errorf("voxel %d is %g with support %g", i, v, support[i])
		}
		count = count || support[i] != 0
	}
	if !count {
		return errors.New("no voxel counts (support 0 everywhere)")
	}
	return nil
}

// start fills row r: the patch, and the z of its k-th start.
func (s *Searcher) start(p *searchPlan, r int, x, support []float32, seed [32]byte, k int) {
	v, l := s.gan.Voxels(), s.gan.Latent
	row := p.x[r*v : (r+1)*v]
	for i, c := range support {
		row[i] = x[i] * c
	}
	copy(p.support[r*v:(r+1)*v], support)
	if k == 0 && s.settings.Encoder {
		p.encoded[r] = true
		return
	}
	rng := rand.New(rand.NewChaCha8(seed))
	for range k + 1 { // the k-th draw of the same stream
		drawPrior(p.z[r*l:(r+1)*l], s.prior, rng)
	}
}
