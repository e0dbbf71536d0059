package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func goldenData(t *testing.T) string {
	t.Helper()
	data := os.Getenv(envPrefix + "DATA")
	if data == "" {
		t.Skip("NODULESCOPE_DATA is not set: no real CT")
	}
	data, err := filepath.Abs(data)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestGoldenRealSeries: both detectors on two chest CT. The golden file names
// neither patient nor UID; nodules are numbered.
func TestGoldenRealSeries(t *testing.T) {
	t.Parallel()
	contours, err := filepath.Glob(filepath.Join(goldenData(t), "ct", "*", "*", "*", "*.xml"))
	if err != nil || len(contours) != 2 {
		t.Fatalf("%d files of contours, want 2 (%v)", len(contours), err)
	}
	for i, xml := range contours {
		dir := filepath.Dir(xml)
		out := goldenOutput(t, t.TempDir(), "score", dir, "--nodules", xml, "--json", "--device", "cpu")
		goldenJSON(t, fmt.Sprintf("series-%d.json", i+1), []byte(numberNodules(t, out)), "job_id", "study_uid", "series_uid")
	}
}

// numberNodules puts numbers in place of the ids of nodules.
func numberNodules(t *testing.T, text string) string {
	t.Helper()
	tree, err := readTree([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tree.([]field) {
		if f.name != "nodules" {
			continue
		}
		for i, nodule := range f.value.([]any) {
			for k := range nodule.([]field) {
				if member := &nodule.([]field)[k]; member.name == "id" {
					member.value = json.Number(fmt.Sprint(i + 1))
				}
			}
		}
	}
	var b bytes.Buffer
	writeTree(&b, tree, "")
	return b.String()
}

// TestGoldenEvaluation: the tables of the public nodules; no line is about one
// of them. Its quartiles are of a later build than the rest: since then there
// is one definition of a quantile.
func TestGoldenEvaluation(t *testing.T) {
	t.Parallel()
	data := goldenData(t)
	out := goldenOutput(t, t.TempDir(), "evaluate", filepath.Join(data, "lidc_voi_32mm.npz"), "--side", "test", "--detectors", "vae-ad", "--device", "cpu")
	goldenText(t, "evaluation.md", maskText(out))
}
