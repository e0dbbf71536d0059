package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// siteNodules writes a data set of n balls of a site, every second of which looks
// benign.
func siteNodules(t *testing.T, n int) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	samples := make([]nodule.Sample, n)
	for i := range samples {
		cube := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
		for v := range cube.HU {
			z, y, x := v/1024-16, v/32%32-16, v%32-16
			cube.HU[v], cube.Valid[v] = float32(-850+20*rng.NormFloat64()), true
			if r := 3 + i%4 + 3*(i%2); z*z+y*y+x*x < r*r {
				cube.HU[v] = float32(20 + 20*rng.NormFloat64())
			}
		}
		s := nodule.NewSample(cube, nil)
		s.Patient, s.Nodule, s.Readers, s.Malignancy, s.DiameterMM = fmt.Sprintf("%s%d", nodule.SitePatient, i), fmt.Sprint(i), 1, 2+2*(i%2), 8
		s.Label = nodule.LabelOf(s.Malignancy)
		samples[i] = s
	}
	path := filepath.Join(t.TempDir(), "site.npz")
	plugintest.Must(t, nodule.SaveNPZ(path, samples))
	return path
}

// The files of a candidate score as they are.
func TestCandidateScores(t *testing.T) {
	data, model, dir := siteNodules(t, 64), testModel(t), t.TempDir()
	out := filepath.Join(dir, "candidate")
	args := []string{"retrain", data, "--recalibrate", "--priority", "normal", "--model", model, "--dir", filepath.Join(dir, "state"), "--out", out}
	text, _ := command(t, exitOK, append(args, "--dry-run")...)
	if !strings.Contains(text, "describe nodules") || !strings.Contains(text, "It would take about") {
		t.Errorf("%s", text)
	}
	text, _ = command(t, exitOK, append(args, "--dry-run", "--json")...)
	var p retrain.Plan
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Kind != retrain.KindRecalibrate || len(p.Work) == 0 {
		t.Errorf("%v: %s", err, text)
	}
	text, _ = command(t, exitOK, args...)
	if !strings.Contains(text, "readers-ratings") || !strings.Contains(text, "models import") {
		t.Errorf("%s", text)
	}
	ct := filepath.Join(dir, "ct")
	command(t, exitOK, "phantom", ct, "--slices", "48", "--size", "96", "--nodule", "solid:14")
	text, _ = command(t, exitOK, "score", ct, "--nodules", filepath.Join(ct, "truth.json"), "--json", "--model", filepath.Join(out, "vae-ad.safetensors"),
		"--rungs", filepath.Join(out, "rungs.json"), "--outline", filepath.Join(out, "outline.safetensors"))
	var r bus.Result
	plugintest.Must(t, json.Unmarshal([]byte(text), &r))
	if len(r.Nodules) != 1 || r.Nodules[0].Headline == nil || len(r.Nodules[0].Scores) != 1 {
		t.Errorf("%s", text)
	}
	if _, stderr := command(t, exitFailure, args...); !strings.Contains(stderr, "retrain_write_failed") {
		t.Errorf("%s", stderr)
	}
}

// A retraining starts from what was promoted, which it names as the store does.
func TestStartsFromPromoted(t *testing.T) {
	data, folder := t.TempDir(), filepath.Join(t.TempDir(), "candidate")
	plugintest.Must(t, saveCandidate(folder))
	s := store.Open(data)
	m, _, err := s.Import(folder)
	plugintest.Must(t, err)
	o := retrainOptions{version: store.Promoted}
	o.store.dataDir = data
	base, err := o.base()
	if err != nil || base != nil {
		t.Fatalf("without a promotion: %v, %v", base, err)
	}
	_, _, err = s.Apply(store.Change{Version: m.Version, By: "test", Forced: true}, func(store.Changed, store.Set) error { return nil })
	plugintest.Must(t, err)
	base, err = o.base()
	plugintest.Must(t, err)
	set, err := retrain.LoadSet(retrain.SetFiles{Base: base})
	plugintest.Must(t, err)
	if digest, err := set.Digest(); err != nil || digest != m.Set || set.From != m.Version {
		t.Errorf("starts from %s %s, %v; want %s %s", set.From, digest, err, m.Version, m.Set)
	}
	o.models = []string{"m.safetensors"}
	if base, err = o.base(); err != nil || base != nil {
		t.Errorf("beside a file that is named: %v, %v", base, err)
	}
}
