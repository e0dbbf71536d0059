package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Samples is a set of patches to train on or to validate with.
type Samples interface {
	// Len is the number of samples.
	Len() int
	// Patch writes sample i and its support. Augmentation, if any, is drawn
	// from rng alone.
	Patch(i int, rng *rand.Rand, x, support []float32)
}

// Settings of a training run. The zero value of a field takes the default
// named behind it.
type Settings struct {
	Epochs   int     `json:"epochs"`    // 100
	Batch    int     `json:"batch"`     // 32
	Rate     float64 `json:"rate"`      // 5e-4
	Clip     float64 `json:"clip"`      // 100, norm of the gradient of the mean loss
	KLWeight float64 `json:"kl_weight"` // 1
	Seed     uint64  `json:"seed"`
}

func (s Settings) withDefaults() Settings {
	def := Settings{Epochs: 100, Batch: 32, Rate: 5e-4, Clip: 100, KLWeight: 1}
	v, d := reflect.ValueOf(&s).Elem(), reflect.ValueOf(def)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			v.Field(i).Set(d.Field(i))
		}
	}
	return s
}

// Validate names the first setting that makes no sense.
func (s Settings) Validate() error {
	switch {
	case s.Epochs < 1 || s.Epochs > 100000:
		return fmt.Errorf("models: %d epochs: want 1 to 100000", s.Epochs)
	case s.Batch < 1 || s.Batch > 1024:
		return fmt.Errorf("models: batch of %d: want 1 to 1024", s.Batch)
	case !(s.Rate > 0) || s.Rate > 1:
		return fmt.Errorf("models: learning rate %g: want above 0, at most 1", s.Rate)
	case !(s.Clip > 0) || !(s.KLWeight >= 0):
		return fmt.Errorf("models: clip %g and KL weight %g: want above 0, and at least 0", s.Clip, s.KLWeight)
	}
	return nil
}

// Run is one training: what to train, on what, and where to keep it.
type Run struct {
	VAE      VAE
	Train    Samples
	Valid    Samples // may be empty or nil: the last weights are kept then
	Settings Settings
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
	Recon, KL     float64 // of the batch, means per patch
	Valid         float64 // negative bound on the validation set after the last epoch; NaN before
	Best          float64
	Elapsed       time.Duration
}

// Trained is the outcome: the weights with the lowest validation bound.
type Trained struct {
	Params Params
	Header Header
}

// stateFile holds the weights, the best weights so far and the optimiser.
const stateFile = "state.safetensors"

// TrainVAE minimises the mean over the batch of Recon + KLWeight*KL. With Dir
// set it keeps its state after every epoch and goes on from there when it is
// started again with the same settings and data; other settings are refused.
// A cancelled ctx ends it between two steps with the context's error.
func TrainVAE(ctx context.Context, r Run) (*Trained, error) {
	r.Settings = r.Settings.withDefaults()
	if err := errors.Join(r.VAE.Validate(), r.Settings.Validate()); err != nil {
		return nil, err
	}
	if r.Train == nil || r.Train.Len() == 0 {
		return nil, errors.New("models: the training set is empty")
	}
	t, err := newTrainer(r)
	if err != nil {
		return nil, err
	}
	for t.epoch < r.Settings.Epochs {
		if err := t.runEpoch(ctx); err != nil {
			return nil, err
		}
	}
	h := t.header()
	return &Trained{t.best, h}, nil
}

type trainer struct {
	Run
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
	t := &trainer{Run: r, bound: math.NaN(), bestVal: math.Inf(1), started: time.Now(),
		adam: compute.AdamDefaults(s.Rate)}
	t.adam.Clip = s.Clip
	t.params = r.VAE.NewParams(rand.New(rand.NewPCG(s.Seed, 1)))
	r.VAE.startAt(t.params, t.meanValue())
	if err := t.resume(); err != nil {
		return nil, err
	}
	if t.best == nil {
		t.best = t.params.Clone()
	}
	g, terms := t.graph()
	loss := g.Mean(g.Add(terms.Recon, g.Scale(terms.KL, s.KLWeight)))
	if g.Err != nil {
		return nil, g.Err
	}
	grads, err := op.Grad(loss, g.Params(t.params)...)
	if err != nil {
		return nil, err
	}
	outs := gorgonia.Nodes{loss, terms.Recon, terms.KL}
	if t.plan, err = compute.CompileTraining(outs, g.Params(t.params), grads, t.params.Bound(), t.adam, r.Compute); err != nil {
		return nil, err
	}
	g, terms = t.graph()
	if g.Err != nil {
		return nil, g.Err
	}
	t.check, err = compute.Compile(gorgonia.Nodes{terms.Recon, terms.KL}, t.params.Bound(), r.Compute)
	return t, err
}

// meanValue is the mean of the training voxels that count, without the
// extremes that no sigmoid reaches.
func (t *trainer) meanValue() float64 {
	x, support := make([]float32, t.VAE.Voxels()), make([]float32, t.VAE.Voxels())
	var sum, n float64
	for i := range t.Train.Len() {
		t.Train.Patch(i, t.rng(drawPatch, 0, i), x, support)
		for j, s := range support {
			sum += float64(s * x[j])
			n += float64(s)
		}
	}
	return math.Min(math.Max(sum/math.Max(n, 1), 0.01), 0.99)
}

func (t *trainer) graph() (*Graph, Terms) {
	v, n := t.VAE, t.Settings.Batch
	g := v.NewGraph(tensor.Float32)
	shape := v.shape(size, n, 1)
	return g, v.Bound(g, g.Input("x", shape...), g.Input("support", shape...), g.Input("eps", n, v.Latent))
}

// rng draws for one purpose in one epoch and of one sample.
func (t *trainer) rng(purpose, epoch, i int) *rand.Rand {
	return rand.New(rand.NewPCG(t.Settings.Seed, uint64(purpose)<<60|uint64(epoch)<<32|uint64(i))) //nolint:gosec // small numbers
}

const (
	drawOrder = 1 + iota
	drawPatch
	drawNoise
	drawValid
)

// load fills row n of the plan's inputs.
func (t *trainer) load(p *compute.Plan, s Samples, n, i int, patch, noise *rand.Rand) {
	v := t.VAE.Voxels()
	s.Patch(i, patch, p.Input("x")[n*v:(n+1)*v], p.Input("support")[n*v:(n+1)*v])
	eps := p.Input("eps")[n*t.VAE.Latent : (n+1)*t.VAE.Latent]
	for j := range eps {
		eps[j] = float32(noise.NormFloat64())
	}
}

func (t *trainer) runEpoch(ctx context.Context) error {
	n, batch := t.Train.Len(), t.Settings.Batch
	order := t.rng(drawOrder, t.epoch, 0).Perm(n)
	steps := (n + batch - 1) / batch
	for s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		for b := range batch { // the last batch is filled up from the front
			at := s*batch + b
			i := order[at%n]
			t.load(t.plan, t.Train, b, i, t.rng(drawPatch, t.epoch, at), t.rng(drawNoise, t.epoch, at))
		}
		t.plan.Run() // the whole step; weights that it spoils are not kept
		loss := float64(t.plan.Output(0)[0])
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("models: the loss became %g in epoch %d: lower the learning rate or look for values that are not finite in the data", loss, t.epoch+1)
		}
		t.tell(s+1, steps, loss, meanOf(t.plan.Output(1)), meanOf(t.plan.Output(2)))
	}
	t.epoch++
	t.validate()
	return t.save()
}

func (t *trainer) tell(step, steps int, loss, recon, kl float64) {
	if t.Progress != nil {
		t.Progress(Progress{t.epoch, t.Settings.Epochs, step, steps, loss, recon, kl, t.bound, t.bestVal, time.Since(t.started)})
	}
}

// validate keeps the weights if they bound the validation set better than any
// before. Every epoch draws the same noise.
func (t *trainer) validate() {
	if t.Valid == nil || t.Valid.Len() == 0 {
		t.best, t.bestEpoch = t.params.Clone(), t.epoch
		return
	}
	var sum float64
	n, batch := t.Valid.Len(), t.Settings.Batch
	for lo := 0; lo < n; lo += batch {
		for b := range batch {
			i := (lo + b) % n
			t.load(t.check, t.Valid, b, i, t.rng(drawValid, 0, i), t.rng(drawValid, 1, i))
		}
		t.check.Run()
		for b := range min(batch, n-lo) {
			sum += float64(t.check.Output(0)[b] + t.check.Output(1)[b])
		}
	}
	t.bound = sum / float64(n)
	if t.bound < t.bestVal {
		t.best, t.bestVal, t.bestEpoch = t.params.Clone(), t.bound, t.epoch
	}
}

func meanOf(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return s / float64(len(x))
}

// header describes the best weights so far.
func (t *trainer) header() Header {
	h := t.Header
	h.Kind, h.Dims, h.Latent = "vae", t.VAE.Dims, t.VAE.Latent
	h.Seed, h.Epoch = t.Settings.Seed, t.bestEpoch
	h.Training, _ = json.Marshal(t.Settings) // numbers only
	h.Metrics = map[string]float64{"epochs": float64(t.epoch), "train_samples": float64(t.Train.Len())}
	if !math.IsInf(t.bestVal, 0) {
		h.Metrics["valid_negative_bound"] = t.bestVal
	}
	return h
}

func (t *trainer) save() error {
	if t.Dir == "" {
		return nil
	}
	h := t.header()
	h.Metrics["best_epoch"] = float64(t.bestEpoch)
	h.Metrics["steps"] = float64(t.adam.Steps)
	var ps Params
	for _, p := range t.best {
		ps = append(ps, Param{"best." + p.Name, p.Shape, p.Data})
	}
	ps = append(ps, t.params...)
	for i, p := range t.params {
		ps = append(ps, Param{"adam.m." + p.Name, p.Shape, t.adam.M[i]}, Param{"adam.v." + p.Name, p.Shape, t.adam.V[i]})
	}
	return Save(filepath.Join(t.Dir, stateFile), h, ps)
}

func (t *trainer) resume() error {
	if t.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(t.Dir, 0o755); err != nil { //nolint:gosec // weights are no secret
		return fmt.Errorf("models: resume: %w", err)
	}
	path := filepath.Join(t.Dir, stateFile)
	h, ps, err := Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("models: resume: %w; remove it to start again", err)
	}
	// More epochs may be asked for than before; everything else must agree.
	var old Settings
	if err := json.Unmarshal(h.Training, &old); err != nil {
		return fmt.Errorf("models: resume from %s: %w", path, err)
	}
	old.Epochs = t.Settings.Epochs
	n := len(t.params)
	if old != t.Settings || h.DataDigest != t.Header.DataDigest || h.Preprocessing != t.Header.Preprocessing || len(ps) != 4*n ||
		h.Metrics["train_samples"] != float64(t.Train.Len()) {
		return fmt.Errorf("models: %s is the state of another run (settings or data differ): choose another folder or remove it", path)
	}
	t.best = ps[:n]
	for i := range t.best {
		t.best[i].Name = t.params[i].Name
	}
	if err := errors.Join(t.VAE.Check(t.best), t.VAE.Check(ps[n:2*n])); err != nil {
		return fmt.Errorf("models: resume from %s: %w", path, err)
	}
	t.params = ps[n : 2*n]
	t.adam.Steps = int(h.Metrics["steps"])
	for i := 2 * n; i < len(ps); i += 2 {
		t.adam.M, t.adam.V = append(t.adam.M, ps[i].Data), append(t.adam.V, ps[i+1].Data)
	}
	t.epoch, t.bestEpoch = int(h.Metrics["epochs"]), int(h.Metrics["best_epoch"])
	if v, ok := h.Metrics["valid_negative_bound"]; ok {
		t.bestVal = v
	}
	return nil
}
