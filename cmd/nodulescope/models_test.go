package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/filelock"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/retrain/shadow"
)

// saveCandidate writes the folder of a candidate of one detector that has learned
// nothing.
func saveCandidate(folder string) error {
	model := filepath.Join(folder, "vae-ad.safetensors")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := saveModel(model, 9, nil); err != nil {
		return err
	}
	content, err := os.ReadFile(model) //nolint:gosec // of the test
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{
		"schema": "nodulescope-candidate/1", "created": "2026-01-31T08:00:00Z", "kind": "retrain", "software": "test", "mode": "decisions", "seed": 7,
		"preprocessing": []string{nodule.PreprocessingVersion, nodule.WholeVersion}, "data": map[string]any{"digest": digest.Of([]byte("data"))},
		"files": []any{map[string]any{"name": "vae-ad.safetensors", "role": "detector", "sha256": digest.Of(content)}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "candidate.json"), text, 0o600)
}

func writeCandidate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: candidate FOLDER")
	}
	ts.Check(saveCandidate(ts.MkAbs(args[0])))
}

// TestPromotedModels: a service scores with a version from its promotion on, without
// a restart, then 'score' as it does; after a restart, too; and as before after a
// rollback.
func TestPromotedModels(t *testing.T) {
	dir, data, folder := filepath.Join(t.TempDir(), "ct"), t.TempDir(), filepath.Join(t.TempDir(), "candidate")
	nodules := writeFile(t, "nodules.json", manyNodules(1))
	for _, err := range []error{dicomtest.WriteSeries(dir, testSpec("1.2.826.0.1.3680043.10.9.9", "")), saveCandidate(folder)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out, _ := command(t, exitOK, "models", "import", folder, "--data-dir", data, "--json")
	var m struct {
		Version   string `json:"version"`
		Candidate struct {
			Files []struct {
				SHA256 string `json:"sha256"`
			} `json:"files"`
		} `json:"candidate"`
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatal(err)
	}
	settings := []string{"--outline", "off", "--detectors", "vae-ad"}
	s := startService(t, data, "", settings...)
	answers := 0
	scoredBy := func() string {
		t.Helper()
		answers++
		another := writeFile(t, "nodules.json", manyNodules(answers+1)) // the same job twice is one for two minutes
		command(t, exitOK, "submit", dir, "--nodules", another, "--nats-url", s.bus)
		return s.results(answers)[answers-1].Models[0].Digest
	}
	shipped := scoredBy()
	out, _ = command(t, exitOK, "models", "promote", m.Version, "--force", "--reason", "test", "--data-dir", data)
	if !strings.Contains(out, m.Version+" scores in place of shipped. The service scores new jobs with it.") {
		t.Errorf("%s", out)
	}
	site := m.Candidate.Files[0].SHA256
	if got := scoredBy(); got != site || site == shipped {
		t.Errorf("scored by %s, want %s", got, site)
	}
	out, _ = command(t, exitOK, append([]string{"score", dir, "--nodules", nodules, "--json", "--data-dir", data}, settings...)...)
	var r bus.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Models[0].Digest != site {
		t.Errorf("score used %+v, %v", r.Models, err)
	}
	s.stop()
	out, _ = command(t, exitOK, append([]string{"serve", "--check-config", "--data-dir", data}, settings...)...)
	if !strings.Contains(out, "models   "+m.Version) {
		t.Errorf("after a restart:\n%s", out)
	}
	out, _ = command(t, exitOK, "models", "rollback", "--data-dir", data)
	if !strings.Contains(out, "shipped scores in place of "+m.Version+". No service runs") {
		t.Errorf("%s", out)
	}
	command(t, exitOK, "audit", "verify", "--data-dir", data)
}

// TestPromotionOfTwo: where the service says so, a promotion waits for a second person,
// also while none runs.
func TestPromotionOfTwo(t *testing.T) {
	data, folder := t.TempDir(), filepath.Join(t.TempDir(), "candidate")
	if err := saveCandidate(folder); err != nil {
		t.Fatal(err)
	}
	command(t, exitOK, "models", "import", folder, "--data-dir", data)
	startService(t, data, "", "--promote-consent", "2", "--outline", "off", "--detectors", "vae-ad").stop()
	promote := []string{"models", "promote", "20260131", "--force", "--reason", "test", "--by", "ann", "--data-dir", data}
	out, _ := command(t, exitOK, promote...)
	_, request, found := strings.Cut(out, "models approve ")
	request = strings.TrimSpace(request)
	if !found || !strings.Contains(out, "Nothing has changed yet") {
		t.Fatalf("%s", out)
	}
	if out, _ = command(t, exitOK, "models", "list", "--data-dir", data); !strings.Contains(out, "ann asked for 20260131-") || !strings.Contains(out, "request "+request+", waits for a second person") {
		t.Errorf("%s", out)
	}
	if _, stderr := command(t, exitBadInput, promote...); !strings.Contains(stderr, "consent_pending") {
		t.Errorf("%s", stderr)
	}
	approve := func(by string, more ...string) []string {
		return append([]string{"models", "approve", request, "--by", by, "--data-dir", data}, more...)
	}
	if _, stderr := command(t, exitBadInput, approve("ann")...); !strings.Contains(stderr, "consent_same_person") {
		t.Errorf("%s", stderr)
	}
	if out, _ = command(t, exitOK, approve("ann", "--withdraw")...); !strings.Contains(out, "is withdrawn") {
		t.Errorf("%s", out)
	}
	out, _ = command(t, exitOK, promote...)
	_, request, _ = strings.Cut(out, "models approve ")
	request = strings.TrimSpace(request)
	if out, _ = command(t, exitOK, approve("bob")...); !strings.Contains(out, "scores in place of shipped") {
		t.Errorf("%s", out)
	}
	command(t, exitOK, "audit", "verify", "--data-dir", data)
	for replicas, want := range map[string]int{"1": exitOK, "3": exitUsage, "-1": exitUsage} {
		command(t, want, "serve", "--check-config", "--data-dir", t.TempDir(), "--outline", "off", "--detectors", "vae-ad", "--models-bucket-replicas", replicas)
	}
	command(t, exitUsage, "serve", "--check-config", "--data-dir", t.TempDir(), "--outline", "off", "--detectors", "vae-ad", "--promote-consent", "3")
}

// TestShadowOfPhantoms: a version scores phantoms beside the detector in the binary, unseen
// and across a restart, and the report tells what would change.
func TestShadowOfPhantoms(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	folder, page := filepath.Join(dir, "candidate"), filepath.Join(dir, "shadow.html")
	if err := saveCandidate(folder); err != nil {
		t.Fatal(err)
	}
	out, _ := command(t, exitOK, "models", "shadow", "--data-dir", data)
	if !strings.Contains(out, "No version has been") {
		t.Errorf("%s", out)
	}
	command(t, exitOK, "models", "import", folder, "--data-dir", data)
	for _, seed := range []string{"1", "2"} {
		command(t, exitOK, "phantom", filepath.Join(dir, seed), "--seed", seed, "--slices", "60", "--size", "96")
	}
	settings := []string{"--outline", "off", "--detectors", "vae-ad"}
	s := startService(t, data, "", settings...)
	submit := func(seed string) {
		t.Helper()
		command(t, exitOK, "submit", filepath.Join(dir, seed), "--nodules", filepath.Join(dir, seed, "truth.json"), "--nats-url", s.bus)
	}
	wait := func(done func(shadow.Report) bool) (r shadow.Report) {
		t.Helper()
		plugintest.WaitFor(t, func() bool {
			out, _ := command(t, exitOK, "models", "shadow", "--report", "--json", "--data-dir", data)
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			return done(r)
		})
		return r
	}
	command(t, exitOK, "models", "shadow", "20260131", "--shadow-nodules", "12", "--data-dir", data)
	submit("1")
	first := wait(func(r shadow.Report) bool { return r.Run.Counts.Series == 1 })
	if first.Nodules == 0 || first.Nodules >= 12 || !first.Run.Runs() {
		t.Fatalf("%+v", first.Run)
	}
	s.stop()
	s = startService(t, data, "", settings...)
	submit("2")
	r := wait(func(r shadow.Report) bool { return !r.Run.Runs() })
	if a := r.Scores[0]; a.Name != "vae-ad" || a.Nodules != r.Nodules || r.Series != 2 || a.New+a.Gone == 0 {
		t.Errorf("%+v", r.Scores)
	}
	for _, one := range s.results(2) {
		if len(one.Models) != 1 || one.Models[0].Digest == "" || len(one.Nodules[0].Scores) != 1 {
			t.Errorf("%+v", one.Models)
		}
	}
	out, _ = command(t, exitOK, "models", "shadow", "--html", page, "--data-dir", data)
	html, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(html), "data:image/png") || strings.Contains(string(html), "1.2.826") || !strings.Contains(out, "vae-ad") {
		t.Errorf("%v\n%s", err, out)
	}
	trail, err := os.ReadFile(filepath.Join(data, "audit.jsonl"))
	if err != nil || strings.Count(string(trail), `"kind":"shadow"`) != 2 {
		t.Errorf("%v: %s", err, trail)
	}
	command(t, exitBadInput, "models", "shadow", "--stop", "--data-dir", data)
	command(t, exitUsage, "models", "shadow", "20260131", "--stop", "--data-dir", data)
}

// TestRefusedComparison: it ends with the code of a refusal, and its reasons are kept.
func TestRefusedComparison(t *testing.T) {
	data, folder := t.TempDir(), filepath.Join(t.TempDir(), "candidate")
	if err := saveCandidate(folder); err != nil {
		t.Fatal(err)
	}
	command(t, exitOK, "models", "import", folder, "--data-dir", data)
	command(t, exitOK, "models", "show", "20260131", "--data-dir", data)
	// With itself there is nothing to search with gan-ad but once.
	out, stderr := command(t, exitBadInput, "models", "compare", "shipped", "--phantoms", "1", "--data-dir", data)
	if !strings.Contains(out, "It may not be promoted.") || !strings.Contains(stderr, "too few") || !strings.Contains(stderr, "model_not_better") {
		t.Errorf("%s\n%s", out, stderr)
	}
	out, _ = command(t, exitOK, "models", "show", "shipped", "--data-dir", data)
	out = strings.Join(strings.Fields(out), " ") // whatever goes on below
	if !strings.Contains(out, "compared with shipped:") || !strings.Contains(out, "may not take its place") || !strings.Contains(out, "were held back") {
		t.Errorf("%s", out)
	}
}

// TestComparisonIsTold: what was compared is printed also where it cannot be kept.
func TestComparisonIsTold(t *testing.T) {
	data, folder := t.TempDir(), filepath.Join(t.TempDir(), "candidate")
	if err := saveCandidate(folder); err != nil {
		t.Fatal(err)
	}
	command(t, exitOK, "models", "import", folder, "--data-dir", data)
	lock, err := filelock.Take(filepath.Join(data, "models", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	out, stderr := command(t, exitFailure, "models", "compare", "20260131", "--with", "20260131", "--phantoms", "1", "--data-dir", data)
	if !strings.Contains(out, "It may not be promoted.") || !strings.Contains(stderr, "another process writes it") {
		t.Errorf("%s\n%s", out, stderr)
	}
}
