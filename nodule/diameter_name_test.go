package nodule

import (
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

// TestNamesOfADiameter: one that is there under another name is read, and a size
// that is not read is told.
func TestNamesOfADiameter(t *testing.T) {
	const head, json = "seriesuid,coordX,coordY,coordZ,", `[{"id":"a","position_lps_mm":[1,2,3],`
	for name, want := range map[string]string{
		"diameter": "read", "Diameter": "read", "diameter_mm": "read", "diameter (mm)": "read", "DiameterMM": "read", "diam_mm": "read", "nodule_diameter": "read",
		"diameter_cm": "told", "radius_mm": "told", "size": "told", "diameter_px": "told", "min_diameter": "told",
		"note": "", "class": "", "probability": "",
	} {
		for _, text := range []string{head + name + "\n1.2.3,1,2,3,7.5\n", json + `"` + name + `":7.5}]`} {
			if strings.HasPrefix(text, "[") && strings.EqualFold(name, diameterName) && name != diameterName {
				continue
			}
			f, err := ReadCandidates(strings.NewReader(text))
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			cs, skipped, err := f.In(lidcSeries())
			if err != nil || len(cs) != 1 || (cs[0].DiameterMM == 7.5) != (want == "read") || cs[0].DiameterMM != 7.5 && cs[0].DiameterMM != 0 {
				t.Errorf("%q: %v, %v", text, cs, err)
			}
			if told := len(skipped) == 1 && strings.Contains(skipped[0].Reason, diameterName); told != (want == "told") {
				t.Errorf("%q: told %v", text, skipped)
			}
		}
	}
	// Of several the one that says its unit in the usual way is meant, or nobody knows.
	for names, want := range map[string]float64{"diameter_mm,diameter": 5, "diameter,diameter_mm": 6, "diameter_mm,diameter_cm": 5, "diameter,diam_mm": -1} {
		cs, err := readIn(head+names+"\n1.2.3,1,2,3,5,6\n", lidcSeries())
		a, b, _ := strings.Cut(names, ",")
		same, fails := readIn(json+`"`+a+`":5,"`+b+`":6}]`, lidcSeries())
		if want < 0 {
			if CodeOf(err) != CodeCandidateFileInvalid || CodeOf(fails) != CodeCandidateFileInvalid || !strings.Contains(fails.Error(), "two names may mean") {
				t.Errorf("%s: %v, %v", names, err, fails)
			}
		} else if err != nil || fails != nil || cs[0].DiameterMM != want || same[0].DiameterMM != want {
			t.Errorf("%s: %v, %v, %v, %v", names, cs, err, same, fails)
		}
	}
}

// TestRowsThatComeTwice are one candidate: a table has no ids that would tell
// them apart.
func TestRowsThatComeTwice(t *testing.T) {
	f, err := ReadCandidates(strings.NewReader("seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,1,2,3,4\n1.2.3,1.0,2,3,4.00\n1.2.4,1,2,3,4\n1.2.3,1,2,3,5\n1.2.3,1,2,3,4\n"))
	if err != nil {
		t.Fatal(err)
	}
	cs, skipped, err := f.In(lidcSeries())
	if err != nil || len(cs) != 2 || cs[0].ID != "luna-1" || cs[1].ID != "luna-2" || cs[1].DiameterMM != 5 {
		t.Errorf("%v, %v", cs, err)
	}
	if len(skipped) != 2 || skipped[0] != (Skipped{"a row that comes twice", 2}) {
		t.Errorf("%v", skipped)
	}
	many := "seriesuid,coordX,coordY,coordZ\n" + strings.Repeat("1.2.3,1,2,3\n", maxCandidates+1)
	if cs, err := readIn(many, lidcSeries()); err != nil || len(cs) != 1 {
		t.Errorf("%d candidates, %v", len(cs), err)
	}
}

// TestSeriesWithoutFrame: it is not said to be another one.
func TestSeriesWithoutFrame(t *testing.T) {
	s := lidcSeries()
	s.StudyUID, s.FrameOfReferenceUID = "1.2", ""
	one := `{"id":"a","frame_of_reference_uid":"1.9","position_lps_mm":[1,2,3]}`
	other := `{"id":"b","frame_of_reference_uid":"1.8","position_lps_mm":[1,2,3]}`
	for text, told := range map[string]string{
		`{"frame_of_reference_uid":"1.9","nodules":[{"id":"a","position_lps_mm":[1,2,3]}]}`: "the images of the series name none",
		`[` + one + `,` + other + `]`:                                 "names a frame of reference, and the series has none",
		lidcXMLWith("<FrameOfReferenceUID>1.4</FrameOfReferenceUID>"): "the images of the series name none",
	} {
		_, err := readIn(text, s)
		if CodeOf(err) != CodeCandidateElsewhere || !strings.Contains(err.Error(), told) || strings.Contains(err.Error(), "another") {
			t.Errorf("%.60s: %v", text, err)
		}
	}
	m := Mark{Points: []dicomio.Vec{{1, 2, 3}}, FrameOfReferenceUID: "1.9"}
	if _, err := m.place(s); CodeOf(err) != CodeCandidateElsewhere || !strings.Contains(err.Error(), "the series has none") {
		t.Error(err)
	}
}
