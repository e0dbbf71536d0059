package main

import (
	"path/filepath"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

// TestRealSeries takes two chest CT with the contours of their readers through
// score and through serve and submit: the result is the same in every digit.
func TestRealSeries(t *testing.T) {
	data := checktest.Data(t)
	model := testModel(t)
	s := startService(t, t.TempDir(), model)
	for i, patient := range []struct {
		name    string
		nodules int
	}{{"LIDC-IDRI-0001", 1}, {"LIDC-IDRI-0003", 4}} {
		t.Run(patient.name, func(t *testing.T) {
			dir := filepath.Join(data, "ct", patient.name)
			xml, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.xml"))
			if err != nil || len(xml) != 1 {
				t.Fatalf("%d files of contours, want 1 (%v)", len(xml), err)
			}
			out, _ := command(t, exitOK, "score", dir, "--nodules", xml[0], "--model", model, "--json")
			direct := decodeResult(t, out)
			command(t, exitOK, "submit", dir, "--nodules", xml[0], "--nats-url", s.bus)
			r := s.results(i + 1)[i]
			if len(r.Nodules) != patient.nodules {
				t.Errorf("%d nodules, want %d", len(r.Nodules), patient.nodules)
			}
			for _, n := range r.Nodules {
				if n.Error != nil || len(n.Scores) != 1 {
					t.Errorf("nodule %s has no score", n.ID)
				}
			}
			direct.TimingsMS = r.TimingsMS
			if same, err := equalJSON(direct, r); !same {
				t.Errorf("score and service differ (%v):\n%+v\n%+v", err, direct, r)
			}
		})
	}
}
