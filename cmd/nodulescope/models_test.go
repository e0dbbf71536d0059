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
	if !strings.Contains(out, "compared with shipped") || !strings.Contains(out, "may not take its place") || !strings.Contains(out, "were held back") {
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
