package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// EncoderSettings of the training of an encoder. The zero value of a field takes
// the default named behind it; Lambda may be [Off].
type EncoderSettings struct {
	Steps  int     `json:"steps"`  // 3000
	Batch  int     `json:"batch"`  // 16
	Rate   float64 `json:"rate"`   // 5e-4, of Adam
	Lambda float64 `json:"lambda"` // 0.5: share of the feature loss, as in the search
	Seed   uint64  `json:"seed"`
}

// encoderClip is the largest norm of the gradient of the mean loss, a sum over
// voxels.
const encoderClip = 1000

// encoderCheck is after how many steps the validation samples are looked at.
const encoderCheck = 100

func (s EncoderSettings) inUse() EncoderSettings {
	s = fillIn(s, EncoderSettings{Steps: 3000, Batch: 16, Rate: 5e-4, Lambda: 0.5})
	switchOff(&s.Lambda)
	return s
}

func (s EncoderSettings) validate() error {
	if s.Steps < 1 || s.Steps > 1_000_000 {
		return fmt.Errorf("models: %d steps of the encoder: want 1 to 1000000", s.Steps)
	}
	if !(s.Lambda >= 0 && s.Lambda <= 1) {
		return fmt.Errorf("models: lambda %g: want 0 to 1", s.Lambda)
	}
	return checkEpochs(1, s.Batch, s.Rate)
}

// EncoderRun is one training of an encoder.
type EncoderRun struct {
	GAN      *TrainedGAN // its generator and critic stay as they are; an encoder that it has is trained further
	Train    Samples
	Valid    Samples // may be empty or nil: the last weights are kept then
	Settings EncoderSettings
	Header   Header // data digest and attribution of the samples
	Progress func(EncoderProgress)
	Compute  compute.Options
}

// EncoderProgress is told after every step.
type EncoderProgress struct {
	Step, Steps int
	Loss        float64 // equation 15, mean of the batch
	Valid       float64 // mean of the validation samples when they were looked at last; NaN before
	Best        float64
}

// TrainEncoder trains an encoder for a GAN: by Adam, the mean over the batch of
// EncoderLoss. It returns the GAN with the weights of the step that maps the
// validation samples best. A cancelled ctx ends it between two steps with the
// context's error.
func TrainEncoder(ctx context.Context, r EncoderRun) (*TrainedGAN, error) {
	r.Settings = r.Settings.inUse()
	if err := r.Settings.validate(); err != nil {
		return nil, err
	}
	t, err := newEncoderTrainer(r)
	if err != nil {
		return nil, err
	}
	for step := range r.Settings.Steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := t.step(step); err != nil {
			return nil, err
		}
	}
	return t.finish()
}

type encoderTrainer struct {
	EncoderRun
	source
	gan         GAN // batch normalisation folded
	params      Params
	best        Params
	bestStep    int
	valid, low  float64
	plan, check *compute.Plan
}

func newEncoderTrainer(r EncoderRun) (*encoderTrainer, error) {
	s := r.Settings
	n, generator, critic, err := r.GAN.GAN.Fold(r.GAN.Generator, r.GAN.Critic, r.GAN.Statistics)
	if err != nil {
		return nil, err
	}
	if r.Train == nil || r.Train.Len() == 0 {
		return nil, errors.New("models: the training set is empty")
	}
	t := &encoderTrainer{EncoderRun: r, source: source{s.Seed}, gan: n, valid: math.NaN(), low: math.Inf(1),
		params: n.NewEncoder(rand.New(rand.NewPCG(s.Seed, 1)))}
	if len(r.GAN.Encoder) > 0 {
		if err := r.GAN.Encoder.check(n.encoderSpecs()); err != nil {
			return nil, fmt.Errorf("models: encoder to go on from: %w", err)
		}
		t.params = r.GAN.Encoder.clone()
	}
	t.Compute = listed(t.Compute)
	all := append(append(append(Params{}, generator...), critic...), t.params...).Bound()
	g, losses := t.graph()
	loss := g.Mean(losses)
	if g.Err != nil {
		return nil, g.Err
	}
	grads, err := op.Grad(loss, g.Params(t.params)...)
	if err != nil {
		return nil, err
	}
	adam := compute.AdamDefaults(s.Rate)
	adam.Clip = encoderClip
	if t.plan, err = compute.CompileTraining(gorgonia.Nodes{loss}, g.Params(t.params), grads, all, adam, t.Compute); err != nil {
		return nil, err
	}
	g, losses = t.graph()
	if g.Err != nil {
		return nil, g.Err
	}
	t.check, err = compute.Compile(gorgonia.Nodes{losses}, all, t.Compute)
	return t, err
}

func (t *encoderTrainer) graph() (*Graph, *gorgonia.Node) {
	g, shape := t.gan.NewGraph(tensor.Float32), t.gan.images(t.Settings.Batch)
	x := g.Input("x", shape...)
	features, _ := t.gan.Critic(g, x)
	return g, t.gan.EncoderLoss(g, x, g.Input("support", shape...), features, t.GAN.Header.Prior, t.Settings.Lambda)
}

// load fills row b with sample i, cut to its support.
func (t *encoderTrainer) load(p *compute.Plan, s Samples, b, i int, rng *rand.Rand) error {
	v := t.gan.Voxels()
	x, support := p.Input("x")[b*v:(b+1)*v], p.Input("support")[b*v:(b+1)*v]
	if err := draw(s, i, rng, x, support); err != nil {
		return err
	}
	for j, c := range support {
		x[j] *= c
	}
	return nil
}

func (t *encoderTrainer) step(step int) error {
	n := t.Train.Len()
	for b := range t.Settings.Batch {
		if err := t.load(t.plan, t.Train, b, t.rng(drawOrder, step, b).IntN(n), t.rng(drawPatch, step, b)); err != nil {
			return err
		}
	}
	t.plan.Run()
	if err := t.plan.Err(); err != nil {
		return fmt.Errorf("models: step %d: %w", step+1, err)
	}
	loss := float64(t.plan.Output(0)[0])
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return fmt.Errorf("models: the loss of the encoder became %g in step %d: lower the learning rate", loss, step+1)
	}
	if (step+1)%encoderCheck == 0 || step+1 == t.Settings.Steps {
		if err := t.validate(step + 1); err != nil {
			return fmt.Errorf("models: validation set: %w", err)
		}
	}
	if t.Progress != nil {
		t.Progress(EncoderProgress{step + 1, t.Settings.Steps, loss, t.valid, t.low})
	}
	return nil
}

// validate keeps the weights if they map the validation samples better than any
// before.
func (t *encoderTrainer) validate(step int) error {
	if t.Valid == nil || t.Valid.Len() == 0 {
		t.best, t.bestStep = t.params.clone(), step
		return nil
	}
	var sum float64
	n, batch := t.Valid.Len(), t.Settings.Batch
	for lo := 0; lo < n; lo += batch {
		for b := range batch { // the last batch is filled up from the front
			i := (lo + b) % n
			if err := t.load(t.check, t.Valid, b, i, t.rng(drawValid, 0, i)); err != nil {
				return err
			}
		}
		t.check.Run()
		if err := t.check.Err(); err != nil {
			return err
		}
		for _, loss := range t.check.Output(0)[:min(batch, n-lo)] {
			sum += float64(loss) / float64(n)
		}
	}
	if t.valid = sum; sum < t.low {
		t.best, t.bestStep, t.low = t.params.clone(), step, sum
	}
	return nil
}

func (t *encoderTrainer) finish() (*TrainedGAN, error) {
	if t.best == nil {
		return nil, errors.New("models: the encoder maps no validation sample to a number: lower the learning rate")
	}
	out := *t.GAN
	out.Encoder = t.best
	h := &out.Header
	if h.Encoder = true; h.Parent == "" {
		h.Parent = t.GAN.Params().Digest()
	}
	if t.Header.DataDigest != "" {
		h.DataDigest = t.Header.DataDigest
	}
	if t.Header.Attribution != "" {
		h.Attribution = t.Header.Attribution
	}
	h.EncoderTraining, _ = json.Marshal(t.Settings) // numbers only
	h.Metrics = map[string]float64{}
	for k, v := range t.GAN.Header.Metrics {
		h.Metrics[k] = v
	}
	h.Metrics["encoder_step"], h.Metrics["encoder_train_samples"] = float64(t.bestStep), float64(t.Train.Len())
	if !math.IsInf(t.low, 0) {
		h.Metrics["encoder_valid_loss"] = t.low
	}
	return &out, nil
}
