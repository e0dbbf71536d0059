package sr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/internal/seriestest"
)

// TestReportIsAFunctionOfItsResult: the same result gives the same bytes, and
// another one or another version other UIDs.
func TestReportIsAFunctionOfItsResult(t *testing.T) {
	s := seriestest.Named(t)
	r := testReport(t, s)
	if !bytes.Equal(encode(t, r), encode(t, testReport(t, s))) {
		t.Error("two reports of one result differ")
	}
	other := r
	other.Identity += "0"
	uids := map[string]bool{}
	all := []Report{r, reviewed(r, 1), reviewed(r, 2), other}
	for _, r := range all {
		uids[r.SOPInstanceUID()] = true
		if !codec.ValidUID(r.SOPInstanceUID()) || !codec.ValidUID(r.SeriesInstanceUID()) || !codec.ValidUID(r.TrackingUID("ü")) {
			t.Error("not a UID")
		}
	}
	if len(uids) != len(all) {
		t.Errorf("%d UIDs for %d documents", len(uids), len(all))
	}
	if a, b := r.SeriesInstanceUID(), reviewed(r, 2).SeriesInstanceUID(); a != b || a == other.SeriesInstanceUID() {
		t.Error("the documents of a result are not in one series, or in that of another")
	}
	if UID("nodulescope", "implementation") != implementationUID {
		t.Error("the implementation has another UID than its rule gives")
	}
	if r.TrackingUID("a") == r.TrackingUID("b") || UID("ab", "c") == UID("a", "bc") {
		t.Error("two things share a UID")
	}
	if got, want := UID("result", "report"), "2.25.309361043922063430824370712652728987815"; got != want {
		t.Errorf("UID %s, want %s: reports that are stored would get a twin", got, want)
	}
}

// TestReportAsPydicomReadsIt: every nodule is on the right image, within a
// millimetre, and all that the report says is there.
func TestReportAsPydicomReadsIt(t *testing.T) {
	s := seriestest.Named(t)
	out := readByPydicom(t, s, encode(t, reviewed(testReport(t, s), 2)))
	for _, want := range []string{
		"patient Müller^Jörg^^Dr.=山田^太郎 P-1 19500102 M A-17",
		"flags COMPLETE VERIFIED FINAL by Ångström^Åsa^^Dr of Universitätsklinik at 20260201110000+0100 after 2",
		"content 20260201 110000",
		"nodule n1 2.25.",
		"nodule Knoten 2 – λ 2.25.",
		"value n1 NDS-1 12.25 % vae-ad 1.0, weights sha256:0123",
		"value n1 NDS-2 88.8 % vae-ad", "value n1 NDS-3 0.0123456789 1 vae-ad", "value n1 NDS-4 0.0109 1 vae-ad",
		"value n1 NDS-2 40 % gan-ad 1.0 Somebody else", "value n1 81827009 7.5 mm",
		"text n1 121106 Nodule n1: deviation 12 % (vae-ad), percentile 40.0 (gan-ad); not for diagnosis",
		"code n1 NDS-5 NDS-6", "code n1 NDS-5 NDS-7", "code n1 NDS-8 NDS-17", "code Knoten 2 – λ NDS-8 NDS-19",
		"text n1 121106 growing\\nsince 2024 \\\\ compare", "text Knoten 2 – λ NDS-12 vessel", "text Knoten 2 – λ NDS-15 detector_failed",
		"text - NDS-13 For research and for review by a radiologist, never for triage or diagnosis. A score is a deviation from reference nodules, never a probability of cancer.",
		"text - NDS-14 gantry_tilt", "text - NDS-15 Nodule outside is on no image", "text - NDS-16 NDS-1, Deviation",
		"evidence complete",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("pydicom does not find %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
	nodulesWithin(t, out, testReport(t, s).Nodules[:2])
}

// readByPydicom prints what an independent reader finds in a report.
func readByPydicom(t *testing.T, s *dicomio.Series, report []byte) string {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import pydicom, numpy").Run(); err != nil {
		t.Skip("no python3-pydicom here")
	}
	args := []string{"testdata/read_report.py", writeFile(t, report)}
	for _, slice := range s.Slices {
		args = append(args, slice.Path)
	}
	return dicomtest.Tool(t, "/usr/bin/python3", args...)
}

// nodulesWithin checks the places that the independent reader found, of the
// image region and of the first number: on the image that is nearest, and
// within a millimetre of the nodule's foot on it.
func nodulesWithin(t *testing.T, out string, nodules []Nodule) {
	t.Helper()
	for _, n := range nodules {
		found := 0
		for line := range strings.Lines(out) {
			rest, ok := strings.CutPrefix(line, "place "+n.ID+" at ")
			if !ok {
				continue
			}
			var at dicomio.Vec
			var step float64
			if _, err := fmt.Sscanf(rest, "%g %g %g, nearest %g", &at[0], &at[1], &at[2], &step); err != nil {
				t.Fatal(err)
			}
			found++
			inPlane := math.Hypot(at[0]-n.PositionLPS[0], at[1]-n.PositionLPS[1])
			if inPlane > 1 || math.Abs(at[2]-n.PositionLPS[2]) > step/2+1e-6 {
				t.Errorf("nodule %s is at %v, want %v on the nearest slice (they are %g mm apart)", n.ID, at, n.PositionLPS, step)
			}
		}
		want := 1 // that of its region
		if len(n.Scores) > 0 || n.DiameterMM > 0 {
			want++ // that of its first number
		}
		if found != want {
			t.Errorf("nodule %s has %d places on images, want %d", n.ID, found, want)
		}
	}
}

func TestReportIsRefused(t *testing.T) {
	nan := math.NaN()
	good := testReport(t, seriestest.Named(t))
	for name, edit := range map[string]func(*Report){
		"identity": func(r *Report) { r.Identity = "" },
		"time":     func(r *Report) { r.Time = time.Time{} },
		"study":    func(r *Report) { r.Header.StudyUID = "" },
		"series":   func(r *Report) { r.Header.SeriesUID = "1.2.x" },
		"id":       func(r *Report) { r.Nodules[0].ID = " " },
		"ids":      func(r *Report) { r.Nodules[1].ID = "n1" },
		"image":    func(r *Report) { r.Nodules[0].Image.SOPClassUID = "" },
		"column":   func(r *Report) { r.Nodules[0].Image.Column = nan },
		"frame":    func(r *Report) { r.Nodules[0].Image.Frame = 1 },
		"position": func(r *Report) { r.Nodules[0].PositionLPS[2] = math.Inf(1) },
		"diameter": func(r *Report) { r.Nodules[0].DiameterMM = -1 },
		"deviation": func(r *Report) {
			v := 101.0
			r.Nodules[0].Scores = []Score{{Algorithm: Algorithm{"a", "1", nil, ""}, DeviationPct: &v}}
		},
		"percentile": func(r *Report) {
			r.Nodules[0].Scores = []Score{{Algorithm: Algorithm{"a", "1", nil, ""}, Percentile: nan}}
		},
		"version":         func(r *Report) { r.Nodules[0].Scores = []Score{{Algorithm: Algorithm{Name: "a"}}} },
		"undecided":       func(r *Report) { *r = reviewed(*r, 1); r.Nodules[1].Decision = nil },
		"decided by whom": func(r *Report) { r.Nodules[1].Decision = &Decision{Verdict: Suspicious} },
		"verdict":         func(r *Report) { *r = reviewed(*r, 1); r.Nodules[1].Decision.Verdict = "perhaps" },
		"observer":        func(r *Report) { *r = reviewed(*r, 1); r.Review.Observer = "" },
		"organisation":    func(r *Report) { *r = reviewed(*r, 1); r.Review.Organization = "\x00" },
		"review version":  func(r *Report) { *r = reviewed(*r, 0) },
		"segment": func(r *Report) {
			r.Nodules[0].Outline, r.Outlines = testOutline(), true
			r.Nodules[0].Outline.Segment.Number = 0
		},
		"outline of whom": func(r *Report) {
			r.Nodules[0].Outline, r.Outlines = testOutline(), true
			r.Nodules[0].Outline.Algorithm.Version = ""
		},
		"unmeasured": func(r *Report) {
			r.Nodules[0].Outline, r.Outlines = testOutline(), true
			r.Nodules[0].Outline.Measurements = nil
		},
		"measurement": func(r *Report) {
			r.Nodules[0].Outline, r.Outlines = testOutline(), true
			r.Nodules[0].Outline.Measurements[1].Value = nan
		},
		"uncertainty": func(r *Report) {
			r.Nodules[0].Outline, r.Outlines = testOutline(), true
			r.Nodules[0].Outline.Measurements[1].PlusMinus = -1
		},
		"unit": func(r *Report) {
			r.Nodules[0].Outline, r.Outlines = testOutline(), true
			r.Nodules[0].Outline.Measurements[0].Unit.Meaning = " "
		},
		"derivation": func(r *Report) {
			r.Nodules[0].Outline, r.Outlines = testOutline(), true
			r.Nodules[0].Outline.Measurements[3].Derivation.Scheme = ""
		},
		"outline nowhere": func(r *Report) { r.Nodules[2].Outline, r.Outlines = testOutline(), true },
		"outline untold":  func(r *Report) { r.Nodules[0].Outline = testOutline() },
		"too many":        func(r *Report) { r.Nodules = make([]Nodule, maxNodules+1) },
	} {
		r := good
		r.Nodules = append([]Nodule(nil), good.Nodules...)
		edit(&r)
		var b bytes.Buffer
		err := r.Encode(&b)
		if dicomio.CodeOf(err) != CodeReportInvalid || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
		if err != nil && strings.Contains(err.Error(), "Müller") {
			t.Errorf("%s: the error names the patient", name)
		}
	}
	broken := errors.New("disk full")
	if err := good.Encode(writer(func([]byte) (int, error) { return 0, broken })); !errors.Is(err, broken) || dicomio.CodeOf(err) != CodeNotWritten {
		t.Errorf("a writer that fails: %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// TestStrangeText: what a text may not hold is taken out, and the file stays
// one that everybody reads.
func TestStrangeText(t *testing.T) {
	r := testReport(t, seriestest.Named(t))
	r.Header.PatientID = strings.Repeat("ß", 70) + "\\x"
	r.Header.StudyDescription = "a\\b\x1b$B\n\xff"
	r.Nodules[0].ID = strings.Repeat("x", 70000) // longer than 16 bits can say
	r.Nodules[0].Notes = []string{"a\\b\x00\nc "}
	r.SeriesText = "Größe\tλ"
	everything := maps.Clone(contentElements)
	maps.Copy(everything, map[uint32]string{0x00100020: "LO", 0x00081030: "LO", 0x0008103E: "LO"})
	f, err := parseFile("test", encode(t, r), everything, endOfContent)
	if err != nil {
		t.Fatal(err)
	}
	root := f.item(f.Dataset)
	var texts []string
	root.Walk(func(n *Item) bool { texts = append(texts, n.Text); return true })
	got := []any{f.text(0x00100020), f.text(0x00081030), f.text(0x0008103E), strings.Join(texts, "|")}
	for i, want := range []string{strings.Repeat("ß", 64), "a/b$B?", "Größeλ", strings.Repeat("x", 70000)} {
		if s := got[i].(string); s != want && !(i == 3 && strings.Contains(s, want)) {
			t.Errorf("%q, want %q", s, want)
		}
	}
	if !strings.Contains(got[3].(string), "a\\b\nc|") {
		t.Error("a note lost its lines")
	}
	r.Header.PatientID = "ß" // dciodvfy counts bytes where PS3.5 6.2 counts characters
	validate(t, writeFile(t, encode(t, r)), false)
}

func TestHeaderHidesThePatient(t *testing.T) {
	r := testReport(t, seriestest.Named(t))
	if r.Header.PatientName == "" || r.Header.StudyUID == "" {
		t.Fatal("there is nothing to hide")
	}
	var log bytes.Buffer
	logTo(&log, r.Header)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", r.Header, r, r.Header, r.Header), log.String()} {
		if strings.Contains(text, "ller") || strings.Contains(text, "P-1") || strings.Contains(text, "A-17") {
			t.Errorf("it shows the patient: %s", text)
		}
	}
}

func TestHeaderOf(t *testing.T) {
	s := seriestest.Named(t)
	got, err := HeaderOf(context.Background(), s)
	want := Header{
		PatientName: "Müller^Jörg^^Dr.=山田^太郎", PatientID: "P-1", PatientBirthDate: "19500102", PatientSex: "M",
		StudyUID: s.StudyUID, StudyDate: "20260101", StudyTime: "120000", StudyID: "1", AccessionNumber: "A-17", TimezoneOffset: "+0100",
		SeriesUID: s.SeriesUID, SeriesNumber: "1", FrameOfReferenceUID: s.FrameOfReferenceUID, Modality: "CT",
	}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v: %s", err, cmp.Diff(want, got))
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := HeaderOf(canceled, s); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	images := make([]dicomio.Attributes, len(s.Slices))
	for i, slice := range s.Slices { // only what tells the images apart: all else is read from them
		images[i] = dicomio.Attributes{0x00080018: {slice.SOPInstanceUID}, 0x0020000E: {s.SeriesUID}, 0x00080060: {"CT"}}
	}
	remote, err := dicomio.OpenRemote(context.Background(), images, s.SeriesUID, folder(*s), dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := HeaderOf(context.Background(), remote); err != nil || !cmp.Equal(got, want) {
		t.Errorf("remote: %v: %s", err, cmp.Diff(want, got))
	}
	moved := *s
	moved.Slices = []dicomio.Slice{{Path: s.Slices[0].Path + "x"}}
	if _, err := HeaderOf(context.Background(), &moved); dicomio.CodeOf(err) != dicomio.CodeUnreadable {
		t.Error(err)
	}
	if _, err := HeaderOf(context.Background(), &dicomio.Series{}); dicomio.CodeOf(err) != dicomio.CodeFolderEmpty {
		t.Error(err)
	}
}

// folder serves the files of a series as if they were elsewhere.
type folder dicomio.Series

func (f folder) Image(_ context.Context, sopInstanceUID string) ([]byte, error) {
	for _, slice := range f.Slices {
		if slice.SOPInstanceUID == sopInstanceUID {
			return os.ReadFile(slice.Path)
		}
	}
	return nil, os.ErrNotExist
}
