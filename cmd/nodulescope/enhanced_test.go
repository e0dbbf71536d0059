package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestEnhancedScoresAsClassic: a series scores the same, to the last digit, as
// single images and as multi-frame ones, and what is written of the latter names
// frames and is valid.
func TestEnhancedScoresAsClassic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goldenPhantom(t, dir)
	files, err := filepath.Glob(filepath.Join(dir, "scan", "*.dcm"))
	checktest.Must(t, err)
	var images [][]byte
	for _, name := range files {
		b, err := os.ReadFile(name)
		checktest.Must(t, err)
		images = append(images, b)
	}
	rand.New(rand.NewPCG(5, 6)).Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
	score := func(folder string) map[string]any {
		args := []string{"score", folder, "--nodules", "nodules.json", "--outline", "auto", "--detectors", "vae-ad", "--device", "cpu", "--json"}
		if folder != "scan" {
			args = append(args, "--sr", folder+".sr", "--seg", folder+".seg")
		}
		out, errs, code := goldenRun(t, dir, "", args...)
		if code != exitBadInput { // one candidate lies outside
			t.Fatalf("%s: exit code %d\n%s", folder, code, errs)
		}
		var r map[string]any
		checktest.Must(t, json.Unmarshal([]byte(out), &r))
		return r
	}
	want := score("scan")
	if list, _ := want["nodules"].([]any); len(list) != 3 {
		t.Fatalf("%d nodules", len(list))
	}
	for name, e := range map[string]dicomtest.Enhanced{"enhanced": {}, "legacy": {Legacy: true}, "concatenation": {Parts: 3}} {
		made, err := dicomtest.MakeEnhanced(images, e)
		checktest.Must(t, err)
		checktest.Must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		for i, b := range made {
			checktest.Must(t, os.WriteFile(filepath.Join(dir, name, fmt.Sprintf("%d.dcm", i)), b, 0o600))
		}
		got := score(name)
		if got["identity"] == want["identity"] {
			t.Errorf("%s: other images have the same identity", name)
		}
		for _, field := range []string{"nodules", "geometry", "models", "outliner", "warnings"} {
			if d := cmp.Diff(want[field], got[field]); d != "" {
				t.Errorf("%s: %s differ:\n%s", name, field, d)
			}
		}
		report := dicomtest.Tool(t, "dcmdump", filepath.Join(dir, name+".sr"))
		if !strings.Contains(report, "ReferencedFrameNumber") {
			t.Errorf("%s: the report names no frame", name)
		}
		for _, file := range []string{name + ".sr", name + ".seg"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
				t.Logf("%v: nothing is outlined", err)
				continue
			}
			if list := dicomtest.Complaints(dicomtest.Tool(t, "dciodvfy", filepath.Join(dir, file))); len(list) > 0 {
				t.Errorf("%s: %v", file, list)
			}
		}
	}
}
