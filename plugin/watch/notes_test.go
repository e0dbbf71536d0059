package watch

import (
	"errors"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// TestNotesOfEveryKind: what score reads is read here too, and is about the
// series that it names.
func TestNotesOfEveryKind(t *testing.T) {
	const lidc = `<?xml version="1.0"?><LidcReadMessage><ResponseHeader><SeriesInstanceUid>` + seriesUID + `</SeriesInstanceUid></ResponseHeader></LidcReadMessage>`
	for text, want := range map[string]struct{ series, folder, other bool }{
		`{"series_uid": "` + seriesUID + `", "nodules": [{"id": "a", "position_lps_mm": [1,2,3]}]}`: {series: true},
		`{"nodules": [{"id": "a", "position_lps_mm": [1,2,3]}]}`:                                    {folder: true},
		`[{"id": "a", "position_lps_mm": [1,2,3]}]`:                                                 {folder: true},
		"seriesuid,coordX,coordY,coordZ\n" + seriesUID + ",1,2,3\n9.9,1,2,3\n":                      {series: true, other: true},
		"coordX,coordY,coordZ,seriesuid\n1,2,3," + seriesUID + "\n":                                 {series: true},
		lidc: {series: true},
	} {
		n, err := readNote([]byte(text))
		if err != nil {
			t.Errorf("%.60s: %v", text, err)
			continue
		}
		n.Folder = "file:///here"
		for e, want := range map[*entry]bool{
			{SeriesUID: seriesUID, StudyUID: "1", URI: "file:///there"}: want.series,
			{SeriesUID: "9.9", StudyUID: "1", URI: "file:///here"}:      want.folder || want.other,
		} {
			if n.about(e) != want {
				t.Errorf("%.60s: about series %s is %v", text, e.SeriesUID, !want)
			}
		}
	}
	for _, text := range []string{"", "read me", "a,b\n1,2\n", "<html></html>"} {
		if _, err := readNote([]byte(text)); !errors.Is(err, errNoNote) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := readNote([]byte(`{"nodules": []}`)); nodule.CodeOf(err) != nodule.CodeNoCandidates {
		t.Errorf("no nodules: %v", err)
	}
}
