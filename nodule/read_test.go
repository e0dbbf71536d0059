package nodule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openIn reads the candidates of a series from a file.
func openIn(path string, s *dicomio.Series) ([]Candidate, error) {
	f, err := OpenCandidates(context.Background(), path)
	if err != nil {
		return nil, err
	}
	cs, _, err := f.In(s)
	return cs, err
}

// readIn reads them from a text.
func readIn(text string, s *dicomio.Series) ([]Candidate, error) {
	f, err := ReadCandidates(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	cs, _, err := f.In(s)
	return cs, err
}

func seriesNamed(uid string) *dicomio.Series {
	s := lidcSeries()
	s.SeriesUID = uid
	return s
}

const lunaCSV = `seriesuid,coordX,coordY,coordZ,diameter_mm
1.2.3,-128.69,-175.3,-298.4,5.65
1.2.4,1,2,3,4
1.2.3,103.8,-211.9,-227.1,4.22
`

func TestReadCandidatesPicksByContent(t *testing.T) {
	series := lidcSeries()
	for name, c := range map[string]struct{ text, first string }{
		"array.json":  {`[{"id":"a","position_lps_mm":[1,2,3]}]`, "a"},
		"object.txt":  {"\xef\xbb\xbf\n {\"nodules\":[{\"id\":\"b\",\"kind\":\"solid\",\"position_lps_mm\":[1,2,3]}],\"seed\":4}", "b"},
		"list.csv":    {lunaCSV, "luna-1"},
		"reading.xml": {lidcXML("1.2.3", square("s10", 10, 20, 8)), "lidc-1"},
	} {
		cs, err := openIn(write(t, name, c.text), series)
		if err != nil || len(cs) == 0 || cs[0].ID != c.first {
			t.Errorf("%s: %v, %v", name, cs, err)
		}
	}
	for name, text := range map[string]string{
		"empty": " \n", "words": "hello world", "html": "<html><body>x</body></html>", "cut": `{"nodules":[`,
	} {
		_, err := openIn(write(t, name, text), series)
		if CodeOf(err) != CodeCandidateFileInvalid || errors.Is(err, ErrNotCandidates) == (name == "cut") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := openIn(filepath.Join(t.TempDir(), "none"), series)
	wantCode(t, err, CodeCandidateFileInvalid)
	_, err = openIn(t.TempDir(), series)
	wantCode(t, err, CodeCandidateFileInvalid)
	big := filepath.Join(t.TempDir(), "big.json")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxCandidateFileBytes+1); err != nil {
		t.Fatal(err)
	}
	_, err = openIn(big, series)
	wantCode(t, err, CodeCandidateFileInvalid)
}

// TestFilesNameTheirSeries: what a file says it is about, whatever the order of
// its columns.
func TestFilesNameTheirSeries(t *testing.T) {
	for text, want := range map[string]string{
		`{"study_uid":"1","series_uid":"1.2","frame_of_reference_uid":"1.3","nodules":[{"id":"a","position_lps_mm":[1,2,3]}]}`: "json 1 [1.2] 1.3",
		`[{"id":"a","position_lps_mm":[1,2,3]}]`: "json  [] ",
		lunaCSV:                                  "luna16  [1.2.3 1.2.4] ",
		"coordX,coordY,coordZ,seriesuid\n1,2,3,1.2.4\n":                             "luna16  [1.2.4] ",
		"\"coordX\",\"coordY\",\"coordZ\",\"seriesuid\"\n\"1\",\"2\",\"3\",1.2.4\n": "luna16  [1.2.4] ",
		lidcXML("1.2.3", square("s10", 10, 20, 8)):                                  "lidc  [1.2.3] ",
	} {
		f, err := ReadCandidates(strings.NewReader(text))
		if err != nil {
			t.Errorf("%.60s: %v", text, err)
			continue
		}
		if got := fmt.Sprint(f.Kind, " ", f.StudyUID, " ", f.SeriesUIDs, " ", f.FrameOfReferenceUID); got != want {
			t.Errorf("%.60s: %q, want %q", text, got, want)
		}
		if f.Names("1.2.4") != strings.Contains(want, "1.2.4") || f.Names("9") {
			t.Errorf("%.60s does not know which series it names", text)
		}
	}
}

func TestParseJSON(t *testing.T) {
	cs, err := readIn(`{"nodules":[{"id":"a","position_lps_mm":[1,-2,3.5],"diameter_mm":7,"confidence":0.25}]}`, lidcSeries())
	want := Candidate{ID: "a", PositionLPS: dicomio.Vec{1, -2, 3.5}, DiameterMM: 7, Confidence: 0.25}
	if err != nil || len(cs) != 1 || cs[0] != want {
		t.Fatalf("%v, %v", cs, err)
	}
	many := "[" + strings.Repeat(`{"id":"a","position_lps_mm":[1,2,3]},`, 512) + `{"id":"a","position_lps_mm":[1,2,3]}]`
	for text, code := range map[string]Code{
		`[]`:                                   CodeNoCandidates,
		`{}`:                                   CodeCandidateFileInvalid,
		`{"nodules":null}`:                     CodeCandidateFileInvalid,
		`{"nodules":[1]}`:                      CodeCandidateFileInvalid,
		`[{"id":"a"}]`:                         CodeCandidateFileInvalid,
		`[{"id":"a","position_lps_mm":[1,2]}]`: CodeCandidateFileInvalid,
		`[{"id":"a","position_lps_mm":[1,2,3,4]}]`: CodeCandidateFileInvalid,
		`[{"id":7,"position_lps_mm":[1,2,3]}]`:     CodeCandidateFileInvalid,
		`[{"id":"a","position_lps_mm":[1,2,1e9]}]`: CodeCandidateInvalid,
		`[{"id":"","position_lps_mm":[1,2,3]}]`:    CodeCandidateInvalid,
		`[{"id":"a","position_lps_mm":[1,2,3]}] x`: CodeCandidateFileInvalid,
		many: CodeTooManyCandidates,
	} {
		if _, err := readIn(text, lidcSeries()); CodeOf(err) != code {
			t.Errorf("%.60s: %v, want %s", text, err, code)
		}
	}
	_, err = readIn(`[{"id":"a","position_lps_mm":"Doe^Jane"}]`, lidcSeries())
	if err == nil || strings.Contains(err.Error(), "Doe") || !strings.Contains(err.Error(), "candidate 1 of 1") {
		t.Errorf("error is %v", err)
	}
}

func TestParseLUNA16(t *testing.T) {
	cs, err := readIn(lunaCSV, seriesNamed("1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Candidate{
		{ID: "luna-1", PositionLPS: dicomio.Vec{-128.69, -175.3, -298.4}, DiameterMM: 5.65},
		{ID: "luna-2", PositionLPS: dicomio.Vec{103.8, -211.9, -227.1}, DiameterMM: 4.22},
	}
	if len(cs) != 2 || cs[0] != want[0] || cs[1] != want[1] {
		t.Errorf("got %v, want %v", cs, want)
	}
	reordered := "coordZ, coordY ,coordX,seriesuid\n3,2,1,1.2.4\n"
	if cs, err = readIn(reordered, seriesNamed("1.2.4")); err != nil || cs[0].PositionLPS != (dicomio.Vec{1, 2, 3}) {
		t.Errorf("other order of columns: %v, %v", cs, err)
	}
	head := "seriesuid,coordX,coordY,coordZ\n"
	var many strings.Builder
	for x := range 513 {
		fmt.Fprintf(&many, "1.2.3,%d,2,3\n", x)
	}
	for text, code := range map[string]Code{
		"":                        CodeCandidateFileInvalid,
		"a,b,c\n1,2,3\n":          CodeCandidateFileInvalid,
		head + "1.2.9,1,2,3\n":    CodeNoCandidates,
		head + "1.2.3,1,2\n":      CodeCandidateFileInvalid,
		head + "1.2.3,1,2,x\n":    CodeCandidateFileInvalid,
		head + "1.2.3,1,2,NaN\n":  CodeCandidateInvalid,
		head + "1.2.3,1,2,9000\n": CodeCandidateInvalid,
		head + "1.2.3,\"1,2,3\n":  CodeCandidateFileInvalid,
		head + many.String():      CodeTooManyCandidates,
	} {
		if _, err := readIn(text, seriesNamed("1.2.3")); CodeOf(err) != code {
			t.Errorf("%.60q: %v, want %s", text, err, code)
		}
	}
}

// lidcSeries is a series in memory: 40 slices of 2 mm, pixels of 0.5 mm, images
// "s0" to "s39"; pixel (x, y) of image z is at (x/2, y/2, 2z - 100) mm.
func lidcSeries() *dicomio.Series {
	g := box(40, 200, 200, dicomio.Vec{0.5, 0, 0}, dicomio.Vec{0, 0.5, 0}, dicomio.Vec{0, 0, 1}, even(40, 2))
	g.Origin = dicomio.Vec{0, 0, -100}
	s := &dicomio.Series{SeriesUID: "1.2.3", Geometry: g}
	for i := range 40 {
		s.Slices = append(s.Slices, dicomio.Slice{SOPInstanceUID: fmt.Sprintf("s%d", i), Origin: [3]float64{0, 0, float64(2*i - 100)}})
	}
	return s
}

// square is a contour whose inside is a square of n x n pixels around (x, y).
func square(sop string, x, y, n int) string {
	var b strings.Builder
	at := 0
	if i, err := strconv.Atoi(strings.TrimPrefix(sop, "s")); err == nil {
		at = 2*i - 100
	}
	fmt.Fprintf(&b, "<roi><imageZposition>%d</imageZposition><imageSOP_UID>%s</imageSOP_UID><inclusion>TRUE</inclusion>", at, sop)
	lo, side := -(n/2)-1, n+1
	for i := range 4 * side {
		d, k := i%side, i/side
		px := [4]int{d, side, side - d, 0}[k] + x + lo
		py := [4]int{0, d, side, side - d}[k] + y + lo
		fmt.Fprintf(&b, "<edgeMap><xCoord>%d</xCoord><yCoord>%d</yCoord></edgeMap>", px, py)
	}
	return b.String() + "</roi>"
}

// lidcXML is a file in which each reader has contoured one nodule or, with "|"
// between contours, several.
func lidcXML(series string, readers ...string) string {
	b := `<?xml version="1.0" encoding="UTF-8"?><LidcReadMessage xmlns="http://www.nih.gov"><ResponseHeader><SeriesInstanceUid>` + series + `</SeriesInstanceUid></ResponseHeader>`
	for _, r := range readers {
		b += "<readingSession>"
		for i, n := range strings.Split(r, "|") {
			b += fmt.Sprintf("<unblindedReadNodule><noduleID>%d</noduleID>%s</unblindedReadNodule>", i, n)
		}
		b += "</readingSession>"
	}
	return b + "</LidcReadMessage>"
}

func TestParseLIDCMeasuresWhatIsWithinTheContour(t *testing.T) {
	// 9 x 9 pixels of 0.5 mm in three slices of 2 mm, centred on pixel (60, 80).
	text := lidcXML("1.2.3", square("s10", 60, 80, 9)+square("s11", 60, 80, 9)+square("s12", 60, 80, 9))
	cs, err := readIn(text, lidcSeries())
	if err != nil || len(cs) != 1 {
		t.Fatal(cs, err)
	}
	want := dicomio.Vec{30, 40, -78}
	for i, v := range cs[0].PositionLPS {
		if !closeTo(v, want[i], 1e-9) {
			t.Errorf("position %v, want %v", cs[0].PositionLPS, want)
			break
		}
	}
	if d := sphereDiameter(81 * 0.25 * 6); !closeTo(cs[0].DiameterMM, d, 1e-9) {
		t.Errorf("diameter %g, want %g", cs[0].DiameterMM, d)
	}
}

func TestParseLIDCJoinsReaders(t *testing.T) {
	a := func(dx int) string { return square("s10", 60+dx, 80, 9) + square("s11", 60+dx, 80, 9) }
	b := func(dx int) string { return square("s30", 150+dx, 30, 9) }
	hole := strings.Replace(square("s10", 60, 80, 3), "TRUE", "FALSE", 1)
	point := `<roi><imageSOP_UID>s5</imageSOP_UID><inclusion>TRUE</inclusion><edgeMap><xCoord>9</xCoord><yCoord>9</yCoord></edgeMap></roi>`
	text := lidcXML("1.2.3",
		a(0)+hole+"|"+b(0),
		a(2)+"|"+point,
		b(-2)+"|"+a(4),
		square("s20", 20, 20, 5)+"|"+a(-2)+"|"+square("s11", 66, 80, 5)) // the last overlaps a, but its reader has marked a
	cs, err := readIn(text, lidcSeries())
	if err != nil {
		t.Fatal(err)
	}
	want := []dicomio.Vec{{30.5, 40, -79}, {74.5, 15, -40}, {33, 40, -78}, {10, 10, -60}}
	if len(cs) != len(want) {
		t.Fatalf("%d candidates, want %d: %v", len(cs), len(want), cs)
	}
	for i, c := range cs {
		if c.ID != fmt.Sprintf("lidc-%d", i+1) || c.PositionLPS.Sub(want[i]).Norm() > 1e-9 {
			t.Errorf("candidate %d is %s at %v, want %v", i, c.ID, c.PositionLPS, want[i])
		}
	}
}

func TestParseLIDCFindsImages(t *testing.T) {
	const z = "<imageZposition>0</imageZposition>"
	s := lidcSeries()
	s.Slices[25].Origin[2], s.Geometry.Offsets[25] = 0, 100 // a slice at z = 0, where what is absent would go
	s.Doubles = map[dicomio.ImageRef]int{{SOPInstanceUID: "double"}: 20}
	roi := func(sop, at string) string { return strings.Replace(square(sop, 60, 80, 9), z, at, 1) }
	for name, c := range map[string]struct {
		series, roi string
		want        float64 // NaN: refused
	}{
		"by its UID":                   {"1.2.3", roi("s20", z), -60},
		"by the UID of a double":       {"", roi("double", ""), -60},
		"no UID, by z":                 {"1.2.3", roi("", "<imageZposition> -60.0 </imageZposition>"), -60},
		"no UID, z far from all":       {"1.2.3", roi("", "<imageZposition>-61</imageZposition>"), math.NaN()},
		"no UID, z of no named series": {"", roi("", "<imageZposition>-60.0</imageZposition>"), math.NaN()},
		"another image, z fits":        {"1.2.3", roi("other", "<imageZposition>-60.0</imageZposition>"), math.NaN()},
		"another image, no series":     {"", roi("other", "<imageZposition>-60.0</imageZposition>"), math.NaN()},
		"no z":                         {"1.2.3", roi("", ""), math.NaN()},
		"empty z":                      {"1.2.3", roi("", "<imageZposition/>"), math.NaN()},
		"another image, no z":          {"1.2.3", roi("other", ""), math.NaN()},
	} {
		cs, err := readIn(lidcXML(c.series, c.roi), s)
		switch {
		case math.IsNaN(c.want):
			if CodeOf(err) != CodeCandidateFileInvalid {
				t.Errorf("%s: %v, %v", name, cs, err)
			}
		case err != nil || !closeTo(cs[0].PositionLPS[2], c.want, 1e-9):
			t.Errorf("%s: %v, %v", name, cs, err)
		}
	}
}

func TestParseLIDCRefuses(t *testing.T) {
	good := square("s10", 60, 80, 9)
	var many strings.Builder
	for range 513 {
		many.WriteString(good + "|")
	}
	huge := `<roi><imageSOP_UID>s1</imageSOP_UID><inclusion>TRUE</inclusion>` + strings.Repeat(`<edgeMap><xCoord>0</xCoord><yCoord>0</yCoord></edgeMap><edgeMap><xCoord>199</xCoord><yCoord>199</yCoord></edgeMap>`, 2) + `</roi>`
	for name, c := range map[string]struct {
		text string
		code Code
	}{
		"other series":   {lidcXML("1.2.9", good), CodeCandidateFileInvalid},
		"no reader":      {lidcXML("1.2.3"), CodeNoCandidates},
		"outside":        {lidcXML("1.2.3", square("s10", 198, 80, 9)), CodeCandidateFileInvalid},
		"not a number":   {strings.Replace(lidcXML("1.2.3", good), "<xCoord>", "<xCoord>x", 1), CodeCandidateFileInvalid},
		"cut":            {lidcXML("1.2.3", good)[:900], CodeCandidateFileInvalid},
		"not LIDC":       {"<a></a>", CodeCandidateFileInvalid},
		"no session":     {"<LidcReadMessage><unblindedReadNodule>" + good + "</unblindedReadNodule></LidcReadMessage>", CodeCandidateFileInvalid},
		"too many":       {lidcXML("1.2.3", many.String()+good), CodeTooManyCandidates},
		"too much inked": {lidcXML("1.2.3", strings.Repeat(huge, 600)), CodeCandidateFileInvalid},
	} {
		if _, err := readIn(c.text, lidcSeries()); CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestAreaFill(t *testing.T) {
	fill := func(xy ...[2]int) *area {
		a := newArea(0, xy)
		a.fill(xy)
		return a
	}
	if a := fill([2]int{3, 4}, [2]int{4, 4}); a.count() != 2 {
		t.Errorf("a contour with nothing within counts %d pixels, want its own 2", a.count())
	}
	if a := fill([2]int{0, 0}, [2]int{10, 0}, [2]int{10, 10}, [2]int{0, 10}); a.in[5*11+5] != true || a.in[0] {
		t.Error("a square of four distant vertices is not filled")
	}
	ring := fill([2]int{1, 0}, [2]int{2, 1}, [2]int{1, 2}, [2]int{0, 1})
	if n, y, x := ring.centroid(); n != 1 || y != 1 || x != 1 {
		t.Errorf("a diamond holds %g pixels around (%g, %g), want 1 at (1, 1)", n, y, x)
	}
}

func FuzzCandidates(f *testing.F) {
	f.Add([]byte(lunaCSV))
	f.Add([]byte(`{"nodules":[{"id":"a","position_lps_mm":[1,2,3]}]}`))
	f.Add([]byte(`{"series_uid":"1.2.3","study_uid":"","nodules":[{"id":"a","position_lps_mm":[1,null,3],"ID":"b","x":1,"x":2}]}`))
	f.Add([]byte("seriesuid,coordX,coordY,coordZ,coordZ,diameter_mm\n1.2.3,1,2,3,4,\n"))
	f.Add([]byte(strings.Replace(lidcXML("", strings.Replace(square("", 10, 20, 4), "0</imageZ", "</imageZ", 1)), "UTF-8", "ISO-8859-1", 1)))
	f.Add([]byte(lidcXML("1.2.3", square("s10", 10, 20, 4)+square("s11", 10, 20, 4), square("s10", 11, 20, 4))))
	series := lidcSeries()
	f.Add(smallReport(f))
	f.Fuzz(func(t *testing.T, data []byte) { checkCandidates(t, data, series) })
}

// checkCandidates reads any bytes: valid candidates, or an error with a code.
func checkCandidates(t *testing.T, data []byte, series *dicomio.Series) {
	f, err := ReadCandidates(bytes.NewReader(data))
	var cs []Candidate
	if err == nil {
		cs, _, err = f.In(series)
	}
	if err != nil {
		if CodeOf(err) == "" {
			t.Fatalf("an error without a code: %v", err)
		}
		return
	}
	for part := range slices.Chunk(cs, maxCandidates) {
		if err := ValidateAll(part); err != nil {
			t.Fatalf("candidates that are not valid were accepted: %v", err)
		}
	}
}
