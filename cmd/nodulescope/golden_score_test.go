package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom"
)

// TestGoldenScore: the result message, the table and the report of the phantom
// with both detectors of the binary.
func TestGoldenScore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goldenPhantom(t, dir)
	out, errs, code := goldenRun(t, dir, "", "score", "scan", "--nodules", "nodules.json", "--json", "--sr", "report.dcm", "--device", "cpu")
	if code != exitBadInput {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	goldenJSON(t, "score.json", []byte(out), "job_id")
	goldenText(t, "score.err", lastLine(errs)+"\n")
	if !strings.Contains(out, `"avx`) {
		t.Skip("this machine has neither AVX-512 nor AVX2: its scores differ in digits that tables and reports round")
	}
	goldenText(t, "report.txt", dumpDICOM(t, filepath.Join(dir, "report.dcm")))
	text, _, _ := goldenRun(t, dir, "", "score", "scan", "--nodules", "nodules.json", "--detectors", "vae-ad", "--device", "cpu")
	goldenText(t, "score.txt", maskText(text))
}

// kernels is what a table or report says that it was computed by: AVX-512 and
// AVX2 give the same digits.
var kernels = regexp.MustCompile(`avx(2|512)`)

var writtenBy = regexp.MustCompile(`([Nn]odulescope) ([0-9a-f]{7,}(?:-dirty)?|dev)\b`)

// trailingCode is the code at the end of a sentence: it is a field of its own
// beside every sentence.
var trailingCode = regexp.MustCompile(`( \([a-z]+_[a-z_]+\))+($|\n|\])`)

func maskText(text string) string {
	text = kernels.ReplaceAllString(intendedUseLine.ReplaceAllString(text, masked), "avx")
	text = writtenBy.ReplaceAllString(text, "$1 "+masked)
	return trailingCode.ReplaceAllString(text, "$2")
}

func lastLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return ""
	}
	return strings.TrimRight(lines[len(lines)-1], " ")
}

// volatileElements are the dates and times of a document, and the version of
// the software that wrote it.
var volatileElements = map[string]bool{
	"(0008,0012)": true, "(0008,0013)": true, "(0008,0021)": true, "(0008,0031)": true, "(0008,0023)": true, "(0008,0033)": true, "(0008,002a)": true,
	"(0018,1020)": true, "(0040,a032)": true, "(0040,a13a)": true, "(0040,a030)": true, "(0002,0013)": true,
}

// dumpDICOM lists the elements of a file, a line each, without what changes
// from run to run and without the intended use.
func dumpDICOM(t *testing.T, name string) string {
	t.Helper()
	set, err := dicom.ParseFile(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	dumpElements(&b, set.Elements, "")
	return observerUID.ReplaceAllString(b.String(), "$1 "+masked)
}

// observerUID is the UID of the observing device, which has the version of the
// software in it.
var observerUID = regexp.MustCompile(`(\[121012\](?:[^\n]*\n){3} *\(0040,a124\) UI) [^\n]*`)

func dumpElements(b *bytes.Buffer, elements []*dicom.Element, indent string) {
	for _, e := range elements {
		fmt.Fprintf(b, "%s%s %s", indent, e.Tag, e.RawValueRepresentation)
		items, sequence := e.Value.GetValue().([]*dicom.SequenceItemValue)
		value := fmt.Sprint(e.Value)
		switch {
		case sequence:
			b.WriteByte('\n')
			for i, item := range items {
				fmt.Fprintf(b, "%s item %d\n", indent, i+1)
				dumpElements(b, item.GetValue().([]*dicom.Element), indent+"  ")
			}
			continue
		case volatileElements[e.Tag.String()], e.Tag.Element == 0:
			value = masked
		}
		fmt.Fprintf(b, " %s\n", maskText(value))
	}
}
