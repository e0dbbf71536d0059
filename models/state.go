package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

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
	if h.Kind != "vae" || h.VAE() != t.VAE || old != t.Settings || h.DataDigest != t.Header.DataDigest || h.Preprocessing != t.Header.Preprocessing || len(ps) != 2*n+2*len(t.moved()) ||
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
