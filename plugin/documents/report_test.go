package documents

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/phantom"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

var reportTime = time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)

// opened is a series with its patient and study.
func opened(t *testing.T, dir string) (*dicomio.Series, sr.Header) {
	t.Helper()
	scan, err := dicomio.OpenSeries(plugintest.Context(t), dir, "", dicomio.Options{})
	plugintest.Must(t, err)
	header, err := sr.HeaderOf(plugintest.Context(t), scan)
	plugintest.Must(t, err)
	return scan, header
}

// scoredPhantom scores the nodules of a phantom at their true places.
func scoredPhantom(t *testing.T) (bus.Result, *dicomio.Series, sr.Header) {
	t.Helper()
	spec := phantom.Small(3)
	p, err := phantom.Generate(spec)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "ct")
	if err := p.WriteDICOM(plugintest.Context(t), dir, nil); err != nil {
		t.Fatal(err)
	}
	uri, err := series.FileURI(dir)
	if err != nil {
		t.Fatal(err)
	}
	job := bus.Job{URI: uri, Nodules: []bus.JobNodule{{ID: "outside", PositionLPS: [3]float64{400, 0, 0}}}}
	for _, n := range p.Nodules() {
		job.Nodules = append(job.Nodules, bus.JobNodule{ID: n.ID, PositionLPS: n.PositionLPS, DiameterMM: n.DiameterMM})
	}
	result, _, err := scoring.Score(plugintest.Context(t), scoring.Request{Source: "/test", Job: job, Software: "nodulescope v1.2.3", Detectors: []detector.Detector{plugintest.Detector(t)}, NoDetails: true})
	if err != nil {
		t.Fatal(err)
	}
	scan, header := opened(t, dir)
	return result, scan, header
}

// TestReportOfAPhantom: every nodule of a scored phantom is in its report, on
// the right slice, with the scores of the result; dsrdump and dciodvfy take it.
func TestReportOfAPhantom(t *testing.T) {
	result, series, header := scoredPhantom(t)
	report, err := Report(result, series, header, reportTime, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Device.Version != "v1.2.3" || report.IntendedUse != use.Statement || len(report.Nodules) != len(result.Nodules) {
		t.Errorf("%+v", report.Device)
	}
	for i, n := range result.Nodules {
		got := report.Nodules[i]
		if n.ID == "outside" {
			if got.Image.SOPInstanceUID != "" || !strings.HasPrefix(got.Error, "candidate_outside_scan: ") {
				t.Errorf("a nodule outside the scan: %+v", got)
			}
			continue
		}
		if len(got.Scores) != 1 || got.Scores[0].Raw != n.Scores[0].Raw || got.Scores[0].Percentile != n.Scores[0].Percentile ||
			got.Scores[0].Flagged != n.Scores[0].Anomalous || got.Scores[0].Threshold != 0.15 || got.Scores[0].DeviationPct != nil {
			t.Errorf("%s: scores %+v, want those of %+v", n.ID, got.Scores, n.Scores)
		}
	}
	var file bytes.Buffer
	if err := report.Encode(&file); err != nil {
		t.Fatal(err)
	}
	candidates, err := nodule.ReadCandidates(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	found, _, err := candidates.In(series)
	if err != nil || len(found) != len(result.Nodules)-1 {
		t.Fatalf("%d candidates in the report: %v", len(found), err)
	}
	for i, c := range found {
		n, at := result.Nodules[i+1], c.PositionLPS
		off := math.Hypot(at[0]-n.PositionLPS[0], at[1]-n.PositionLPS[1])
		if c.ID != n.ID || off > 1 || math.Abs(at[2]-n.PositionLPS[2]) > series.Geometry.SpacingMM[0]/2+1e-6 {
			t.Errorf("%s is at %v, want %v", c.ID, at, n.PositionLPS)
		}
	}
	name := filepath.Join(t.TempDir(), "report.dcm")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"dsrdump", "dciodvfy"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("no %s here", tool)
			continue
		}
		if out, err := exec.Command(tool, name).CombinedOutput(); err != nil || bytes.Contains(bytes.ToLower(out), []byte("error")) {
			t.Errorf("%s: %v\n%s", tool, err, out)
		}
	}
}

// TestReportTellsAll: probability, prevalence, disagreement, limits and errors
// stand in the report.
func TestReportTellsAll(t *testing.T) {
	dir := plugintest.WriteCT(t, plugintest.CT())
	scan, header := opened(t, dir)
	p := 0.125
	result := bus.Result{
		Identity: "sha256:1", SeriesUID: scan.SeriesUID, Software: "nodulescope", Preprocessing: "v1",
		Models:   []bus.Model{{Name: "a", Digest: "sha256:a", Calibration: "natural-prevalence", Prevalence: 0.41, Threshold: 2}},
		Warnings: []bus.Problem{{Code: "gantry_tilt", Message: "tilted"}},
		Nodules: []bus.ResultNodule{{
			JobNodule: bus.JobNodule{ID: "n1"}, Scores: []bus.NoduleScore{{Model: "a", Digest: "sha256:a", Raw: 3, Probability: &p, Percentile: 99, Anomalous: true, ComputedBy: &bus.Machine{Device: "cuda:0", Name: "a card", Precision: "float32"}}},
			Disagreement: &bus.Disagreement{PercentileGap: 40, FlagsDiffer: true}, Applicability: []string{scoring.ApplyDiameterUnknown},
			Error: &bus.Problem{Code: "detector_failed", Message: "b gave no score"},
		}},
	}
	report, err := Report(result, scan, header, reportTime, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := report.Nodules[0]
	text := fmt.Sprintf("%v %v %s %g %+v %v", report.Notes, n.Notes, n.Error, *n.Scores[0].DeviationPct, n.Scores[0].Algorithm, report.Device)
	for _, want := range []string{"gantry_tilt: tilted", "disagree", "40.0 points", scoring.ApplyDiameterUnknown, "detector_failed: b gave no score", " 12.5 ", "nodulescope, weights sha256:a", "prevalence of the calibration set 0.41", "calibration natural-prevalence", "computed by cuda:0 a card float32"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	result.SeriesUID = "1.2.3"
	_, err = Report(result, scan, header, reportTime, nil)
	plugintest.WantCode(t, err, series.CodeMismatch)
}

// TestReviewed: a report is verified when every nodule that is shown has a
// decision, the newest counts, and every change is a version of its own.
func TestReviewed(t *testing.T) {
	report := sr.Report{Identity: "sha256:1", Nodules: []sr.Nodule{
		{ID: "a", Image: dicomio.ImagePoint{SOPInstanceUID: "1.2"}}, {ID: "b", Image: dicomio.ImagePoint{SOPInstanceUID: "1.2"}}, {ID: "outside"},
	}}
	at := func(minute int) time.Time { return reportTime.Add(time.Duration(minute) * time.Minute) }
	decisions := []bus.Review{
		{Identity: "sha256:1", NoduleID: "a", Verdict: bus.Unsure, Time: at(1), Version: 1},
		{Identity: "sha256:1", NoduleID: "a", Verdict: bus.NotNodule, Kind: "vessel", Time: at(3), Version: 2},
		{Identity: "sha256:2", NoduleID: "b", Verdict: bus.Benign, Time: at(9), Version: 1},
	}
	if _, ok := reviewed(report, decisions, "Doe^Jane", "Clinic"); ok {
		t.Error("verified, but b has no decision")
	}
	decisions = append(decisions, bus.Review{Identity: "sha256:1", NoduleID: "b", Verdict: bus.Suspicious, Comment: "c", Time: at(2), Version: 1})
	got, ok := reviewed(report, decisions, "Doe^Jane", "Clinic")
	want := sr.Review{Observer: "Doe^Jane", Organization: "Clinic", Time: at(3), Version: 2}
	if !ok || *got.Review != want || *got.Nodules[0].Decision != (sr.Decision{Verdict: sr.NotNodule, Kind: "vessel"}) ||
		*got.Nodules[1].Decision != (sr.Decision{Verdict: sr.Suspicious, Comment: "c"}) || got.Nodules[2].Decision != nil {
		t.Errorf("%v: %+v, %+v", ok, *got.Review, got.Nodules)
	}
	if report.Nodules[0].Decision != nil {
		t.Error("the first report was changed")
	}
	first, _ := reviewed(report, append(decisions[:1:1], decisions[3]), "Doe^Jane", "Clinic")
	if first.Review.Version != 1 {
		t.Errorf("the first review has version %d", first.Review.Version)
	}
	if _, ok := reviewed(sr.Report{}, nil, "Doe^Jane", "Clinic"); ok {
		t.Error("a report without nodules is verified by nobody")
	}
}
