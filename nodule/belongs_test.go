package nodule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

// TestFilesOfAnotherSeriesAreRefused: what a file names must be what it is read
// for, whatever its kind.
func TestFilesOfAnotherSeriesAreRefused(t *testing.T) {
	s := lidcSeries()
	s.StudyUID, s.FrameOfReferenceUID = "1.2", "1.2.9"
	study := func(uid string) string {
		return strings.Replace(lidcXML("1.2.3", square("s10", 60, 80, 9)), "<ResponseHeader>", "<ResponseHeader><StudyInstanceUID>"+uid+"</StudyInstanceUID>", 1)
	}
	object := func(names string) string {
		return `{` + names + `"nodules":[{"id":"a","position_lps_mm":[1,2,3]}]}`
	}
	for text, want := range map[string]Code{
		object(`"series_uid":"1.2.3","study_uid":"1.2","frame_of_reference_uid":"1.2.9",`): "",
		object(`"series_uid":" 1.2.3 ","study_uid":"",`):                                   "",
		object(``):                      "",
		object(`"series_uid":"1.2.4",`): CodeCandidateElsewhere,
		object(`"series_uid":"1.2.3","study_uid":"1.3",`):                CodeCandidateElsewhere,
		object(`"frame_of_reference_uid":"1.2.10",`):                     CodeCandidateElsewhere,
		object(`"series_uid":"1.2.3","frame_of_reference_uid":"1.2.3",`): CodeCandidateElsewhere,
		study("1.2"): "",
		study("1.4"): CodeCandidateElsewhere,
		"seriesuid,coordX,coordY,coordZ\n1.2.4,1,2,3\n": CodeNoCandidates,
	} {
		if _, err := readIn(text, s); CodeOf(err) != want {
			t.Errorf("%.80s: %v, want code %q", text, err, want)
		}
	}
}

// TestWhatIsAbsentIsNotZero, and what is there twice has no meaning.
func TestWhatIsAbsentIsNotZero(t *testing.T) {
	at := func(list string) string { return `[{"id":"a","position_lps_mm":` + list + `}]` }
	for text, told := range map[string]string{
		at(`[1,2,null]`):       "no z coordinate",
		at(`[null,null,null]`): "no x coordinate",
		at(`null`):             "0 coordinates",
		`[null]`:               "0 coordinates",
		`[{"id":"a","position_lps_mm":[1,2,3],"position_lps_mm":[4,5,6]}]`: "position_lps_mm comes twice",
		`[{"id":"a","Position_LPS_mm":[1,2,3]}]`:                           "position_lps_mm is written in another case",
		`[{"id":"a","ID":"b","position_lps_mm":[1,2,3]}]`:                  "id is written in another case",
		`[{"id":"a","x":1,"x":2,"position_lps_mm":[1,2,3]}]`:               "a key comes twice",
		`{"nodules":[{"id":"a","position_lps_mm":[1,2,3]}],"Nodules":[]}`:  "nodules is written in another case",
		`{"nodules":[{"id":"a","position_lps_mm":[1,2,3]}],"nodules":[]}`:  "nodules comes twice",
		`{"series_uid":"1.2.3","series_uid":"1.2.4","nodules":[]}`:         "series_uid comes twice",
		"seriesuid,coordX,coordY,coordZ,coordZ\n1.2.3,1,2,3,4\n":           "comes twice: coordz",
		"seriesuid,coordX,coordY,coordZ,CoordX\n1.2.3,1,2,3,4\n":           "comes twice: coordx",
		"seriesuid,coordX,coordY,coordZ,note,note\n1.2.3,1,2,3,a,b\n":      "comes twice;",
		"seriesuid,coordX,coordY,coordZ\n1.2.3,1,,3\n":                     "coordy is not a number",
		"seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,1,2,3,big\n":    "diameter_mm is not a number",
		"\xff\xfe[\x00{\x00":                  "UTF-16",
		"\x00s\x00e\x00r\x00i\x00e\x00s\x00u": "UTF-16",
	} {
		_, err := readIn(text, lidcSeries())
		if CodeOf(err) != CodeCandidateFileInvalid || !strings.Contains(err.Error(), told) {
			t.Errorf("%.80q: %v, want %q", text, err, told)
		}
	}
	for _, text := range []string{
		"seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,1,2,3,\n", "seriesuid,coordX,coordY,coordZ,diameter_mm,,\n1.2.3,1,2,3, ,,\n",
		`[{"id":"a","position_lps_mm":[1,2,3],"diameter_mm":null}]`,
	} {
		if cs, err := readIn(text, lidcSeries()); err != nil || cs[0].DiameterMM != 0 || cs[0].PositionLPS != (dicomio.Vec{1, 2, 3}) {
			t.Errorf("%q: %v, %v", text, cs, err)
		}
	}
}

// TestLatin1XML: names of readers in the encoding of their time.
func TestLatin1XML(t *testing.T) {
	good := strings.Replace(lidcXML("1.2.3", square("s10", 60, 80, 9)), "<ResponseHeader>", "<ResponseHeader><Reader>J\xfcrgen</Reader>", 1)
	for _, encoding := range []string{"ISO-8859-1", "iso-8859-15", "windows-1252", "latin1", "UTF-8", "US-ASCII"} {
		if cs, err := readIn(strings.Replace(good, "UTF-8", encoding, 1), lidcSeries()); err != nil || len(cs) != 1 {
			t.Errorf("%s: %v", encoding, err)
		}
	}
	_, err := readIn(strings.Replace(good, "UTF-8", "EBCDIC-US", 1), lidcSeries())
	wantCode(t, err, CodeCandidateFileInvalid)
}

// TestCandidatesOfOtherSeries: what each candidate names counts as what stands
// around them, in every usual spelling; those of others are left out, as the
// rows of a table are.
func TestCandidatesOfOtherSeries(t *testing.T) {
	s := lidcSeries()
	s.StudyUID, s.FrameOfReferenceUID = "1.2", "1.2.9"
	one := func(id, names string) string { return `{"id":"` + id + `",` + names + `"position_lps_mm":[1,2,3]}` }
	for _, key := range []string{"series_uid", "seriesuid", "seriesUID", "SeriesUID", "series-uid", "Series_UID", "SeriesInstanceUID", "series_instance_uid", "seriesInstanceUid", "Series Instance UID", "0020000E", "series"} {
		for _, text := range []string{
			`{"` + key + `":"%s","nodules":[` + one("a", "") + `]}`,
			`{"nodules":[` + one("a", `"`+key+`":"%s",`) + `]}`,
			`[` + one("a", `"`+key+`":"%s",`) + `]`,
		} {
			foundIn(t, s, strings.ReplaceAll(text, "%s", "1.2.3"), "a")
			foundIn(t, s, strings.ReplaceAll(text, "%s", "1.2.4"), CodeCandidateElsewhere)
		}
	}
	for _, key := range []string{"study_uid", "StudyInstanceUID", "studyUID", "study_instance_uid", "studyuid"} {
		foundIn(t, s, `{"`+key+`":"1.4","nodules":[`+one("a", "")+`]}`, CodeCandidateElsewhere)
		foundIn(t, s, `[`+one("a", `"`+key+`":"1.4",`)+`]`, CodeCandidateElsewhere)
		foundIn(t, s, `[`+one("a", `"`+key+`":"1.2",`)+`]`, "a")
	}
	for _, key := range []string{"frame_of_reference_uid", "FrameOfReferenceUID", "frameOfReferenceUid", "frame_uid"} {
		foundIn(t, s, `{"`+key+`":"1.2.3","nodules":[`+one("a", "")+`]}`, CodeCandidateElsewhere)
		foundIn(t, s, `[`+one("a", `"`+key+`":"1.2.3",`)+`]`, CodeCandidateElsewhere)
		foundIn(t, s, `[`+one("a", `"`+key+`":"1.2.9",`)+`]`, "a")
	}
	for text, want := range map[string]any{
		`[` + one("a", `"series_uid":"1.2.3",`) + `,` + one("b", `"series_uid":"1.2.4",`) + `,` + one("c", `"seriesUID":"1.2.3",`) + `]`:                    "a c",
		`[` + one("a", `"series_uid":"1.2.4",`) + `,` + one("a", `"series_uid":"1.2.3",`) + `]`:                                                             "a", // ids count within a series
		`[` + one("a", `"series_uid":"1.2.3",`) + `,` + one("a", `"series_uid":"1.2.3",`) + `]`:                                                             CodeCandidateDuplicate,
		`[` + one("a", `"study_uid":"1.2",`) + `,` + one("b", `"study_uid":"1.4",`) + `]`:                                                                   "a",
		`[` + one("a", `"series_uid":"1.2.3",`) + `,` + one("b", "") + `]`:                                                                                  CodeCandidateFileInvalid,
		`[` + one("a", "") + `,` + one("b", `"frame_of_reference_uid":"1.2.9",`) + `]`:                                                                      CodeCandidateFileInvalid,
		`[` + one("a", `"series_uid":"1.2.3",`) + `,` + one("b", `"series_uid":"1.2.3","frame_uid":"1.2.9",`) + `]`:                                         "a b",
		`{"series_uid":"1.2.3","nodules":[` + one("a", "") + `,` + one("b", `"series_uid":"1.2.4",`) + `]}`:                                                 "a",
		`{"series_uid":"1.2.4","nodules":[` + one("a", `"series_uid":"1.2.3",`) + `]}`:                                                                      CodeCandidateElsewhere,
		`{"series_uid":"1.2.3","SeriesInstanceUID":"1.2.4","nodules":[` + one("a", "") + `]}`:                                                               CodeCandidateFileInvalid,
		`[` + one("a", `"series_uid":12,`) + `]`:                                                                                                            CodeCandidateFileInvalid,
		`{"series_uid":null,"nodules":[` + one("a", `"series_uid":"",`) + `]}`:                                                                              "a",
		"[" + strings.Repeat(one("x", `"series_uid":"1.2.4",`)+",", 400) + one("a", `"series_uid":"1.2.3",`) + "]":                                          CodeCandidateDuplicate,
		"[" + numbered(400, `"series_uid":"1.2.4",`) + "," + numbered(400, `"series_uid":"1.2.5",`) + "," + one("a", `"series_uid":"1.2.3",`) + "]":         "a",
		"[" + numbered(513, `"series_uid":"1.2.4",`) + "," + one("a", `"series_uid":"1.2.3",`) + "]":                                                        CodeTooManyCandidates,
		lidcXMLWith("<SeriesInstanceUID>1.2.4</SeriesInstanceUID>"):                                                                                         CodeCandidateFileInvalid,
		lidcXMLWith("<StudyInstanceUid>1.4</StudyInstanceUid>"):                                                                                             CodeCandidateElsewhere,
		lidcXMLWith("<FrameOfReferenceUID>1.4</FrameOfReferenceUID>"):                                                                                       CodeCandidateElsewhere,
		lidcXMLWith("<seriesInstanceUID>1.2.3</seriesInstanceUID><StudyInstanceUID>1.2</StudyInstanceUID><FrameOfReferenceUID>1.2.9</FrameOfReferenceUID>"): "lidc-1",
	} {
		foundIn(t, s, text, want)
	}
	f, err := ReadCandidates(strings.NewReader(`[` + one("a", `"seriesUID":"1.2.4","StudyInstanceUID":"1.2",`) + `,` + one("b", `"series_uid":"1.2.3","study_uid":"1.2",`) + `]`))
	if err != nil || !f.Names("1.2.3") || !f.Names("1.2.4") || f.Names("1.2") || f.StudyUID != "1.2" {
		t.Errorf("%+v, %v", f, err)
	}
	if _, skipped, err := f.In(s); err != nil || len(skipped) != 1 || skipped[0] != (Skipped{"a candidate of another series", 1}) {
		t.Error(skipped, err)
	}
}

func lidcXMLWith(head string) string {
	return strings.Replace(lidcXML("", square("s10", 60, 80, 9)), "<SeriesInstanceUid></SeriesInstanceUid>", head, 1)
}

// numbered are n candidates with ids of their own.
func numbered(n int, names string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"id":"n%d",%s"position_lps_mm":[1,2,3]}`, i, names)
	}
	return strings.Join(list, ",")
}

// foundIn wants these ids in a series, or an error with this code.
func foundIn(t *testing.T, s *dicomio.Series, text string, want any) {
	t.Helper()
	cs, err := readIn(text, s)
	if code, refuse := want.(Code); refuse {
		if CodeOf(err) != code {
			t.Errorf("%.90s: %v, %v, want %s", text, cs, err, code)
		}
		return
	}
	var ids []string
	for _, c := range cs {
		ids = append(ids, c.ID)
	}
	if err != nil || strings.Join(ids, " ") != want {
		t.Errorf("%.90s: %v, %v, want %v", text, ids, err, want)
	}
}
