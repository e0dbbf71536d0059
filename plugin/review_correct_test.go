package plugin

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// ballIn is a ball of a radius in mm in the middle of the cube in which an outline
// of 1 mm is drawn.
func ballIn(radius float64) []byte {
	mask := make([]bool, nodule.CubeVoxels)
	for i := range mask {
		z, y, x := float64(i/1024)-15.5, float64(i/32%32)-15.5, float64(i%32)-15.5
		mask[i] = z*z+y*y+x*x <= radius*radius
	}
	return bus.MaskRuns(mask)
}

// TestOutlineIsCorrected: what a reader draws is measured by the service, kept
// with the decision, and goes to REVIEWS; nothing of another size or place is
// taken.
func TestOutlineIsCorrected(t *testing.T) {
	cfg := reviewConfig(t)
	cfg.Outliner = plugintest.Outliner(t)
	p := start(t, cfg)
	job := plugintest.Job(plugintest.WriteCT(t, patientSpec()))
	job.Nodules = append(job.Nodules, bus.JobNodule{ID: "lung", PositionLPS: [3]float64{-12, 0, 0}}, bus.JobNodule{ID: "outside", PositionLPS: [3]float64{500, 0, 0}})
	p.submit("/test", "1", job)
	p.outcome(jobs.Scored, 1)
	b := signIn(t, p, "ann")
	row := b.worklist("").Rows[0]
	var s struct {
		Findings []struct {
			NoduleID string `json:"nodule_id"`
			Number   int
			Place    struct {
				Size    [3]int     `json:"size"`
				Spacing float64    `json:"spacing_mm"`
				Centre  [3]float64 `json:"centre_lps_mm"`
			} `json:"outline_place"`
			Decision *struct {
				Version   int
				Outline   *bus.Correction
				Distances []bus.Distance
			}
		}
	}
	path := "/api/v1/series/" + row.ID
	b.get(path, &s)
	number := map[string]int{}
	for _, f := range s.Findings {
		number[f.NoduleID] = f.Number
		if f.Place.Size != [3]int{32, 32, 32} || f.Place.Spacing != 1 {
			t.Errorf("%+v", f)
		}
	}
	at := func(id, rest string) string { return fmt.Sprintf("%s/findings/%d/%s", path, number[id], rest) }
	place := s.Findings[number["lung"]-1].Place
	for _, f := range s.Findings {
		if f.NoduleID == "lung" {
			place = f.Place
		}
	}
	drawn := func(runs []byte) map[string]any {
		return map[string]any{"method": bus.Manual, "spacing_mm": 1, "centre_lps_mm": place.Centre, "runs": runs}
	}
	text := func(v any) string {
		out, err := json.Marshal(v)
		plugintest.Must(t, err)
		return string(out)
	}

	// A ball of 4 mm where the network sees none.
	res, body := b.do("POST", at("lung", "outline"), strings.NewReader(text(drawn(ballIn(4)))))
	var m struct {
		Measurements measure.Measurements
		Codes        []struct{ Code, Label string }
	}
	plugintest.Must(t, json.Unmarshal(body, &m))
	if res.StatusCode != 200 || math.Abs(m.Measurements.DiameterMM-8) > 0.3 || len(m.Codes) != 0 {
		t.Fatalf("%d: %s", res.StatusCode, body)
	}
	parts := make([]bool, nodule.CubeVoxels)
	parts[0], parts[15*1024+15*32+15], parts[15*1024+15*32+16] = true, true, true
	_, body = b.do("POST", at("lung", "outline"), strings.NewReader(text(drawn(bus.MaskRuns(parts)))))
	if !strings.Contains(string(body), `"outline_parts"`) {
		t.Errorf("%s", body)
	}
	_, body = b.do("POST", at("lung", "outline"), strings.NewReader(text(drawn(bus.MaskRuns(append([]bool{true}, make([]bool, nodule.CubeVoxels-1)...))))))
	if !strings.Contains(string(body), `"outline_cut"`) {
		t.Errorf("%s", body)
	}

	elsewhere, small := drawn(ballIn(4)), drawn(bus.MaskRuns(make([]bool, 28*28*28)))
	elsewhere["centre_lps_mm"] = [3]float64{1, 2, 3}
	for name, bad := range map[string]map[string]any{
		"elsewhere": elsewhere, "another size": small, "empty": drawn(bus.MaskRuns(make([]bool, nodule.CubeVoxels))), "no runs": drawn(nil), "a field more": {"mask": "x"},
	} {
		res, body := b.do("POST", at("lung", "outline"), strings.NewReader(text(bad)))
		if res.StatusCode != 400 || !strings.Contains(string(body), "request_invalid") {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
		if name == "a field more" {
			continue
		}
		b.code(400, "decision_invalid", "PUT", at("lung", "decision"), text(map[string]any{"verdict": "benign", "base_version": 0, "outline": bad}))
	}
	b.code(413, "body_too_large", "POST", at("lung", "outline"), `{"runs":"`+strings.Repeat("A", 70_000)+`"}`)
	outside := drawn(ballIn(4))
	outside["centre_lps_mm"] = [3]float64{500, 0, 0}
	b.code(409, "no_patch", "POST", at("outside", "outline"), text(outside))

	// Kept with the decision, and the same once more makes no version.
	lied := drawn(ballIn(4))
	lied["measurements"] = map[string]any{"volume_mm3": 99999}
	decision := map[string]any{"verdict": "benign", "base_version": 0, "outline": lied,
		"distances": []map[string]any{{"from_lps_mm": [3]float64{0, 0, 0}, "to_lps_mm": [3]float64{3, 4, 0}, "length_mm": 77, "plane": "coronal"}}}
	for range 2 {
		res, body := b.do("PUT", at("lung", "decision"), strings.NewReader(text(decision)))
		if res.StatusCode != 200 || !strings.Contains(string(body), `"version":1,`) {
			t.Fatalf("%d: %s", res.StatusCode, body)
		}
	}
	b.get(path, &s)
	for _, f := range s.Findings {
		if f.NoduleID != "lung" {
			continue
		}
		d := f.Decision
		if d == nil || d.Version != 1 || d.Outline == nil || string(d.Outline.Runs) != string(ballIn(4)) || d.Outline.Measurements.VolumeMM3 != m.Measurements.VolumeMM3 ||
			len(d.Distances) != 1 || d.Distances[0].LengthMM != 5 || d.Distances[0].Plane != bus.Coronal {
			t.Fatalf("%s", text(f))
		}
	}
	_, table := b.do("GET", "/api/v1/decisions.csv", nil)
	if !strings.Contains(string(table), fmt.Sprintf(",benign,,%g,", m.Measurements.VolumeMM3)) || !strings.Contains(string(table), ",5.0,") {
		t.Errorf("%s", table)
	}
	var got []bus.Review
	plugintest.WaitFor(t, func() bool {
		got = nil
		err := p.bus.Reviews(plugintest.Context(t), p.Site(), 0, func(_ bus.Envelope, r bus.Review) error {
			got = append(got, r)
			return nil
		})
		return err == nil && len(got) == 1
	})
	if r := got[0]; r.Outline == nil || r.Outline.Method != bus.Manual || r.Outline.Measurements == nil || len(r.Distances) != 1 || r.Distances[0].Plane != bus.Coronal {
		t.Errorf("%+v", r)
	}
	plugintest.Must(t, p.stop())
}
