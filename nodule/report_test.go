package nodule

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

func read(t testing.TB, b []byte) *CandidateFile {
	t.Helper()
	f, err := ReadCandidates(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func wantAt(t *testing.T, s *dicomio.Series, m Mark, want dicomio.Vec) {
	t.Helper()
	got, err := m.place(s)
	for i := range got {
		if err != nil || math.Abs(got[i]-want[i]) > 1e-3 {
			t.Errorf("%s is at %v (%v), want %v", m.ID, got, err, want)
			return
		}
	}
}

// TestOwnReport: what sr writes is read, with the same ids, at the foot of
// each nodule on its slice; what was measured of an outline belongs to its nodule.
func TestOwnReport(t *testing.T) {
	s := testSeries(t)
	header, err := sr.HeaderOf(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	r := sr.Report{Identity: "a result", Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Header: header, Nodules: []sr.Nodule{
		{ID: "n1", PositionLPS: s.Geometry.ToLPS([3]float64{3.2, 20, 10}), DiameterMM: 7.46},
		{ID: "Knoten 2 – λ", PositionLPS: s.Geometry.ToLPS([3]float64{8, 3, 30}), Outline: &sr.Outline{
			Segment: sr.Segment{SOPInstanceUID: "1.2.3.4", SeriesInstanceUID: "1.2.3", Number: 1}, Algorithm: sr.Algorithm{Name: "outliner", Version: "1.0"},
			Measurements: []sr.Measurement{{Name: sr.Code{Value: "103339001", Scheme: "SCT", Meaning: "Long Axis"}, Value: 8.1, Unit: sr.Code{Value: "mm", Scheme: "UCUM", Meaning: "millimeter"}}},
		}},
		{ID: "outside", PositionLPS: dicomio.Vec{900, 0, 0}},
	}, Outlines: true}
	for i := range r.Nodules {
		if at, ok := s.OnImage(r.Nodules[i].PositionLPS); ok {
			r.Nodules[i].Image = at
		}
	}
	var b bytes.Buffer
	if err := r.Encode(&b); err != nil {
		t.Fatal(err)
	}
	f := read(t, b.Bytes())
	if len(f.Marks) != 2 || f.Kind != KindReport || !f.Own || f.StudyUID != s.StudyUID {
		t.Fatalf("%+v", f)
	}
	for i, m := range f.Marks {
		n := r.Nodules[i]
		if m.ID != n.ID || m.TrackingUID != r.TrackingUID(n.ID) || m.SeriesUID != s.SeriesUID {
			t.Errorf("candidate %d: %+v", i, m)
		}
		foot, _ := s.InPatient(n.Image)
		wantAt(t, s, m, foot)
	}
	if f.Marks[0].DiameterMM != 7.5 || f.Marks[1].DiameterMM != 8.1 || len(f.Skipped) != 0 {
		t.Errorf("%+v; diameters %g, %g", f.Skipped, f.Marks[0].DiameterMM, f.Marks[1].DiameterMM)
	}
	cs, skipped, err := f.In(s)
	if err != nil || len(cs) != 2 || len(skipped) != 0 || cs[0].ID != "n1" || cs[0].DiameterMM != 7.5 {
		t.Errorf("%v, %v, %v", cs, skipped, err)
	}
}

// TestMeasurementReport: groups as other programs write them.
func TestMeasurementReport(t *testing.T) {
	s := testSeries(t)
	grouped := func(children ...codec.Dataset) codec.Dataset {
		return content("CONTAINS", "CONTAINER", group, children...)
	}
	id := func(text string) codec.Dataset { return textItem(tracking, text) }
	found := func(c term) codec.Dataset { return codeItem("CONTAINS", finding, c) }
	square := []float32{10, 10, 14, 10, 14, 14, 10, 14, 10, 10}
	root := content("", "CONTAINER", term{"126000", "DCM", "Imaging Measurement Report"}, content("CONTAINS", "CONTAINER", term{"126010", "DCM", "Imaging Measurements"},
		grouped(id("point"), shape3D("POINT", s.FrameOfReferenceUID, 1, 2, -90), numberItem(diameter, 0.8, "cm")),
		grouped(id("point"), found(term{"M-03010", "SRT", "Nodule"}), shape("CONTAINS", region, "POLYLINE", square, sliceItem(s, 2)),
			numberItem(named(longAxes[0]), 9, "mm"), numberItem(named(shortAxes[1]), 5, "mm"), numberItem(term{"a", "b", "c"}, 77, "mm")),
		grouped(shape("CONTAINS", region, "CIRCLE", []float32{8.5, 9.5, 12, 9}, sliceItem(s, 3)),
			numberItem(named(lengths[1]), 6, "mm", shape("INFERRED FROM", term{}, "POLYLINE", []float32{8.5, 9.5, 8.5, 9.5}, sliceItem(s, 3)))),
		grouped(id("outlines"), found(term{"x", "99LOCAL", "Pulmonary nodule, solid"}), codeItem("HAS CONCEPT MOD", site, term{"45653009", "SCT", "Upper lobe of lung"}),
			shape("CONTAINS", region, "POLYLINE", square, sliceItem(s, 5)), shape("CONTAINS", region, "POLYLINE", square, sliceItem(s, 7)),
			numberItem(named(conceptCertainty), 87.5, "%")),
		grouped(id("ellipse"), shape3D("ELLIPSE", s.FrameOfReferenceUID, 0, 0, -90, 4, 0, -90, 2, -1, -90, 2, 1, -90)),
		// What is no candidate:
		grouped(id("vessel"), found(term{"x", "y", "Blood vessel"}), shape3D("POINT", s.FrameOfReferenceUID, 0, 0, 0)),
		grouped(id("liver"), codeItem("HAS CONCEPT MOD", site, term{"10200004", "SCT", "Liver"}), shape3D("POINT", s.FrameOfReferenceUID, 0, 0, 0)),
		grouped(id("nowhere"), found(noduleSCT)),
		grouped(id("no frame"), shape3D("POINT", "", 0, 0, 0)),
		grouped(id("no shape"), shape3D("SPHERE", s.FrameOfReferenceUID, 0, 0, 0)),
		grouped(id("odd"), shape3D("POINT", s.FrameOfReferenceUID, 0, 0)),
		grouped(id("infinite"), shape3D("POINT", s.FrameOfReferenceUID, 0, 0, float32(math.Inf(1)))),
	))
	for _, class := range []string{classEnhanced, classComprehensive, class3D, classExtensible} {
		f := read(t, writeSR(t, class, s, root))
		if len(f.Marks) != 5 || f.Own {
			t.Fatalf("%d candidates, want 5: %+v", len(f.Marks), f)
		}
		var ids []string
		var size, sure []float64
		for _, m := range f.Marks {
			ids, size, sure = append(ids, m.ID), append(size, m.DiameterMM), append(sure, m.Confidence)
		}
		if d := cmp.Diff([]string{"point", "point-2", "3", "outlines", "ellipse"}, ids); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]float64{8, 7, 6, 0, 0}, size, cmpopts.EquateApprox(0, 1e-6)); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]float64{0, 0, 0, 0.875, 0}, sure); d != "" {
			t.Error(d)
		}
		g := s.Geometry
		wantAt(t, s, f.Marks[0], dicomio.Vec{1, 2, -90})
		wantAt(t, s, f.Marks[1], g.ToLPS([3]float64{2, 11.5, 11.5}))
		wantAt(t, s, f.Marks[2], g.ToLPS([3]float64{3, 9, 8}))
		wantAt(t, s, f.Marks[3], g.ToLPS([3]float64{6, 11.5, 11.5}))
		wantAt(t, s, f.Marks[4], dicomio.Vec{2, 0, -90})
		want := []Skipped{{"a finding that is no nodule", 1}, {"a finding outside the chest", 1}, {"a nodule without a place", 5}}
		if _, skipped, err := f.In(s); err != nil || cmp.Diff(want, skipped) != "" {
			t.Errorf("left out: %v, %v", skipped, err)
		}
	}
	other := *s
	other.FrameOfReferenceUID, other.Slices = "1.2.3", nil
	f := read(t, writeSR(t, classComprehensive, s, root))
	for _, m := range f.Marks {
		if _, err := m.place(&other); CodeOf(err) != CodeCandidateElsewhere {
			t.Errorf("%s in another series: %v", m.ID, err)
		}
	}
	if cs, skipped, err := f.In(&other); CodeOf(err) != CodeCandidateElsewhere || len(cs) != 0 || len(skipped) != 5 {
		t.Errorf("in another series: %v, %v, %v", cs, skipped, err)
	}
}

// TestChestCAD: a CAD report with a nodule over two slices, one on a single
// slice whose image is in the library, one that is hidden, and no nodule.
func TestChestCAD(t *testing.T) {
	s := testSeries(t)
	byReference := func(path ...int) codec.Dataset {
		var d codec.Dataset
		d.AddText(0x0040A010, "CS", "SELECTED FROM")
		d.AddUint32(0x0040DB73, path...)
		return d
	}
	srt := term{"M-03010", "SRT", "Nodule"}
	intent := func(c term) codec.Dataset { return codeItem("HAS CONCEPT MOD", named(conceptRendering), c) }
	shown := intent(term{"111150", "DCM", "Presentation Required"})
	single := func(relation string, kind term, children ...codec.Dataset) codec.Dataset {
		return codeItem(relation, named(conceptSingle), kind, append([]codec.Dataset{shown}, children...)...)
	}
	centre := func(x, y float32, image codec.Dataset) codec.Dataset {
		return shape("HAS PROPERTIES", named(conceptCentre), "POINT", []float32{x, y}, image)
	}
	outline := []float32{0, 0, 40, 0, 40, 20, 0, 20, 0, 0}
	root := content("", "CONTAINER", term{"112000", "DCM", "Chest CAD Report"},
		content("CONTAINS", "CONTAINER", term{"111028", "DCM", "Image Library"}, sliceItem(s, 4)),
		codeItem("CONTAINS", term{"111017", "DCM", "CAD Processing and Findings Summary"}, term{"111241", "DCM", "All algorithms succeeded; with findings"},
			codeItem("INFERRED FROM", named(conceptComposite), srt, shown, textItem(tracking, "Kandidat 1"),
				numberItem(named(conceptFeatureCertainty), 60, "%"),
				single("INFERRED FROM", srt, centre(5.5, 6.5, sliceItem(s, 2)), shape("HAS PROPERTIES", term{"111041", "DCM", "Outline"}, "POLYLINE", outline, sliceItem(s, 2))),
				single("INFERRED FROM", srt, centre(7.5, 6.5, sliceItem(s, 3)), numberItem(term{"M-02550", "SRT", "Diameter"}, 6.5, "mm")),
			),
			single("INFERRED FROM", srt, centre(1.5, 2.5, byReference(1, 1, 1))),
			single("INFERRED FROM", term{"x", "y", "Vessel"}, centre(1.5, 2.5, sliceItem(s, 3))),
			single("INFERRED FROM", srt, centre(1.5, 2.5, byReference(1, 9, 1))),
			codeItem("INFERRED FROM", named(conceptSingle), srt, intent(named(conceptHidden)), centre(1.5, 2.5, sliceItem(s, 3))),
		))
	f := read(t, writeSR(t, classChestCAD, s, root))
	list := f.Marks
	if len(list) != 2 || list[0].ID != "Kandidat 1" || list[0].DiameterMM != 6.5 || list[0].Confidence != 0.6 || list[1].ID != "2" || list[1].SeriesUID != s.SeriesUID {
		t.Fatalf("%+v", list)
	}
	wantAt(t, s, list[0], s.Geometry.ToLPS([3]float64{2.5, 6, 6}))
	wantAt(t, s, list[1], s.Geometry.ToLPS([3]float64{4, 2, 1}))
	want := []Skipped{{"a finding that is no nodule", 1}, {"a finding that is not for presentation", 1}, {"a nodule without a place", 1}}
	if d := cmp.Diff(want, f.Skipped); d != "" {
		t.Error(d)
	}
}

// TestReportsWithoutCandidates: what holds none is refused, and says why.
func TestReportsWithoutCandidates(t *testing.T) {
	s := testSeries(t)
	image, err := os.ReadFile(s.Slices[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	empty := writeSR(t, classComprehensive, s, content("", "CONTAINER", group))
	for name, c := range map[string]struct {
		b    []byte
		want Code
		kind bool
	}{
		"image": {image, sr.CodeNotReport, false},
		"empty": {empty, CodeNoCandidates, true},
		"cut":   {empty[:len(empty)-10], dicomio.CodeTruncated, true},
	} {
		if _, err := ReadCandidates(bytes.NewReader(c.b)); CodeOf(err) != c.want || errors.Is(err, ErrNotCandidates) == c.kind {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
}

// TestStrangeIDs: a mark whose name no candidate may have is renamed, and one
// that is out of range is left out.
func TestStrangeIDs(t *testing.T) {
	s := testSeries(t)
	mark := func(id string, x float32) codec.Dataset {
		return content("CONTAINS", "CONTAINER", group, textItem(tracking, id), shape3D("POINT", s.FrameOfReferenceUID, x, 0, -90))
	}
	f := read(t, writeSR(t, class3D, s, content("", "CONTAINER", term{}, mark("a\u00a0\u200bb", 1), mark("", 2), mark("far", 9000))))
	cs, skipped, err := f.In(s)
	if err != nil || len(cs) != 2 || cs[0].ID != "a b" || cs[1].ID != "2" || len(skipped) != 1 {
		t.Errorf("%v, %v, %v", cs, skipped, err)
	}
}

// TestExampleReports reads reports that another program wrote.
func TestExampleReports(t *testing.T) {
	for name, want := range map[string]Mark{
		"comprehensive3d_scoord3d_point.dcm": {ID: "Nodule 1", Confidence: 0.873, Points: []dicomio.Vec{{10, -20, -150}}},
		"comprehensive_scoord_point.dcm":     {ID: "Nodule 1", Confidence: 0.873, Images: []dicomio.ImagePoint{{Column: 256, Row: 256}}},
	} {
		f, err := OpenCandidates(t.Context(), checktest.Data(t, "sr_example", name))
		if err != nil || len(f.Marks) != 1 {
			t.Errorf("%s: %v, %+v", name, err, f)
			continue
		}
		uids := cmpopts.IgnoreFields(Mark{}, "TrackingUID", "FrameOfReferenceUID", "SeriesUID")
		if d := cmp.Diff(want, f.Marks[0], uids, cmpopts.IgnoreFields(dicomio.ImagePoint{}, "SOPClassUID", "SOPInstanceUID")); d != "" || f.Marks[0].TrackingUID == "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestEveryCutAndByteOfAReport: every prefix of a report, and every byte of it
// set to other values.
func TestEveryCutAndByteOfAReport(t *testing.T) {
	whole := smallReport(t)
	if f := read(t, whole); len(f.Marks) != 1 {
		t.Fatalf("%+v", f)
	}
	for n := range whole {
		if _, err := ReadCandidates(bytes.NewReader(whole[:n])); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a report", n, len(whole))
		}
	}
	for i := 128; i < len(whole); i++ {
		for _, v := range []byte{0, 1, 0x7F, 0xFF, whole[i] ^ 0x20} {
			b := bytes.Clone(whole)
			b[i] = v
			checkCandidates(t, b, lidcSeries())
		}
	}
}

// smallReport is a short report with something of everything.
func smallReport(t testing.TB) []byte {
	s := testSeries(t)
	s.Slices = s.Slices[:2]
	return writeSR(t, classComprehensive, s, content("", "CONTAINER", term{},
		content("CONTAINS", "CONTAINER", group, textItem(tracking, "a"), codeItem("CONTAINS", finding, noduleSCT),
			shape("CONTAINS", region, "POLYLINE", []float32{1, 1, 5, 1, 5, 5, 1, 1}, sliceItem(s, 0)), numberItem(diameter, 5, "mm"))))
}

// TestReportOfRealCT: the nodules of two chest CT come back from a report at
// their places.
func TestReportOfRealCT(t *testing.T) {
	for patient, nodules := range known() {
		s := openCT(t, patient)
		r := sr.Report{Identity: patient, Time: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)}
		var err error
		if r.Header, err = sr.HeaderOf(context.Background(), s); err != nil {
			t.Fatal(err)
		}
		for i, p := range nodules {
			at, _ := s.OnImage(p)
			r.Nodules = append(r.Nodules, sr.Nodule{ID: string(rune('a' + i)), PositionLPS: p, Image: at})
		}
		name := filepath.Join(t.TempDir(), "report.dcm")
		var b bytes.Buffer
		if err := errors.Join(r.Encode(&b), os.WriteFile(name, b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
		cs, err := openIn(name, s)
		if err != nil || len(cs) != len(nodules) {
			t.Fatal(cs, err)
		}
		for i, c := range cs {
			at := c.PositionLPS
			if math.Hypot(at[0]-nodules[i][0], at[1]-nodules[i][1]) > 0.01 || math.Abs(at[2]-nodules[i][2]) > 1.25 {
				t.Errorf("nodule %d is read at %v, want %v", i, at, nodules[i])
			}
		}
	}
}
