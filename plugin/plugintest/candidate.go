package plugintest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
)

// Candidate writes the folder of a candidate of one untrained detector, as a
// training leaves it, and returns its path. change may alter the description; nil:
// it stays.
func Candidate(t testing.TB, seed uint64, change func(map[string]any)) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "candidate")
	Must(t, os.Mkdir(folder, 0o700))
	d, err := Untrained(seed)
	Must(t, err)
	model, err := d.Encode()
	Must(t, err)
	var files []map[string]any
	for _, f := range []struct {
		name, role string
		content    []byte
	}{{"vae-ad.safetensors", "detector", model}, {"report.json", "report-data", []byte("{}\n")}} {
		Must(t, os.WriteFile(filepath.Join(folder, f.name), f.content, 0o600))
		files = append(files, map[string]any{"name": f.name, "role": f.role, "sha256": digest.Of(f.content)})
	}
	about := map[string]any{
		"schema": "nodulescope-candidate/1", "created": time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), "kind": "retrain", "software": "test 1",
		"preprocessing": []string{nodule.PreprocessingVersion, nodule.WholeVersion}, "parent": digest.Of(nil),
		"data": map[string]any{"digest": digest.Of([]byte("data"))}, "mode": "decisions", "start": "continued", "seed": seed, "files": files,
		"settings": map[string]any{"epochs": 3},
	}
	if change != nil {
		change(about)
	}
	text, err := json.Marshal(about)
	Must(t, err)
	Must(t, os.WriteFile(filepath.Join(folder, "candidate.json"), text, 0o600))
	return folder
}

// AddFile puts a file into the folder of a candidate, and into its description.
func AddFile(t testing.TB, folder, name, role string, content []byte) {
	t.Helper()
	Must(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	path := filepath.Join(folder, "candidate.json")
	text, err := os.ReadFile(path) //nolint:gosec // of a test
	Must(t, err)
	var about map[string]any
	Must(t, json.Unmarshal(text, &about))
	files, _ := about["files"].([]any)
	about["files"] = append(files, map[string]any{"name": name, "role": role, "sha256": digest.Of(content)})
	text, err = json.Marshal(about)
	Must(t, err)
	Must(t, os.WriteFile(path, text, 0o600))
}
