package nodule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

// refused wants candidate_file_invalid and that the error tells why.
func refused(t *testing.T, name, text, told string) {
	t.Helper()
	_, err := readIn(text, lidcSeries())
	if CodeOf(err) != CodeCandidateFileInvalid || !strings.Contains(err.Error(), told) {
		t.Errorf("%s: %v, want %q", name, err, told)
	}
}

// TestContoursThatLackSomething: a point without a coordinate is not at 0, and a
// contour without inclusion is not nobody's.
func TestContoursThatLackSomething(t *testing.T) {
	good := lidcXML("1.2.3", square("s10", 60, 80, 9)+square("s11", 60, 80, 9))
	if cs, err := readIn(good, lidcSeries()); err != nil || len(cs) != 1 {
		t.Fatal(cs, err)
	}
	const first = "<xCoord>55</xCoord><yCoord>75</yCoord>"
	for name, c := range map[string]struct{ old, new, told string }{
		"no x":            {first, "<yCoord>75</yCoord>", "point 1 of a contour has no xCoord"},
		"no y":            {first, "<xCoord>55</xCoord>", "point 1 of a contour has no yCoord"},
		"neither":         {first, "", "point 1 of a contour has no xCoord"},
		"empty x":         {first, "<xCoord></xCoord><yCoord>75</yCoord>", "has no xCoord, or an empty one"},
		"closed y":        {first, "<xCoord>55</xCoord><yCoord/>", "has no yCoord, or an empty one"},
		"spaces":          {first, "<xCoord> \n</xCoord><yCoord>75</yCoord>", "has no xCoord, or an empty one"},
		"another case":    {first, "<XCoord>55</XCoord><yCoord>75</yCoord>", "has no xCoord"},
		"a comment":       {first, "<!--<xCoord>55</xCoord>--><yCoord>75</yCoord>", "has no xCoord"},
		"two x":           {first, "<xCoord>5</xCoord>" + first, "more than one xCoord"},
		"a fraction":      {first, "<xCoord>55.5</xCoord><yCoord>75</yCoord>", "xCoord of point 1 of a contour is not a whole number"},
		"no inclusion":    {"<inclusion>TRUE</inclusion>", "", "no inclusion"},
		"empty inclusion": {"<inclusion>TRUE</inclusion>", "<inclusion/>", "no inclusion"},
		"inclusion YES":   {"<inclusion>TRUE</inclusion>", "<inclusion>YES</inclusion>", "neither TRUE nor FALSE"},
		"no edgeMap":      {"<edgeMap>", "<edgemap>", "no edgeMap"},
		"z of another":    {"-80</imageZ", "999</imageZ", "1079 mm from the image"},
		"z of the next":   {"-80</imageZ", "-78</imageZ", "2 mm from the image"},
		"z mirrored":      {"-80</imageZ", "80</imageZ", "160 mm from the image"},
		"z is a word":     {"-80</imageZ", "top</imageZ", "imageZposition of a contour is not a number"},
		"z is NaN":        {"-80</imageZ", "NaN</imageZ", "imageZposition of a contour is not a number"},
	} {
		times := 1
		if name == "no edgeMap" {
			times = -1
		}
		text := strings.Replace(good, c.old, c.new, times)
		if name == "no edgeMap" {
			text = strings.ReplaceAll(text, "</edgeMap>", "</edgemap>")
		}
		if text == good {
			t.Fatalf("%s changes nothing", name)
		}
		refused(t, name, text, c.told)
	}
	for _, z := range []string{"-80.4", " -80.0000 ", ""} { // rounded, or absent
		text := strings.Replace(good, "-80</imageZ", z+"</imageZ", 1)
		if cs, err := readIn(text, lidcSeries()); err != nil || len(cs) != 1 {
			t.Errorf("z position %q: %v", z, err)
		}
	}
}

// TestXMLHasLimits: what no file of readers has is refused before it costs much.
func TestXMLHasLimits(t *testing.T) {
	for name, c := range map[string]struct{ text, told string }{
		"deep before the readers": {"<LidcReadMessage>" + strings.Repeat("<a>", 1e6), "deep in each other"},
		"deep among the readers":  {"<LidcReadMessage><readingSession>" + strings.Repeat("<a>", 1e6), "deep in each other"},
		"deep in a nodule":        {"<LidcReadMessage><readingSession><unblindedReadNodule>" + strings.Repeat("<a>", 1e6), "deep in each other"},
		"deep in the series' UID": {"<LidcReadMessage><SeriesInstanceUid>" + strings.Repeat("<a>", 1e6), "deep in each other"},
		"many elements":           {"<LidcReadMessage>" + strings.Repeat("<a/>", 600_000), "more than 500000 elements"},
		"many attributes":         {"<LidcReadMessage" + strings.Repeat(` a=""`, 1e6) + ">", "a tag or a text has more than"},
		"a long comment":          {"<LidcReadMessage><!--" + strings.Repeat("a", 1e6) + "-->", "a tag or a text has more than"},
		"a long text":             {"<LidcReadMessage>" + strings.Repeat("a", 1e6), "a tag or a text has more than"},
		"a large file":            {"<LidcReadMessage>" + strings.Repeat("<!-- -->", 1<<20+1), "larger than the limit"},
		"ends cross":              {"<LidcReadMessage>\n<a>\n<b></a></b>", "line 3: element <b> closed by </a>"},
	} {
		refused(t, name, c.text, c.told)
	}
}

// TestBlankNumbers: a table and JSON may say in many ways that they have none.
func TestBlankNumbers(t *testing.T) {
	table := func(diameter string) string {
		return "seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,1,2,3," + diameter + "\n"
	}
	object := func(diameter string) string {
		return `[{"id":"a","position_lps_mm":[1,2,3],"diameter_mm":` + diameter + `}]`
	}
	var blank []string
	for _, v := range []string{"", " ", "-", "NaN", "nan", "N/A", "na", "NA", "n.a.", "NULL", "None", "unknown", "?"} {
		blank = append(blank, table(v), object(`"`+v+`"`))
	}
	for _, text := range append(blank, object("null"), object(`5e0,"confidence":""`), strings.Replace(table("NA"), ",", ";", -1)) {
		cs, err := readIn(text, lidcSeries())
		want := map[bool]float64{true: 5}[strings.Contains(text, "5e0")]
		if err != nil || len(cs) != 1 || cs[0].DiameterMM != want || cs[0].Confidence != 0 || cs[0].PositionLPS != (dicomio.Vec{1, 2, 3}) {
			t.Errorf("%q: %v, %v", text, cs, err)
		}
	}
	for text, code := range map[string]Code{
		table("-1"):  CodeCandidateInvalid,
		table("Inf"): CodeCandidateInvalid, table("1e400"): CodeCandidateFileInvalid, table("0x1p3"): CodeCandidateFileInvalid, table("5 mm"): CodeCandidateFileInvalid,
		object("-1"): CodeCandidateInvalid, object("1e400"): CodeCandidateFileInvalid,
		object(`"Inf"`): CodeCandidateFileInvalid, object(`"12"`): CodeCandidateFileInvalid, object("[]"): CodeCandidateFileInvalid, object("false"): CodeCandidateFileInvalid,
	} {
		if _, err := readIn(text, lidcSeries()); CodeOf(err) != code {
			t.Errorf("%q: %v, want %s", text, err, code)
		}
	}
}

// TestFormsOfTables: other signs between columns, and other line ends.
func TestFormsOfTables(t *testing.T) {
	const table = "seriesuid,coordX,coordY,coordZ,diameter_mm,note\n1.2.3,1.5,2,3,,x\n1.2.3,-4,5,6,7,\n"
	forms := map[string]string{"sep=": "sep=;\n" + strings.ReplaceAll(table, ",", ";")}
	for name, separator := range map[string]string{"commas": ",", "spaces": " , ", "semicolons": ";", "tabs": "\t", "bars": "|", "quotes": "\"\t\""} {
		text := strings.ReplaceAll(table, ",", separator)
		if name == "quotes" {
			text = `"` + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\"\n\"") + `"`
		}
		for end, eol := range map[string]string{"LF": "\n", "CR LF": "\r\n", "CR": "\r", "CR CR LF": "\r\r\n"} {
			forms[name+", "+end] = strings.ReplaceAll(text, "\n", eol)
		}
	}
	for name, text := range forms {
		cs, err := readIn(text, lidcSeries())
		want := fmt.Sprint([]Candidate{{ID: "luna-1", PositionLPS: dicomio.Vec{1.5, 2, 3}}, {ID: "luna-2", PositionLPS: dicomio.Vec{-4, 5, 6}, DiameterMM: 7}})
		if err != nil || fmt.Sprint(cs) != want {
			t.Errorf("%s: %v, %v, want %s", name, cs, err, want)
		}
	}
	const head = "seriesuid;coordX;coordY;coordZ;diameter_mm\n"
	for text, told := range map[string]string{
		head + "1.2.3;1,5;2;3;4\n":                                 "line 2: coordx is not a number: it has a decimal comma",
		head + "1.2.3;1;2;-3,25;4\n":                               "line 2: coordz is not a number: it has a decimal comma",
		head + "1.2.3;1;2;3;4,5\n":                                 "line 2: diameter_mm is not a number: it has a decimal comma",
		"seriesuid,coordX,coordY,coordZ\n1.2.3,\"1,5\",2,3\n":      "it has a decimal comma",
		"seriesuid,coordX,coordY,coordZ\n1.2.3,1,5,2,3\n":          "where numbers have a decimal comma",
		"seriesuid\tcoordX\tcoordY\tcoordZ\n1.2.3\t0x10\t2\t3\n":   "coordx is not a number",
		"seriesuid,coordX,coordY,coordZ\n1.2.3,-0x1p6,2,3\n":       "coordx is not a number",
		"seriesuid,coordX,coordY,coordZ\n1.2.3,1,0x_1p4,3\n":       "coordy is not a number",
		"seriesuid coordX coordY coordZ\n1.2.3 1 2 3\n":            "with commas, semicolons or tabs between them",
		"seriesuid;coordX;coordY;coordX;coordZ\n1.2.3;1;2;3;4\n":   "a column comes twice: coordx",
		"seriesuid,coordX,coordY,coordZ\r1.2.3,1,2,x\r1.2.3,1,2,3": "line 2: coordz is not a number",
	} {
		refused(t, text, text, told)
	}
}

// TestJSONInAnotherEncoding: letters that would be lost in the ids.
func TestJSONInAnotherEncoding(t *testing.T) {
	for _, text := range []string{
		"{\"nodules\":[{\"id\":\"n\xf6\",\"position_lps_mm\":[1,2,3]}]}",
		"[{\"id\":\"a\",\"reader\":\"J\xfcrgen\",\"position_lps_mm\":[1,2,3]}]",
		"[{\"id\":\"\x93a\x94\",\"position_lps_mm\":[1,2,3]}]",
		"\xef\xbb\xbf[{\"id\":\"\xc3\",\"position_lps_mm\":[1,2,3]}]",
	} {
		refused(t, fmt.Sprintf("%q", text), text, "not UTF-8 but perhaps Latin-1")
	}
	if cs, err := readIn(`[{"id":"nö","position_lps_mm":[1,2,3]}]`, lidcSeries()); err != nil || cs[0].ID != "nö" {
		t.Error(cs, err)
	}
}
