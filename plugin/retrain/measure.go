package retrain

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/models"
)

// Measure times a few steps of every kind of work on this machine, as busy as it
// is, and puts into the plan what its parts will take. Nothing is kept.
func (p *Plan) Measure(ctx context.Context) error {
	v := speeds
	samples := p.o.Data.learned().Samples
	by := rungs.ByNetwork(p.o.Incumbent.Outliner)
	const looks = 6
	started := p.o.Now()
	for i := range min(looks, len(samples)) {
		if _, _, err := rungs.Describe(ctx, &samples[i*len(samples)/min(looks, len(samples))], by); err != nil {
			return err
		}
		if i == 0 { // makes the plan of the network
			started = p.o.Now()
		}
	}
	if n := min(looks, len(samples)) - 1; n > 0 {
		v.describe = p.o.Now().Sub(started).Seconds() / float64(n)
	}
	for _, d := range p.o.Incumbent.Detectors {
		var err error
		switch d := d.(type) {
		case *detector.VAEAD:
			v.vaeScore, err = p.scoreTime(ctx, d)
			if err == nil && p.o.learns(d) {
				v.epochStep, err = p.stepTime(ctx, d)
				v.epochStep *= 32 / float64(p.o.Settings.Batch)
			}
		case *detector.GANAD:
			v.ganScore, err = p.scoreTime(ctx, d)
			if err == nil && p.o.learns(d) {
				v.ganStep, err = p.ganStepTime(ctx, d)
			}
		}
		if err != nil {
			return err
		}
	}
	v.rungs = 0.01 * float64(len(samples)) // seconds against minutes
	p.Work = p.work(v)
	return nil
}

// scoreTime is what a nodule takes to be scored, seconds.
func (p *Plan) scoreTime(ctx context.Context, d detector.Detector) (float64, error) {
	samples := p.o.Data.learned().Samples
	samples = samples[:min(2*detector.BatchSize, len(samples))]
	var first time.Time
	n := 0
	_, err := detector.ScoreSamples(ctx, d, samples, func(done int) {
		if first.IsZero() {
			first, n = p.o.Now(), done
		}
	})
	if rest := len(samples) - n; rest > 0 {
		return p.o.Now().Sub(first).Seconds() / float64(rest), err
	}
	return speeds.vaeScore, err
}

// few repeats samples, so that there are as many as some steps need.
type few struct {
	models.Samples
	n int
}

// Len implements models.Samples.
func (f few) Len() int { return f.n }

// Patch implements models.Samples.
func (f few) Patch(i int, rng *rand.Rand, x, support []float32) {
	f.Samples.Patch(i%f.Samples.Len(), rng, x, support)
}

// steps are how many are timed, behind a first one.
const timedSteps = 3

// stepTime is what a step of VAE-AD takes, seconds.
func (p *Plan) stepTime(ctx context.Context, d *detector.VAEAD) (float64, error) {
	batch := p.o.Settings.Batch
	var first, last time.Duration
	_, err := models.TrainVAE(ctx, models.Run{
		VAE: d.Header().VAE(), Train: few{detector.Patches(p.o.Data.Split.TrainNormals(), true), (1 + timedSteps) * batch},
		Settings: models.Settings{Epochs: 1, Batch: batch, Seed: 1}, Compute: p.o.Compute,
		Progress: func(q models.Progress) {
			if last = q.Elapsed; q.Step == 1 {
				first = q.Elapsed
			}
		},
	})
	return (last - first).Seconds() / timedSteps, err
}

// ganStepTime is what a step of the generator takes with those of the critic,
// seconds.
func (p *Plan) ganStepTime(ctx context.Context, d *detector.GANAD) (float64, error) {
	h := d.Header()
	var first, last time.Duration
	_, err := models.TrainGAN(ctx, models.GANRun{
		GAN: h.GAN(), Train: detector.Patches(p.o.Data.Split.TrainNormals(), true), Compute: p.o.Compute,
		Settings: models.GANSettings{Loss: h.Loss, Prior: h.Prior, Steps: 1 + timedSteps, Seed: 1},
		Progress: func(q models.GANProgress) {
			if last = q.Elapsed; q.Step == 1 {
				first = q.Elapsed
			}
		},
	})
	return (last - first).Seconds() / timedSteps, err
}
