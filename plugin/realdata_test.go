package plugin

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Real CT with the experts' nodules: every one is scored, and over the bus the
// result is the same in every digit.
func TestRealSeries(t *testing.T) {
	if testing.Short() {
		t.Skip("two whole scans")
	}
	data := checktest.Data(t)
	p := start(t, testConfig(t))
	for i, patient := range []string{"LIDC-IDRI-0001", "LIDC-IDRI-0003"} {
		t.Run(patient, func(t *testing.T) {
			dir := filepath.Join(data, "ct", patient)
			files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.xml"))
			plugintest.Must(t, err)
			if len(files) != 1 {
				t.Fatalf("%d files of experts", len(files))
			}
			scan, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
			plugintest.Must(t, err)
			marked, err := nodule.OpenCandidates(t.Context(), files[0])
			plugintest.Must(t, err)
			candidates, _, err := marked.In(scan)
			plugintest.Must(t, err)
			uri, err := series.FileURI(dir)
			plugintest.Must(t, err)
			job := bus.Job{SeriesUID: scan.SeriesUID, StudyUID: scan.StudyUID, FrameOfReferenceUID: scan.FrameOfReferenceUID, URI: uri, Nodules: []bus.JobNodule{}}
			for _, c := range candidates {
				job.Nodules = append(job.Nodules, bus.JobNodule{ID: c.ID, PositionLPS: c.PositionLPS, DiameterMM: c.DiameterMM, Confidence: c.Confidence})
			}
			want, details, err := scoring.Score(t.Context(), scoring.Request{
				JobID: patient, Source: "/test", Job: job, Detectors: []detector.Detector{plugintest.Detector(t)},
			})
			plugintest.Must(t, err)
			if len(details) == 0 {
				t.Fatal("no nodules")
			}
			for _, n := range want.Nodules {
				if n.Error != nil || n.PaddingPct != 0 || len(n.Scores) != 1 {
					t.Errorf("%s: %+v", n.ID, n)
				}
			}
			p.t = t
			p.submit("/test", patient, job)
			if d := cmp.Diff(want, p.results(i + 1)[i].Result, withoutTimings); d != "" {
				t.Errorf("over the bus: %s", d)
			}
			t.Logf("%d nodules, %+v", len(want.Nodules), want.TimingsMS)
		})
	}
	p.t = t
}
