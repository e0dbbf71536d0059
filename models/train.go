package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Run is one training: what to train, on what, and where to keep it.
type Run struct {
	VAE      VAE
	Train    Samples
	Valid    Samples // may be empty or nil: the last weights are kept then
	Settings Settings
	Start    Params // weights to go on from, which are kept where no epoch has a lower validation bound; nil: drawn
	Header   Header // template of the checkpoints: preprocessing, data digest, attribution
	Dir      string // holds state.safetensors, to resume from; empty: nothing is kept
	Progress func(Progress)
	Compute  compute.Options
}

// Progress is told after every step and after every epoch.
type Progress struct {
	Epoch, Epochs int // epochs done and in all
	Step, Steps   int // within the epoch
	Loss          float64
	Recon, KL     float64 // of the batch, means per patch: squared error summed over the support, and nats
	Valid         float64 // negative bound on the validation set after the last epoch; NaN before
	Best          float64
	Elapsed       time.Duration
}

// Trained is the outcome: the weights with the lowest validation bound.
type Trained struct {
	Params Params
	Header Header
}

// TrainVAE minimises the mean over the batch of Misfit + KLWeight*KL (see Terms). With Dir
// set it keeps its state after every epoch and goes on from there when it is
// started again with the same settings and data; other settings are refused.
// A cancelled ctx ends it between two steps with the context's error.
func TrainVAE(ctx context.Context, r Run) (*Trained, error) {
	r.Settings = r.Settings.inUse()
	if err := errors.Join(r.VAE.Validate(), r.Settings.Validate()); err != nil {
		return nil, err
	}
	t, err := newTrainer(r)
	for err == nil && t.epoch < r.Settings.Epochs {
		err = t.runEpoch(ctx)
	}
	if err != nil {
		return nil, err
	}
	h := t.header()
	return &Trained{t.best, h}, nil
}

type trainer struct {
	Run
	source
	params, best   Params
	adam           *compute.Adam
	plan, check    *compute.Plan
	epoch          int
	bestEpoch      int
	bound, bestVal float64
	started        time.Time
}

func newTrainer(r Run) (*trainer, error) {
	s := r.Settings
	t := &trainer{Run: r, source: source{s.Seed}, bound: math.NaN(), bestVal: math.Inf(1), started: time.Now(),
		adam: compute.AdamDefaults(s.Rate)}
	t.adam.Clip = s.Clip
	r.Compute = listed(r.Compute)
	t.params = r.VAE.NewParams(rand.New(rand.NewPCG(s.Seed, 1)))
	mean, variance, err := t.brightness(r.Train, r.VAE.Voxels())
	if err != nil {
		return nil, err
	}
	if r.VAE.startAt(t.params, mean, variance); r.Start != nil {
		if err := r.VAE.Check(r.Start); err != nil {
			return nil, fmt.Errorf("models: weights to go on from: %w", err)
		}
		t.params, t.Header.Parent = r.Start.clone(), r.Start.Digest()
	}
	if err := t.resume(); err != nil {
		return nil, err
	}
	if t.best == nil {
		t.best = t.params.clone()
	}
	g, terms := t.graph()
	loss := g.Mean(g.Add(terms.Misfit, g.Scale(terms.KL, s.KLWeight)))
	if g.Err != nil {
		return nil, g.Err
	}
	grads, err := op.Grad(loss, g.Params(t.moved())...)
	if err != nil {
		return nil, err
	}
	outs := gorgonia.Nodes{loss, terms.Recon, terms.KL}
	if t.plan, err = compute.CompileTraining(outs, g.Params(t.moved()), grads, t.params.Bound(), t.adam, r.Compute); err != nil {
		return nil, err
	}
	if !r.VAE.LearnedSigma { // which changes on the host in every step
		t.plan.Hold()
	}
	g, terms = t.graph()
	if g.Err != nil {
		return nil, g.Err
	}
	if t.check, err = compute.Compile(gorgonia.Nodes{terms.Misfit, terms.KL}, t.params.Bound(), r.Compute); err != nil {
		return nil, err
	}
	if r.Start != nil && t.epoch == 0 {
		if err := t.validate(); err != nil {
			return nil, fmt.Errorf("models: validation set: %w", err)
		}
	}
	return t, nil
}

func (t *trainer) graph() (*Graph, Terms) {
	v, n := t.VAE, t.Settings.Batch
	g := v.NewGraph(tensor.Float32)
	shape := v.shape(size, n, 1)
	return g, v.Bound(g, g.Input("x", shape...), g.Input("support", shape...), g.Input("eps", n, v.Latent))
}

// load fills row n of the plan's inputs.
func (t *trainer) load(p *compute.Plan, s Samples, n, i int, patch, noise *rand.Rand) error {
	v := t.VAE.Voxels()
	eps := p.Input("eps")[n*t.VAE.Latent : (n+1)*t.VAE.Latent]
	for j := range eps {
		eps[j] = float32(noise.NormFloat64())
	}
	return draw(s, i, patch, p.Input("x")[n*v:(n+1)*v], p.Input("support")[n*v:(n+1)*v])
}

func (t *trainer) runEpoch(ctx context.Context) error {
	err := t.batches(ctx, t.epoch, t.Train.Len(), t.Settings.Batch, func(done, steps int, rows []int) error {
		for b, i := range rows {
			at := done*len(rows) + b
			if err := t.load(t.plan, t.Train, b, i, t.rng(drawPatch, t.epoch, at), t.rng(drawNoise, t.epoch, at)); err != nil {
				return err
			}
		}
		t.step()
		if err := t.plan.Err(); err != nil {
			return fmt.Errorf("models: epoch %d: %w", t.epoch+1, err)
		}
		loss := float64(t.plan.Output(0)[0])
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("models: the loss became %g in epoch %d: lower the learning rate or look for values that are not finite in the data", loss, t.epoch+1)
		}
		t.tell(done+1, steps, loss, meanOf(t.plan.Output(1)), meanOf(t.plan.Output(2)))
		return nil
	})
	if err != nil {
		return err
	}
	t.epoch++
	if err := t.plan.Fetch(); err != nil {
		return fmt.Errorf("models: epoch %d: %w", t.epoch, err)
	}
	if err := t.validate(); err != nil {
		return fmt.Errorf("models: validation set: %w", err)
	}
	return t.save()
}

// step runs the whole step; weights that it spoils are not kept. A learned
// variance then goes part of the way to the one that minimises the loss of the
// batch with everything else as it is, which is the mean squared error (Rybkin
// et al. 2021). The optimiser would take long: one number, a long way down, and
// a gradient that the clipping of all others makes small.
func (t *trainer) step() {
	t.plan.Run()
	if !t.VAE.LearnedSigma {
		return
	}
	var squares, n float64
	for _, r := range t.plan.Output(1) {
		squares += float64(r)
	}
	for _, c := range t.plan.Input("support") {
		n += float64(c)
	}
	s := &t.params.find(sigmaName).Data[0]
	*s += float32(sigmaRate * (math.Log(math.Max(squares/math.Max(n, 1), leastSigma2)) - float64(*s)))
}

// moved are the parameters that the optimiser moves: all but a learned
// variance, which is the last.
func (t *trainer) moved() Params {
	if t.VAE.LearnedSigma {
		return t.params[:len(t.params)-1]
	}
	return t.params
}

func (t *trainer) tell(step, steps int, loss, recon, kl float64) {
	if t.Progress != nil {
		t.Progress(Progress{t.epoch, t.Settings.Epochs, step, steps, loss, recon, kl, t.bound, t.bestVal, time.Since(t.started)})
	}
}

// validate keeps the weights if they bound the validation set better than any
// before. Every epoch draws the same noise.
func (t *trainer) validate() error {
	if t.Valid == nil || t.Valid.Len() == 0 {
		t.best, t.bestEpoch = t.params.clone(), t.epoch
		return nil
	}
	var sum float64
	n, batch := t.Valid.Len(), t.Settings.Batch
	for lo := 0; lo < n; lo += batch {
		for b := range batch {
			i := (lo + b) % n
			if err := t.load(t.check, t.Valid, b, i, t.rng(drawValid, 0, i), t.rng(drawValid, 1, i)); err != nil {
				return err
			}
		}
		t.check.Run()
		for b := range min(batch, n-lo) {
			sum += float64(t.check.Output(0)[b] + t.check.Output(1)[b])
		}
	}
	t.bound = sum / float64(n)
	if t.bound < t.bestVal {
		t.best, t.bestVal, t.bestEpoch = t.params.clone(), t.bound, t.epoch
	}
	return nil
}

func meanOf(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return s / float64(len(x))
}
