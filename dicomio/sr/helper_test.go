package sr

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
)

// testReport has everything that a report can hold.
func testReport(t testing.TB, s *dicomio.Series) Report {
	t.Helper()
	h, err := HeaderOf(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	pct := 12.25
	vae := Algorithm{Name: "vae-ad", Version: "1.0, weights sha256:0123", Parameters: []string{"calibration natural-prevalence", "prevalence 0.41"}}
	gan := Algorithm{Name: "gan-ad", Version: "1.0", Manufacturer: "Somebody else"}
	r := Report{
		Identity: "sha256:5c60f10839e5db38", Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Header: h,
		Device: Device{Version: "nodulescope v0.1.0"}, Notes: []string{"gantry_tilt: the slices are tilted"},
		Nodules: []Nodule{
			{
				ID: "n1", PositionLPS: s.Geometry.ToLPS([3]float64{3.2, 20, 10}), DiameterMM: 7.46,
				Scores: []Score{
					{Algorithm: vae, DeviationPct: &pct, Percentile: 88.8, Raw: 0.0123456789, Threshold: 0.0109, Flagged: true},
					{Algorithm: gan, Percentile: 40, Raw: -3.5e-7, Threshold: 1},
				},
				Notes: []string{"detectors disagree"},
			},
			{ID: "Knoten 2 – λ", PositionLPS: s.Geometry.ToLPS([3]float64{8, 3, 30}), Error: "detector_failed: no score"},
			{ID: "outside", PositionLPS: dicomio.Vec{900, 0, 0}, Error: "outside_scan: the position is not in the scan"},
		},
	}
	for i := range r.Nodules {
		if at, ok := s.OnImage(r.Nodules[i].PositionLPS); ok {
			r.Nodules[i].Image = at
		}
	}
	return r
}

// reviewed is the same report after a review.
func reviewed(r Report, version int) Report {
	r.Nodules = append([]Nodule(nil), r.Nodules...)
	r.Review = &Review{Observer: "Ångström^Åsa^^Dr", Organization: "Universitätsklinik", Time: r.Time.Add(26 * time.Hour), Version: version, Previous: max(version-1, 0)}
	r.Nodules[0].Decision = &Decision{Verdict: Suspicious, Comment: "growing\nsince 2024 \\ compare"}
	r.Nodules[1].Decision = &Decision{Verdict: NotNodule, Kind: "vessel"}
	return r
}

func encode(t testing.TB, r Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeFile(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "object.dcm")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
