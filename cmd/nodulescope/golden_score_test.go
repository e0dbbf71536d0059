package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom"

	"github.com/nodulescope/nodulescope/internal/checktest"
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
	if !kernels.MatchString(out) {
		t.Skip("this machine has neither AVX-512, AVX2 nor NEON: its scores differ in digits that tables and reports round")
	}
	goldenText(t, "report.txt", dumpDICOM(t, filepath.Join(dir, "report.dcm")))
	text, _, _ := goldenRun(t, dir, "", "score", "scan", "--nodules", "nodules.json", "--detectors", "vae-ad", "--device", "cpu")
	goldenText(t, "score.txt", maskText(text))
}

// TestGoldenOutlines: the message and the tables of the phantom as the network in
// the binary outlines it. Measurements are rounded, and the same by all kernels.
func TestGoldenOutlines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goldenPhantom(t, dir)
	args := []string{"score", "scan", "--nodules", "nodules.json", "--outline", "auto", "--detectors", "vae-ad", "--device", "cpu"}
	out, _, _ := goldenRun(t, dir, "", append(args, "--json")...)
	if !strings.Contains(out, `"outliner"`) {
		t.Skip("this build has no network for outlines")
	}
	goldenJSON(t, "outlines.json", []byte(out), "job_id", "scores")
	if !kernels.MatchString(out) {
		t.Skip("this machine has neither AVX-512, AVX2 nor NEON: the scores in the table differ in digits that are rounded")
	}
	text, _, _ := goldenRun(t, dir, "", args...)
	_, text, _ = strings.Cut(maskText(text), "\nNODULE  ")
	goldenText(t, "outlines.txt", text)
}

// kernels is what a table or report says that it was computed by: AVX-512, AVX2
// and NEON give the same digits.
var kernels = regexp.MustCompile(`\b(avx2|avx512|neon)\b`)

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

// TestGoldenCheckpoints: files of detectors that an earlier build wrote are
// read, keep their digests and score the same. Most of their weights are zero,
// so that the files pack well; the detectors in the binary have real ones.
func TestGoldenCheckpoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goldenPhantom(t, dir)
	args := []string{"score", "scan", "--nodules", "scan/truth.json", "--json", "--device", "cpu"}
	for _, name := range []string{"vae.safetensors", "gan.safetensors"} {
		z, err := gzip.NewReader(strings.NewReader(readText(t, filepath.Join(goldenDir, name+".gz"))))
		if err != nil {
			t.Fatal(err)
		}
		file, err := io.ReadAll(z)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--model", name)
	}
	goldenJSON(t, "checkpoints.json", []byte(goldenOutput(t, dir, args...)), "job_id")
}

// TestGoldenRealSeries: both detectors on two chest CT. The golden file names
// neither patient nor UID; nodules are numbered.
func TestGoldenRealSeries(t *testing.T) {
	t.Parallel()
	contours, err := filepath.Glob(filepath.Join(checktest.Data(t), "ct", "*", "*", "*", "*.xml"))
	if err != nil || len(contours) != 2 {
		t.Fatalf("%d files of contours, want 2 (%v)", len(contours), err)
	}
	for i, xml := range contours {
		dir := filepath.Dir(xml)
		out := goldenOutput(t, t.TempDir(), "score", dir, "--nodules", xml, "--json", "--device", "cpu")
		goldenJSON(t, fmt.Sprintf("series-%d.json", i+1), []byte(numberNodules(t, out)), "job_id", "study_uid", "series_uid")
	}
}

// numberNodules puts numbers in place of the ids of nodules.
func numberNodules(t *testing.T, text string) string {
	t.Helper()
	tree, err := readTree([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tree.([]field) {
		if f.name != "nodules" {
			continue
		}
		for i, nodule := range f.value.([]any) {
			for k := range nodule.([]field) {
				if member := &nodule.([]field)[k]; member.name == "id" {
					member.value = json.Number(fmt.Sprint(i + 1))
				}
			}
		}
	}
	var b bytes.Buffer
	writeTree(&b, tree, "")
	return b.String()
}

// TestGoldenEvaluation: the tables of the public nodules; no line is about one
// of them. Its quartiles are of a later build than the rest: since then there
// is one definition of a quantile.
func TestGoldenEvaluation(t *testing.T) {
	t.Parallel()
	data := checktest.Data(t)
	out := goldenOutput(t, t.TempDir(), "evaluate", filepath.Join(data, "lidc_voi_32mm.npz"), "--side", "test", "--detectors", "vae-ad", "--device", "cpu", "--rungs", "off")
	goldenText(t, "evaluation.md", maskText(out))
}
