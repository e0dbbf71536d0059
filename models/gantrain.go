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

// GANRun is one training of a GAN: what to train, on what, and where to keep
// it.
type GANRun struct {
	GAN       GAN
	Train     Samples
	Settings  GANSettings
	Start     *TrainedGAN   // to go on from; nil: weights are drawn
	Header    Header        // template of the checkpoint: preprocessing, data digest, attribution
	Dir       string        // holds gan-state.safetensors, to resume from; empty: nothing is kept
	SaveEvery time.Duration // from one state to the next at least; 0: 30 s
	Progress  func(GANProgress)
	Compute   compute.Options
}

// GANProgress is told after every step of the generator.
type GANProgress struct {
	GANPoint
	Steps   int // in all
	Elapsed time.Duration
}

// GANPoint is what one step of the generator, with the critic's steps before
// it, came to. Values of the critic are means over its steps. They are kept as
// float32.
type GANPoint struct {
	Step        int     // 1 for the first
	CriticLoss  float64 // what the critic descends
	Wasserstein float64 // mean critic score of real minus that of fake patches: for "wgan-gp" the estimate of the distance, for "dcgan" a difference of logits
	Penalty     float64 // mean of (|gradient| - 1)^2, without its weight; 0 for "dcgan"
	Generator   float64 // loss of the generator
	Gradient    float64 // norm of the generator's gradient
}

// TrainedGAN is the outcome of a training, or a checkpoint of kind "gan".
type TrainedGAN struct {
	GAN        GAN
	Generator  Params // averaged over the steps where Settings.Average asks for it
	Critic     Params
	Statistics Params // population moments of batch normalisation; empty without Norm
	Encoder    Params // maps patches to where a search starts; empty where none was trained (see TrainEncoder)
	Header     Header
	History    []GANPoint // one per step; a checkpoint does not hold it
}

// TrainGAN trains critic and generator in turn: Settings.CriticSteps steps of
// the critic, each on fakes made for it, then one of the generator. Each is one
// compiled plan with Adam in place.
//
// With batch normalisation the population statistics are estimated after the
// last step: of the generator over latents of the prior, of the critic over
// training patches, 64 batches of each.
//
// With Dir set it keeps its state after a step once SaveEvery has passed since the
// last one, after the last step and when ctx is cancelled, and goes on from there to the same weights when it is
// started again with the same settings and data; more steps may be asked for
// than before, everything else must agree. A cancelled ctx ends it between two
// steps with the context's error.
func TrainGAN(ctx context.Context, r GANRun) (*TrainedGAN, error) {
	r.Settings = r.Settings.inUse(r.GAN)
	if r.SaveEvery <= 0 {
		r.SaveEvery = 30 * time.Second
	}
	if err := errors.Join(r.GAN.Validate(), r.Settings.check(r.GAN)); err != nil {
		return nil, err
	}
	t, err := newGANTrainer(r)
	if err != nil {
		return nil, err
	}
	saved := time.Now()
	for len(t.history) < r.Settings.Steps {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, t.save())
		}
		if err := t.step(); err != nil {
			return nil, err
		}
		if time.Since(saved) >= r.SaveEvery || len(t.history) == r.Settings.Steps {
			if err := t.save(); err != nil {
				return nil, err
			}
			saved = time.Now()
		}
	}
	return t.finish(ctx)
}

type ganTrainer struct {
	GANRun
	source
	generator, critic, average Params // average is nil where there is none
	adamG, adamC               *compute.Adam
	planG, planC               *compute.Plan
	hasPenalty                 bool
	history                    []GANPoint
	order                      []int // of the samples in the epoch in work
	epoch                      int
	started                    time.Time
}

func newGANTrainer(r GANRun) (*ganTrainer, error) {
	r.Compute = listed(r.Compute)
	s := r.Settings
	t := &ganTrainer{GANRun: r, source: source{s.Seed}, epoch: -1, started: time.Now()}
	mean, _, err := t.brightness(r.Train, r.GAN.Voxels())
	if err != nil {
		return nil, err
	}
	t.generator, t.critic = r.GAN.NewParams(rand.New(rand.NewPCG(s.Seed, 1)))
	t.generator.find("generator.conv3.bias").Data[0] = float32(math.Log(mean / (1 - mean)))
	if from := r.Start; from != nil {
		if err := r.GAN.check(from.Generator, from.Critic); err != nil {
			return nil, fmt.Errorf("models: weights to go on from: %w", err)
		}
		t.generator, t.critic, t.Header.Parent = from.Generator.clone(), from.Critic.clone(), from.Params().Digest()
	}
	adam := func() *compute.Adam {
		return &compute.Adam{Rate: s.Rate, Beta1: s.Beta1, Beta2: s.Beta2, Epsilon: 1e-8}
	}
	t.adamG, t.adamC = adam(), adam()
	if s.Average > 0 {
		t.average = t.generator.clone()
	}
	if err := t.resume(); err != nil {
		return nil, err
	}
	return t, t.compile()
}

// compile makes the two plans. They share the weights.
func (t *ganTrainer) compile() error {
	all := append(append(Params{}, t.generator...), t.critic...).Bound()
	g := t.GAN.NewGraph(tensor.Float32)
	a, err := t.GAN.criticGraph(g, t.Settings.Batch, t.Settings)
	if err != nil {
		return err
	}
	outs := gorgonia.Nodes{a.loss, a.gap}
	if t.hasPenalty = a.penalty != nil; t.hasPenalty {
		outs = append(outs, a.penalty)
	}
	grads, err := op.Grad(a.loss, g.Params(t.critic)...) // none into the generator
	if err != nil {
		return err
	}
	if t.planC, err = compute.CompileTraining(outs, g.Params(t.critic), grads, all, t.adamC, t.Compute); err != nil {
		return err
	}
	g = t.GAN.NewGraph(tensor.Float32)
	loss, err := t.GAN.generatorGraph(g, t.Settings.Batch, t.Settings)
	if err != nil {
		return err
	}
	if grads, err = op.Grad(loss, g.Params(t.generator)...); err != nil {
		return err
	}
	if t.planG, err = compute.CompileTraining(gorgonia.Nodes{loss}, g.Params(t.generator), grads, all, t.adamG, t.Compute); err != nil {
		return err
	}
	t.planC.Hold()
	if t.average == nil { // the average follows on the host
		t.planG.Hold()
	}
	return nil
}

// fetch brings weights and moments to the host, where they live on a device.
func (t *ganTrainer) fetch() error { return errors.Join(t.planC.Fetch(), t.planG.Fetch()) }

// step is one step of the generator with those of the critic before it.
func (t *ganTrainer) step() error {
	s := t.Settings
	done := len(t.history)
	point := GANPoint{Step: done + 1}
	for c := range s.CriticSteps {
		if err := t.loadCritic(done*s.CriticSteps + c); err != nil {
			return err
		}
		t.planC.Run()
		point.CriticLoss += float64(t.planC.Output(0)[0]) / float64(s.CriticSteps)
		point.Wasserstein += float64(t.planC.Output(1)[0]) / float64(s.CriticSteps)
		if t.hasPenalty {
			point.Penalty += float64(t.planC.Output(2)[0]) / float64(s.CriticSteps)
		}
	}
	for b := range s.Batch {
		t.prior(t.planG.Input("z"), b, t.rng(drawGenerator, done, b))
	}
	copy(t.planG.Input("support"), t.planC.Input("support")) // of the critic's last patches
	t.planG.Run()
	if err := errors.Join(t.planC.Err(), t.planG.Err()); err != nil {
		return fmt.Errorf("models: step %d: %w", done+1, err)
	}
	point.Generator, point.Gradient = float64(t.planG.Output(0)[0]), t.adamG.Norm
	point = point.rounded()
	for _, v := range point.values() {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("models: a loss or gradient was no longer finite in step %d (critic %g, generator %g): lower the learning rate; the state of an earlier step is kept",
				point.Step, point.CriticLoss, point.Generator)
		}
	}
	follow(t.average, t.generator, s.Average, point.Step)
	t.history = append(t.history, point)
	if t.Progress != nil {
		t.Progress(GANProgress{point, s.Steps, time.Since(t.started)})
	}
	return nil
}

// loadCritic fills the inputs of the critic's plan for its step k, counted over
// the whole run. Samples come in the order of a permutation per epoch.
func (t *ganTrainer) loadCritic(k int) error {
	v, n, batch := t.GAN.Voxels(), t.Train.Len(), t.Settings.Batch
	real, support := t.planC.Input("real"), t.planC.Input("support")
	for b := range batch {
		at := k*batch + b
		if e := at / n; e != t.epoch {
			t.order, t.epoch = t.rng(drawOrder, e, 0).Perm(n), e
		}
		row := real[b*v : (b+1)*v]
		if err := draw(t.Train, t.order[at%n], t.rng(drawPatch, t.epoch+1, at%n), row, support[b*v:(b+1)*v]); err != nil {
			return err
		}
		for i, c := range support[b*v : (b+1)*v] { // fakes are cut; so are these
			row[i] *= c
		}
		t.prior(t.planC.Input("z"), b, t.rng(drawNoise, k, b))
		if t.hasPenalty {
			t.planC.Input("u")[b] = t.rng(drawMix, k, b).Float32()
		}
	}
	return nil
}

// prior draws row b of z.
func (t *ganTrainer) prior(z []float32, b int, rng *rand.Rand) {
	drawPrior(z[b*t.GAN.Latent:(b+1)*t.GAN.Latent], t.Settings.Prior, rng)
}

// drawPrior fills z from a prior.
func drawPrior(z []float32, prior string, rng *rand.Rand) {
	for i := range z {
		if prior == NormalPrior {
			z[i] = float32(rng.NormFloat64())
		} else {
			z[i] = 2*rng.Float32() - 1
		}
	}
}

func (t *ganTrainer) finish(ctx context.Context) (*TrainedGAN, error) {
	if err := t.fetch(); err != nil {
		return nil, err
	}
	out := &TrainedGAN{GAN: t.GAN, Generator: t.generator, Critic: t.critic, Header: t.header(), History: t.history}
	if t.average != nil {
		out.Generator = t.average
	}
	var err error
	out.Statistics, err = t.statistics(ctx, out.Generator)
	return out, err
}
