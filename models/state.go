package models

import (
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
)

// stateFile holds the weights, the best weights so far and the optimiser.
const stateFile = "state.safetensors"

// lastBound is what a state calls the bound on the validation set after its epoch.
const lastBound = "last_valid_negative_bound"

// header describes the best weights so far.
func (t *trainer) header() Header {
	h := t.Header
	h.Kind, h.Dims, h.Latent, h.LearnedSigma = "vae", t.VAE.Dims, t.VAE.Latent, t.VAE.LearnedSigma
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
	if !math.IsNaN(t.bound) {
		h.Metrics[lastBound] = t.bound
	}
	var ps Params
	for _, p := range t.best {
		ps = append(ps, Param{"best." + p.Name, p.Shape, p.Data})
	}
	ps = append(ps, t.params...)
	for i, p := range t.moved() {
		ps = append(ps, Param{"adam.m." + p.Name, p.Shape, t.adam.M[i]}, Param{"adam.v." + p.Name, p.Shape, t.adam.V[i]})
	}
	return Save(filepath.Join(t.Dir, stateFile), h, ps)
}

// resume goes on from the state of an earlier start, if there is one. More
// epochs may be asked for than before; everything else must agree.
func (t *trainer) resume() error {
	s, old, err := savedState[Settings](t.Dir, stateFile)
	if s == nil {
		return err
	}
	old.Epochs = t.Settings.Epochs
	n, ps := len(t.params), s.params
	if !s.of("vae", t.Header, t.Train.Len()) || s.header.VAE() != t.VAE || old != t.Settings || len(ps) != 2*n+2*len(t.moved()) {
		return s.foreign("settings or data")
	}
	t.best = ps[:n]
	for i := range t.best {
		t.best[i].Name = t.params[i].Name
	}
	if err := errors.Join(t.VAE.Check(t.best), t.VAE.Check(ps[n:2*n])); err != nil {
		return s.unusable(err)
	}
	t.params = ps[n : 2*n]
	t.adam.Steps = s.count("steps")
	for i := 2 * n; i < len(ps); i += 2 {
		t.adam.M, t.adam.V = append(t.adam.M, ps[i].Data), append(t.adam.V, ps[i+1].Data)
	}
	t.epoch, t.bestEpoch = s.count("epochs"), s.count("best_epoch")
	if v, ok := s.header.Metrics["valid_negative_bound"]; ok {
		t.bestVal = v
	}
	if v, ok := s.header.Metrics[lastBound]; ok {
		t.bound = v
	}
	return nil
}
