package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// OutlineSamples is a set of outlined nodules.
type OutlineSamples interface {
	// Len is the number of samples.
	Len() int
	// Outline writes sample i: x [2,32,32,32], intensities of 0 to 1 and the
	// mark of the point, and y [32,32,32], 1 where a voxel is the nodule's.
	// Augmentation is drawn from rng alone.
	Outline(i int, rng *rand.Rand, x, y []float32)
}

// OutlineSettings of a training. The zero value of a field takes the default
// named behind it.
type OutlineSettings struct {
	Epochs  int     `json:"epochs"`  // 20
	Batch   int     `json:"batch"`   // 8
	Rate    float64 `json:"rate"`    // 3e-3: the highest, see rate
	Average float64 `json:"average"` // 0.995: decay of the moving average of the weights that is kept
	Share   float64 `json:"share"`   // 0.02: of the voxels that nodules take, for the first guess
	Seed    uint64  `json:"seed"`
}

func (s OutlineSettings) inUse() OutlineSettings {
	return fillIn(s, OutlineSettings{Epochs: 20, Batch: 8, Rate: 3e-3, Average: 0.995, Share: 0.02})
}

// Validate names the first setting that makes no sense.
func (s OutlineSettings) Validate() error {
	if !(s.Average > 0 && s.Average < 1) || !(s.Share > 0 && s.Share < 1) {
		return fmt.Errorf("models: average %g and share %g: want above 0, below 1", s.Average, s.Share)
	}
	return checkEpochs(s.Epochs, s.Batch, s.Rate)
}

// OutlineRun is one training of a UNet.
type OutlineRun struct {
	UNet     UNet
	Train    OutlineSamples
	Settings OutlineSettings
	Header   Header // template of the checkpoint: preprocessing, data digest, attribution
	Dir      string // holds outline-state.safetensors, to resume from; empty: nothing is kept
	Progress func(OutlineProgress)
	Compute  compute.Options
}

// OutlineProgress is told after every step.
type OutlineProgress struct {
	Epoch, Epochs int // epochs done and in all
	Step, Steps   int // within the epoch
	Entropy, Dice float64
	Elapsed       time.Duration
}

// TrainedUNet is the outcome of a training, or a checkpoint of kind "unet".
type TrainedUNet struct {
	UNet   UNet
	Params Params // averaged over the steps
	Header Header
}

// TrainUNet minimises cross-entropy plus Dice loss (see OutlineTerms) with Adam.
// The rate rises for a tenth of the steps and then falls to nothing by half a
// cosine. With Dir set it keeps its state after every epoch and goes on from
// there, to the same weights, when it is started again with the same settings
// and data; other settings are refused. A cancelled ctx ends it between two steps
// with the context's error.
func TrainUNet(ctx context.Context, r OutlineRun) (*TrainedUNet, error) {
	r.Settings = r.Settings.inUse()
	if err := errors.Join(r.UNet.Validate(), r.Settings.Validate()); err != nil {
		return nil, err
	}
	if r.Train == nil || r.Train.Len() == 0 {
		return nil, errors.New("models: the training set is empty")
	}
	t, err := newOutlineTrainer(r)
	for err == nil && t.epoch < r.Settings.Epochs {
		err = t.runEpoch(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &TrainedUNet{UNet: t.UNet, Params: t.average, Header: t.header()}, nil
}

type outlineTrainer struct {
	OutlineRun
	source
	params, average Params
	adam            *compute.Adam
	plan            *compute.Plan
	epoch           int
	started         time.Time
}

func newOutlineTrainer(r OutlineRun) (*outlineTrainer, error) {
	r.Compute = listed(r.Compute)
	s := r.Settings
	t := &outlineTrainer{OutlineRun: r, source: source{s.Seed}, adam: compute.AdamDefaults(s.Rate), started: time.Now()}
	t.adam.Clip = outlineClip
	t.params = r.UNet.NewParams(rand.New(rand.NewPCG(s.Seed, 1)), s.Share)
	t.average = t.params.clone()
	if err := t.resume(); err != nil {
		return nil, err
	}
	g := r.UNet.NewGraph(tensor.Float32)
	terms := r.UNet.OutlineLoss(g, r.UNet.Outline(g, g.Input("x", edges(3, OutlineEdge, s.Batch, outlineInputs)...)),
		g.Input("y", edges(3, OutlineEdge, s.Batch, 1)...))
	loss := g.Add(terms.Entropy, terms.Dice)
	if g.Err != nil {
		return nil, g.Err
	}
	grads, err := op.Grad(loss, g.Params(t.params)...)
	if err != nil {
		return nil, err
	}
	t.plan, err = compute.CompileTraining(gorgonia.Nodes{loss, terms.Entropy, terms.Dice}, g.Params(t.params), grads, t.params.Bound(), t.adam, r.Compute)
	return t, err
}

// outlineClip is the largest norm of a gradient, against a rare step that is far
// from all others.
const outlineClip = 1

// load fills row b of x and y with sample i.
func (t *outlineTrainer) load(x, y []float32, b, i int, rng *rand.Rand) error {
	v := cube(OutlineEdge, 3)
	x, y = x[b*outlineInputs*v:(b+1)*outlineInputs*v], y[b*v:(b+1)*v]
	t.Train.Outline(i, rng, x, y)
	for j, value := range x {
		if !finite(value) || !finite(y[j%v]) {
			return fmt.Errorf("%w: voxel %d of sample %d is %g with target %g; repair the data or leave the sample out", errSample, j, i, value, y[j%v])
		}
	}
	return nil
}

func (t *outlineTrainer) runEpoch(ctx context.Context) error {
	err := t.batches(ctx, t.epoch, t.Train.Len(), t.Settings.Batch, func(s, steps int, rows []int) error {
		err := together(len(rows), func(b int) error {
			return t.load(t.plan.Input("x"), t.plan.Input("y"), b, rows[b], t.rng(drawPatch, t.epoch, s*len(rows)+b))
		})
		if err != nil {
			return err
		}
		done := t.epoch*steps + s
		t.adam.Rate = t.rate(done, steps*t.Settings.Epochs)
		t.plan.Run()
		loss := float64(t.plan.Output(0)[0])
		if err := t.plan.Err(); err != nil || math.IsNaN(loss) || math.IsInf(loss, 0) {
			return errors.Join(err, fmt.Errorf("models: the loss became %g in epoch %d: lower the learning rate", loss, t.epoch+1))
		}
		follow(t.average, t.params, t.Settings.Average, done+1)
		if t.Progress != nil {
			t.Progress(OutlineProgress{t.epoch, t.Settings.Epochs, s + 1, steps, float64(t.plan.Output(1)[0]), float64(t.plan.Output(2)[0]), time.Since(t.started)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.epoch++
	return t.save()
}

// rate is that of a step: up to Settings.Rate in a tenth of the steps, then down
// by half a cosine.
func (t *outlineTrainer) rate(step, steps int) float64 {
	rise := float64(steps) / 10
	at := float64(step) + 0.5
	if at < rise {
		return t.Settings.Rate * at / rise
	}
	return t.Settings.Rate * 0.5 * (1 + math.Cos(math.Pi*(at-rise)/(float64(steps)-rise)))
}

// header describes the averaged weights.
func (t *outlineTrainer) header() Header {
	h := t.Header
	h.Kind, h.Dims, h.Channels = "unet", 3, t.UNet.Channels[:]
	h.Seed, h.Epoch = t.Settings.Seed, t.epoch
	h.Training, _ = json.Marshal(t.Settings) // numbers only
	h.Metrics = map[string]float64{"epochs": float64(t.epoch), "train_samples": float64(t.Train.Len())}
	return h
}

const outlineStateFile = "outline-state.safetensors"

// outlineParts are the parts of a state, each of the size of the network.
var outlineParts = []string{"", "average.", "adam.m.", "adam.v."}

func (t *outlineTrainer) stateSpecs() []spec {
	var all []spec
	for _, part := range outlineParts {
		for _, s := range t.UNet.specs() {
			all = append(all, spec{name: part + s.name, shape: s.shape})
		}
	}
	return all
}

func (t *outlineTrainer) save() error {
	if t.Dir == "" {
		return nil
	}
	if err := t.plan.Fetch(); err != nil {
		return err
	}
	var data [][]float32
	for _, ps := range []Params{t.params, t.average} {
		for _, p := range ps {
			data = append(data, p.Data)
		}
	}
	data = append(append(data, t.adam.M...), t.adam.V...)
	var ps Params
	for i, s := range t.stateSpecs() {
		ps = append(ps, Param{s.name, s.shape, data[i]})
	}
	h := t.header()
	h.Metrics["steps"] = float64(t.adam.Steps)
	return Save(filepath.Join(t.Dir, outlineStateFile), h, ps)
}

// resume goes on from the state of an earlier start, if there is one. All
// settings must agree: the rate of a step depends on the number of epochs.
func (t *outlineTrainer) resume() error {
	s, old, err := savedState[OutlineSettings](t.Dir, outlineStateFile)
	if s == nil {
		return err
	}
	if !s.of("unet", t.Header, t.Train.Len()) || fmt.Sprint(s.header.Channels) != fmt.Sprint(t.UNet.Channels) || old != t.Settings {
		return s.foreign("network, settings or data")
	}
	if err := s.params.check(t.stateSpecs()); err != nil {
		return s.unusable(err)
	}
	n := len(t.params)
	t.params, t.average = s.params[:n:n], s.params[n:2*n:2*n]
	for i := range t.average {
		t.average[i].Name = t.params[i].Name
	}
	for i := range n {
		t.adam.M, t.adam.V = append(t.adam.M, s.params[2*n+i].Data), append(t.adam.V, s.params[3*n+i].Data)
	}
	t.adam.Steps, t.epoch = s.count("steps"), s.count("epochs")
	return nil
}
