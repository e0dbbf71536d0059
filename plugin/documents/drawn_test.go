package documents

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/measure"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// TestDrawnOutlineInDocuments: what a reader drew takes the place of the network's
// outline in the segmentation and of its measurements in the report, also where
// the network has found nothing; distances come along. The validators take both.
func TestDrawnOutlineInDocuments(t *testing.T) {
	result, findings, scan, header := outlinedCT(t)
	mask := make([]bool, nodule.CubeVoxels)
	for i := range mask {
		z, y, x := float64(i/1024)-15.5, float64(i/32%32)-15.5, float64(i%32)-15.5
		mask[i] = z*z+y*y+x*x <= 16
	}
	decisions := map[int]store.Decision{}
	for i := range result.Nodules {
		decisions[i+1] = store.Decision{Version: 1, Verdict: bus.Benign, Reviewer: "ann", Time: reportTime}
	}
	draw := func(number int, method string, volume float64) {
		d := decisions[number]
		spacing, centre := result.Nodules[number-1].OutlinePlace()
		d.Outline = &bus.Correction{Method: method, SpacingMM: spacing, CentreLPS: centre, Runs: bus.MaskRuns(mask), Measurements: &measure.Measurements{VolumeMM3: volume, LongAxisMM: 8, ShortAxisMM: 8}}
		decisions[number] = d
	}
	draw(1, bus.Semiautomatic, 271)
	draw(3, bus.Manual, 272)
	first := decisions[1]
	first.Distances = []bus.Distance{bus.NewDistance([3]float64{-4, 0, 0}, [3]float64{4, 0, 0}), bus.NewDistance([3]float64{0, 0, -4}, [3]float64{0, 0, 4})}
	decisions[1] = first

	by := drawnIn(result, decisions)
	list, err := by.outlines(result)
	plugintest.Must(t, err)
	for _, o := range networks(result, findings) {
		if by[o.ID] == nil {
			list = append(list, o)
		}
	}
	object := derived.Object{Identity: result.Identity, Number: 2, Time: reportTime, Header: header, Device: deviceOf(result), Creator: "Doe^Jane"}
	segments, err := segmentation(object, result, scan, list)
	plugintest.Must(t, err)
	report, err := reportOf(result, scan, header, reportTime, segments, by)
	plugintest.Must(t, err)
	addDistances(&report, scan, decisions)
	reviews, _ := reviews(result, decisions)
	report, complete := reviewed(report, reviews, "Doe^Jane", "Somewhere")
	if !complete {
		t.Fatal("not complete")
	}
	for number, want := range map[int]float64{1: 271, 3: 272} {
		n := report.Nodules[number-1]
		if n.Outline == nil || n.Outline.Measurements[0].Value != want || n.Outline.Algorithm.Name != "measurements of the reader's outline" {
			t.Errorf("%d: %+v, notes %q", number, n.Outline, n.Notes)
		}
	}
	if n := report.Nodules[1]; n.Outline == nil || n.Outline.Algorithm.Name != "outline" {
		t.Errorf("the network's: %+v", n.Outline)
	}
	if d := report.Nodules[0].Distances; len(d) != 2 || d[0].From.SOPInstanceUID == "" || d[1].From.SOPInstanceUID != "" {
		t.Errorf("%+v", d)
	}
	for name, d := range map[string]interface{ Encode(w io.Writer) error }{"segmentation": segments, "report": report} {
		var b bytes.Buffer
		plugintest.Must(t, d.Encode(&b))
		file := filepath.Join(t.TempDir(), name+".dcm")
		plugintest.Must(t, os.WriteFile(file, b.Bytes(), 0o600))
		tools := [][]string{{"dciodvfy", file}}
		if name == "report" {
			tools = append(tools, []string{"dsrdump", "-Er", file})
			candidates, err := nodule.ReadCandidates(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if found, _, err := candidates.In(scan); err != nil || len(found) != 3 {
				t.Errorf("%d candidates are read of it, %v", len(found), err)
			}
		}
		for _, tool := range tools {
			if list := dicomtest.Complaints(dicomtest.Tool(t, tool[0], tool[1:]...)); len(list) > 0 {
				t.Errorf("%s of the %s: %s", tool[0], name, strings.Join(list, "\n"))
			}
		}
	}
	// Where the PACS gets no segmentations, it is a text.
	plain, err := reportOf(result, scan, header, reportTime, nil, by)
	plugintest.Must(t, err)
	if n := plain.Nodules[2]; n.Outline != nil || !strings.Contains(strings.Join(n.Notes, "\n"), "Measured of the reader's outline: ") {
		t.Errorf("%q", n.Notes)
	}
	other := sr.Review{Version: 2}
	r := store.Record{Result: &result}
	two, three := drawnObject(r, &other), drawnObject(r, &sr.Review{Version: 3})
	if two.SOPInstanceUID() == three.SOPInstanceUID() {
		t.Error("two versions are one document")
	}
}
