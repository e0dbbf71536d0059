package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// mark stands in the name of everything that a patient could be known by.
const mark = "zzmark"

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
		s.Patient, s.Nodule, s.SeriesUID = fmt.Sprintf("%s%s%d", nodule.SitePatient, mark, i), fmt.Sprintf("%s-n%d", mark, i), fmt.Sprintf("%s-s%d", mark, i)
		s.Readers, s.Malignancy, s.DiameterMM = 1, 2+2*(i%2), 8
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
	shareCandidate(t, out)
}

// shareCandidate takes a candidate to another workstation over a bus, which then holds
// all of it, and nothing that a patient could be known by.
func shareCandidate(t *testing.T, candidate string) {
	t.Helper()
	busDir, here, there := t.TempDir(), t.TempDir(), t.TempDir()
	server, err := bus.Start(t.Context(), bus.ServerOptions{StoreDir: busDir, Port: -1})
	plugintest.Must(t, err)
	defer func() { plugintest.Must(t, server.Shutdown(plugintest.Context(t))) }()
	at := []string{"--nats-url", server.URL()}
	on := func(data string, args ...string) []string { return append(append(args, "--data-dir", data), at...) }
	command(t, exitOK, "models", "import", candidate, "--data-dir", here)
	if _, stderr := command(t, exitFailure, on(here, "models", "push", "2026")...); !strings.Contains(stderr, "a service of this version makes it") {
		t.Errorf("%s", stderr)
	}
	b, err := bus.Connect(t.Context(), bus.Options{Server: server})
	plugintest.Must(t, err)
	defer b.Close()
	plugintest.Must(t, b.EnsureModels(t.Context()))
	list, err := store.Open(here).List()
	plugintest.Must(t, err)
	key, err := store.Open(here).Key()
	plugintest.Must(t, err)
	version := list[0].Version
	for _, want := range []string{"is shared now", "was shared already"} {
		if out, _ := command(t, exitOK, on(here, "models", "push", version)...); !strings.Contains(out, version+" "+want) || !strings.Contains(out, "--trust "+string(key)) {
			t.Errorf("%s", out)
		}
	}
	if out, _ := command(t, exitOK, on(there, "models", "list", "--shared")...); !strings.Contains(out, version+"  recalibrate  ") || !strings.Contains(out, "not trusted") || !strings.Contains(out, "key "+string(key)+"\n") {
		t.Errorf("%s", out)
	}
	if out, _ := command(t, exitBadInput, on(there, "models", "pull", "--all")...); !strings.Contains(out, version+" is refused: model_untrusted") {
		t.Errorf("%s", out)
	}
	if out, _ := command(t, exitOK, on(there, "models", "pull", version, "--trust", string(key))...); !strings.Contains(out, version+" is there now") {
		t.Errorf("%s", out)
	}
	if out, _ := command(t, exitOK, on(there, "models", "pull", "--all", "--trust", string(key))...); !strings.Contains(out, version+" was here already") {
		t.Errorf("%s", out)
	}
	command(t, exitOK, "models", "show", version, "--data-dir", there)
	command(t, exitUsage, on(there, "models", "pull")...)

	held := int64(0)
	plugintest.Must(t, filepath.WalkDir(busDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // of this test
		if bytes.Contains(content, []byte(mark)) || bytes.Contains(content, []byte(base64.URLEncoding.EncodeToString([]byte(mark)))) {
			t.Errorf("%s holds a patient's name", path)
		}
		held += int64(len(content))
		return err
	}))
	if held < list[0].Scoring()[0].Bytes {
		t.Errorf("the bus holds %d bytes: not what was pushed", held)
	}
	if out, _ := command(t, exitOK, on(here, "models", "gc", "--shared", "--keep", "0")...); !strings.Contains(out, "Removed 1 version ("+version+")") {
		t.Errorf("%s", out)
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
