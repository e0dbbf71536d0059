package documents

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// outlinedCT scores a ball, at its middle and beside it, and a place without a
// nodule.
func outlinedCT(t *testing.T) (bus.Result, []*outline.Finding, *dicomio.Series, sr.Header) {
	t.Helper()
	dir := plugintest.WriteCT(t, plugintest.CT())
	job := plugintest.Job(dir)
	job.Nodules = append(job.Nodules, bus.JobNodule{ID: "beside", PositionLPS: [3]float64{2, -3, 1}}, bus.JobNodule{ID: "lung", PositionLPS: [3]float64{-12, 0, 0}},
		bus.JobNodule{ID: "outside", PositionLPS: [3]float64{400, 0, 0}})
	result, details, err := scoring.Score(plugintest.Context(t), scoring.Request{Source: "/test", Job: job, Software: "nodulescope v1.2.3",
		Detectors: []detector.Detector{plugintest.Detector(t)}, Outliner: plugintest.Outliner(t)})
	plugintest.Must(t, err)
	findings := make([]*outline.Finding, len(details))
	for i := range details {
		findings[i] = details[i].Outline
	}
	scan, header := opened(t, dir)
	return result, findings, scan, header
}

// TestOutlinesOfAResult: every nodule with an outline has a segment where it lies, to
// which its group of the report refers; what has none stays a point.
func TestOutlinesOfAResult(t *testing.T) {
	result, findings, scan, header := outlinedCT(t)
	segmentation, err := Segmentation(result, scan, header, reportTime, findings)
	plugintest.Must(t, err)
	report, err := Report(result, scan, header, reportTime, segmentation)
	plugintest.Must(t, err)
	for i, want := range []int{1, 2, 0, 0} { // segments
		n := report.Nodules[i]
		switch {
		case want == 0 && n.Outline != nil, want > 0 && (n.Outline == nil || n.Outline.Segment.Number != want):
			t.Errorf("%s: %+v, want segment %d", n.ID, n.Outline, want)
		case want > 0:
			m := result.Nodules[i].Outline.Measurements
			if got := n.Outline.Measurements; len(got) != 5 || got[0].Value != m.VolumeMM3 || got[0].PlusMinus != m.VolumeUncertaintyMM3 || got[1].Value != m.LongAxisMM || got[3].Value != *m.MeanHU {
				t.Errorf("%s: %+v, want %+v", n.ID, got, m)
			}
			if by := n.Outline.Algorithm; !strings.Contains(by.Version, result.Outliner.Digest) || by.Name != "outline" {
				t.Errorf("%s was outlined by %+v", n.ID, by)
			}
		}
	}
	if lung := report.Nodules[2]; !strings.HasPrefix(lung.Error, "nodule_not_found: ") {
		t.Errorf("%+v", lung)
	}
	if !report.Outlines || !Outlined(result) {
		t.Error("the report does not say that it has outlines")
	}
	for name, d := range map[string]interface{ Encode(w io.Writer) error }{"segmentation": segmentation, "report": report} {
		var b bytes.Buffer
		plugintest.Must(t, d.Encode(&b))
		file := filepath.Join(t.TempDir(), name+".dcm")
		plugintest.Must(t, os.WriteFile(file, b.Bytes(), 0o600))
		t.Run(name, func(t *testing.T) {
			for _, tool := range [][]string{{"dciodvfy", file}, {"dsrdump", "-Er", file}} {
				if name != "report" && tool[0] == "dsrdump" {
					continue
				}
				if list := dicomtest.Complaints(dicomtest.Tool(t, tool[0], tool[1:]...)); len(list) > 0 {
					t.Errorf("%s: %s", tool[0], strings.Join(list, "\n"))
				}
			}
		})
	}
}

// TestReportWithoutSegments: what was measured is told as a text, the document
// is another one, and a failure is told.
func TestReportWithoutSegments(t *testing.T) {
	result, _, scan, header := outlinedCT(t)
	result.Nodules[1].OutlineError = &bus.Problem{Code: "outline_failed", Message: "it broke"}
	report, err := Report(result, scan, header, reportTime, nil)
	plugintest.Must(t, err)
	if n := report.Nodules[0]; n.Outline != nil || len(n.Notes) == 0 || n.Notes[0] != "Measured of its outline: "+result.Nodules[0].Outline.String() {
		t.Errorf("%+v", n)
	}
	if n := report.Nodules[1]; len(n.Notes) == 0 || n.Notes[0] != "outline: outline_failed: it broke" {
		t.Errorf("%q", n.Notes)
	}
	with := report
	with.Outlines = true
	if report.Outlines || report.SOPInstanceUID() == with.SOPInstanceUID() {
		t.Error("the report with segments and the one without are one document")
	}
	none, err := Segmentation(result, scan, header, reportTime, make([]*outline.Finding, len(result.Nodules)))
	if err != nil || none != nil {
		t.Errorf("%v, %v", none, err)
	}
}
