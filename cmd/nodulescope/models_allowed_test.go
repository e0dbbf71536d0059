package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/gate"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// phantomScans is of how many scans the phantom site is, with three patients each, one of
// whom is held back.
const phantomScans = gate.MinEach + 1

// phantomSite writes the data set of a site with a sharp kernel and 60 HU of noise, whose
// reader decides as the nodules are made: of each patient one looks benign, and one
// suspicious.
func phantomSite(t *testing.T) string {
	t.Helper()
	var samples []nodule.Sample
	for scan := range phantomScans {
		size := func(low, high float64) float64 { return low + (high-low)*float64(scan)/phantomScans }
		p, err := phantom.Generate(phantom.Spec{
			Seed: uint64(7000 + scan), Slices: 60, Rows: 128, SpacingMM: [3]float64{2.5, 2.5, 2.5}, Kernel: phantom.Sharp, NoiseHU: 60, //nolint:gosec // counted
			Nodules: []phantom.Nodule{
				{Kind: phantom.SmallSolid, DiameterMM: size(4, 9)}, {Kind: phantom.Spiculated, DiameterMM: size(7, 20)},
				{Kind: phantom.Calcified, DiameterMM: size(11, 5)}, {Kind: phantom.PartSolid, DiameterMM: size(18, 8)},
				{Kind: phantom.SmallSolid, DiameterMM: size(9, 4)}, {Kind: phantom.Spiculated, DiameterMM: size(20, 7)},
			},
		})
		plugintest.Must(t, err)
		cutter, err := nodule.NewCutter(p.Geometry(), p, nodule.CutOptions{})
		plugintest.Must(t, err)
		cuts, err := cutter.CutAll(t.Context(), p.Candidates())
		plugintest.Must(t, err)
		for i, truth := range p.Nodules() {
			plugintest.Must(t, cuts[i].Err)
			s := nodule.NewSample(cuts[i].Cube, nil)
			s.Patient, s.Nodule, s.SeriesUID = patientHeldBack(t, 3*scan+i/2, i/2 == scan%3), truth.ID, fmt.Sprint("scan-", scan)
			s.DiameterMM, s.Readers, s.Malignancy = truth.DiameterMM, 1, 2+2*(i%2)
			s.Label = nodule.LabelOf(s.Malignancy)
			samples = append(samples, s)
		}
	}
	path := filepath.Join(t.TempDir(), "site.npz")
	plugintest.Must(t, nodule.SaveNPZ(path, samples))
	return path
}

// patientHeldBack is a pseudonym on the test side, or not on it.
func patientHeldBack(t *testing.T, number int, held bool) string {
	t.Helper()
	for salt := 0; ; salt++ {
		s := nodule.Sample{Patient: fmt.Sprintf("%s%s%d-%d", nodule.SitePatient, mark, number, salt)}
		split, err := detector.Protocol{}.Split(&nodule.Dataset{Samples: []nodule.Sample{s}})
		plugintest.Must(t, err)
		if held == (len(split.Test.Samples) == 1) {
			return s.Patient
		}
	}
}

// TestAllowedRetraining: a headline that has learned of a site's decisions is allowed by the
// gates and promoted without force, while jobs keep coming: each is answered once, by
// the models that it names, the last ones by the new, and after the rollback by the old.
func TestAllowedRetraining(t *testing.T) {
	site, data, dir := phantomSite(t), t.TempDir(), t.TempDir()
	s := startService(t, data, "")
	folder := filepath.Join(dir, "candidate")
	command(t, exitOK, "retrain", site, "--keep", "vae-ad,gan-ad,normals-only,normals-unlabelled", "--priority", "normal", "--data-dir", data, "--dir", filepath.Join(dir, "runs"), "--out", folder)
	out, _ := command(t, exitOK, "models", "import", folder, "--data-dir", data, "--json")
	var m store.Manifest
	plugintest.Must(t, json.Unmarshal([]byte(out), &m))
	version := m.Version
	_, stderr := command(t, exitBadInput, "models", "promote", version, "--data-dir", data)
	if !strings.Contains(stderr, string(store.CodeNotCompared)) {
		t.Errorf("%s", stderr)
	}
	out, _ = command(t, exitOK, "models", "compare", version, "--data", site, "--phantoms", "20", "--data-dir", data, "--json")
	var r gate.Report
	plugintest.Must(t, json.Unmarshal([]byte(out), &r))
	if !r.Allowed || len(r.Sides) != 2 || !r.Sides[0].Enough || !r.Sides[1].Enough {
		t.Fatalf("%q, %+v", r.Reasons, r.Sides)
	}
	for _, s := range r.Sides {
		i := slices.IndexFunc(s.Rows, func(r gate.Row) bool { return r.Name == "rung readers-ratings" })
		if c := s.Rows[i].AUROC; c.Difference < 0.03 || s.Rows[i].Weights {
			t.Errorf("%s: the headline has learned nothing: %+v", s.Name, c)
		}
	}

	ct := filepath.Join(dir, "ct")
	command(t, exitOK, "phantom", ct, "--slices", "48", "--size", "96", "--nodule", "solid:14", "--kernel", "sharp", "--noise", "60")
	text, err := os.ReadFile(filepath.Join(ct, "truth.json")) //nolint:gosec // of this test
	plugintest.Must(t, err)
	jobs := 0
	submit := func(n int) {
		t.Helper()
		for range n {
			jobs++
			command(t, exitOK, "submit", ct, "--nodules", writeFile(t, "nodules.json", strings.Replace(string(text), `"phantom-1"`, fmt.Sprintf(`"again-%d"`, jobs), 1)), "--nats-url", s.bus)
		}
	}
	said := func(r bus.Result) string { // which models, and what they say
		models := []string{r.Rungs.Digest}
		for _, m := range r.Models {
			models = append(models, m.Digest)
		}
		return fmt.Sprintf("%s: %.6f", models, r.Nodules[0].Headline.Probability)
	}
	submit(1)
	before := said(s.results(1)[0])
	submit(2)
	out, _ = command(t, exitOK, "models", "promote", version, "--data-dir", data)
	if !strings.Contains(out, version+" scores in place of shipped.") {
		t.Errorf("%s", out)
	}
	submit(2)
	promoted := s.results(jobs)
	after := said(promoted[jobs-1])
	submit(1)
	s.results(jobs)
	command(t, exitOK, "models", "rollback", "--reason", "test", "--data-dir", data)
	submit(2)
	results, ids := s.results(jobs), map[string]bool{}
	for _, r := range results {
		if ids[r.JobID] = true; said(r) != before && said(r) != after {
			t.Errorf("%s is neither %s nor %s", said(r), before, after)
		}
	}
	if len(ids) != jobs || before == after || said(results[0]) != before || said(results[5]) != after || said(results[jobs-1]) != before {
		t.Errorf("%d results of %d jobs; %s, then %s", len(ids), jobs, before, after)
	}
	trail, err := os.ReadFile(filepath.Join(data, "audit.jsonl"))
	if err != nil || !strings.Contains(string(trail), `"kind":"promoted"`) || strings.Contains(string(trail), `"forced":true`) {
		t.Errorf("%v: %s", err, trail)
	}
}
