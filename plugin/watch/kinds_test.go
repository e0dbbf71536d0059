package watch

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// kinds are files with one candidate each, by their names. Those that name no
// series are for the folder of one.
func kinds(t *testing.T, s *dicomio.Series) (named, unnamed map[string]string) {
	t.Helper()
	var contours strings.Builder
	for z := 10; z < 13; z++ { // a square of 9 by 9 pixels in three slices
		fmt.Fprintf(&contours, "<roi><imageZposition>%g</imageZposition><imageSOP_UID>%s</imageSOP_UID><inclusion>TRUE</inclusion>", s.Slices[z].Origin[2], s.Slices[z].SOPInstanceUID)
		for _, corner := range [][2]int{{15, 15}, {25, 15}, {25, 25}, {15, 25}} {
			fmt.Fprintf(&contours, "<edgeMap><xCoord>%d</xCoord><yCoord>%d</yCoord></edgeMap>", corner[0], corner[1])
		}
		contours.WriteString("</roi>")
	}
	named = map[string]string{
		"lidc.xml": `<?xml version="1.0" encoding="UTF-8"?><LidcReadMessage xmlns="http://www.nih.gov"><ResponseHeader><SeriesInstanceUid>` + seriesUID +
			`</SeriesInstanceUid></ResponseHeader><readingSession><unblindedReadNodule><noduleID>n1</noduleID>` + contours.String() +
			`</unblindedReadNodule></readingSession></LidcReadMessage>`,
		"luna.csv":    rowsOf(seriesUID + ",1,2,3,7.5"),
		"coord.csv":   "coordX,coordY,coordZ,diameter_mm,seriesuid\n1,2,3,7.5," + seriesUID + "\n",
		"report.dcm":  string(report(t, s, dicomio.Vec{1, 2, 4})),
		"object.json": `{"series_uid": "` + seriesUID + `", "nodules": [{"id": "a", "position_lps_mm": [1, 2, 3]}]}`,
	}
	return named, map[string]string{"array.json": `[{"id": "a", "position_lps_mm": [1, 2, 3]}]`}
}

// TestCandidatesOfEveryKind: each makes a job, in the folder of the series and,
// where it names one, beside that.
func TestCandidatesOfEveryKind(t *testing.T) {
	r := newRig(t)
	r.slices("ct", ctSpec(), 0, 24)
	s, err := dicomio.OpenSeries(t.Context(), filepath.Join(r.root, "ct"), "", dicomio.Options{})
	plugintest.Must(t, err)
	named, unnamed := kinds(t, s)
	places := map[string]string{}
	for name, text := range named {
		places["ct/"+name], places[name] = text, text
	}
	for name, text := range unnamed {
		places["ct/"+name] = text
	}
	for place, text := range places {
		t.Run(place, func(t *testing.T) {
			r := newRig(t)
			r.slices("ct", ctSpec(), 0, 24)
			r.write(place, text)
			r.settle()
			if n := r.jobs(1)[0].Job.Nodules; len(n) != 1 {
				t.Errorf("%+v", n)
			}
			r.waiting(0)
		})
	}
}

// TestNotCandidates: what brings none is named in the list, with the reason, and
// by its number in the log, which names no file.
func TestNotCandidates(t *testing.T) {
	r := newRig(t)
	r.slices("ct", ctSpec(), 0, 24)
	r.write("readme-doe^jane.txt", "read me")
	r.write("ct/other.csv", "a,b\n1,2\n")
	r.write("ct/page.xml", "<html></html>")
	r.write("ct/cut.json", `{"nodules": [{`)
	r.settle()
	r.jobs(0)
	found := map[string]Waiting{}
	for _, l := range r.waiting(5) { // and the series, which has no candidates
		found[filepath.Base(l.Path)] = l
	}
	for _, name := range []string{"readme-doe^jane.txt", "other.csv", "page.xml"} {
		l := found[name]
		if l.What != "file" || l.Missing != NotCandidates || l.Number == 0 || !strings.HasPrefix(l.Detail, "not a file of candidates: ") || len(l.Detail) < 40 {
			t.Errorf("%s: %+v", name, l)
		}
		if said := fmt.Sprintf("file=%d code=%s", l.Number, NotCandidates); strings.Count(r.log.String(), said) != 1 {
			t.Errorf("%s: the log does not say %q once:\n%s", name, said, r.log)
		}
	}
	if l := found["cut.json"]; l.What != "candidates" || l.Missing != MissingNothing || !strings.Contains(l.Detail, "candidate_file_invalid") {
		t.Errorf("%+v", l)
	}
	if strings.Contains(r.log.String(), "doe^jane") {
		t.Errorf("the log names a file:\n%s", r.log)
	}
}
