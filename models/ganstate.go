package models

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// ganStateFile holds both networks, their optimisers, the averaged weights and
// the history.
const ganStateFile = "gan-state.safetensors"

// values are what the history keeps of a point, in a fixed order.
func (p *GANPoint) values() []float64 {
	return []float64{p.CriticLoss, p.Wasserstein, p.Penalty, p.Generator, p.Gradient}
}

// pointOf is the point of a step.
func pointOf(step int, v []float32) GANPoint {
	return GANPoint{step, float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3]), float64(v[4])}
}

// rounded is the point as a state keeps it.
func (p GANPoint) rounded() GANPoint {
	var v []float32
	for _, x := range p.values() {
		v = append(v, float32(x))
	}
	return pointOf(p.Step, v)
}

// header describes the weights.
func (t *ganTrainer) header() Header {
	h := t.Header
	h.Kind, h.Dims, h.Latent, h.Norm = "gan", t.GAN.Dims, t.GAN.Latent, t.GAN.Norm
	h.Loss, h.Prior, h.Seed = t.Settings.Loss, t.Settings.Prior, t.Settings.Seed
	h.Training, _ = json.Marshal(t.Settings) // numbers and names only
	h.Metrics = map[string]float64{"steps": float64(len(t.history)), "train_samples": float64(t.Train.Len())}
	return h
}

// stateSpecs are the tensors of a state after some steps.
func (t *ganTrainer) stateSpecs(steps int) []spec {
	weights := append(t.GAN.generatorSpecs(), t.GAN.criticSpecs()...)
	all := append([]spec{}, weights...)
	for _, kind := range []string{"adam.m.", "adam.v."} {
		for _, s := range weights {
			all = append(all, spec{name: kind + s.name, shape: s.shape})
		}
	}
	if t.Settings.Average > 0 {
		for _, s := range t.GAN.generatorSpecs() {
			all = append(all, spec{name: "average." + s.name, shape: s.shape})
		}
	}
	return append(all, spec{name: "history", shape: []int{steps, len((&GANPoint{}).values())}})
}

// save writes the state. Before the first step there is none.
func (t *ganTrainer) save() error {
	if t.Dir == "" || len(t.history) == 0 {
		return nil
	}
	if err := t.fetch(); err != nil {
		return err
	}
	var data [][]float32
	for _, ps := range []Params{t.generator, t.critic} {
		for _, p := range ps {
			data = append(data, p.Data)
		}
	}
	for _, m := range [][][]float32{t.adamG.M, t.adamC.M, t.adamG.V, t.adamC.V} {
		data = append(data, m...)
	}
	for _, p := range t.average {
		data = append(data, p.Data)
	}
	var history []float32
	for _, p := range t.history {
		for _, v := range p.values() {
			history = append(history, float32(v))
		}
	}
	data = append(data, history)
	specs := t.stateSpecs(len(t.history))
	ps := make(Params, len(specs))
	for i, s := range specs {
		ps[i] = Param{s.name, s.shape, data[i]}
	}
	return Save(filepath.Join(t.Dir, ganStateFile), t.header(), ps)
}

// resume goes on from the state of an earlier start, if there is one. More
// steps may be asked for than before; everything else must agree.
func (t *ganTrainer) resume() error {
	s, old, err := savedState[GANSettings](t.Dir, ganStateFile)
	if s == nil {
		return err
	}
	steps := s.count("steps")
	old.Steps = t.Settings.Steps
	if !s.of("gan", t.Header, t.Train.Len()) || s.header.GAN() != t.GAN || old != t.Settings {
		return s.foreign("network, settings or data")
	}
	if steps > t.Settings.Steps {
		return fmt.Errorf("models: %s is the state after %d steps and %d are asked for: choose another folder or ask for more", s.path, steps, t.Settings.Steps)
	}
	if err := s.params.check(t.stateSpecs(steps)); err != nil {
		return s.unusable(err)
	}
	t.restore(s.params, steps)
	return nil
}

// restore takes the tensors of a state.
func (t *ganTrainer) restore(ps Params, steps int) {
	next := func(n int) Params {
		taken := ps[:n:n]
		ps = ps[n:]
		return taken
	}
	datas := func(n int) (d [][]float32) {
		for _, p := range next(n) {
			d = append(d, p.Data)
		}
		return d
	}
	g, c := len(t.generator), len(t.critic)
	t.generator, t.critic = next(g), next(c)
	t.adamG.M, t.adamC.M, t.adamG.V, t.adamC.V = datas(g), datas(c), datas(g), datas(c)
	t.adamG.Steps, t.adamC.Steps = steps, steps*t.Settings.CriticSteps
	if t.average != nil {
		t.average = next(g)
		for i := range t.average {
			t.average[i].Name = t.generator[i].Name
		}
	}
	history := next(1)[0]
	width := history.Shape[1]
	for i := range steps {
		t.history = append(t.history, pointOf(i+1, history.Data[i*width:]))
	}
}
