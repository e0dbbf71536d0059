package sr

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/dicomio"
)

// writeSR makes a report of any kind of a content tree.
func writeSR(t testing.TB, class string, s *dicomio.Series, root dataset) []byte {
	t.Helper()
	var refs []dataset
	for _, slice := range s.Slices {
		refs = append(refs, reference(slice.SOPClassUID, slice.SOPInstanceUID))
	}
	d := append(dataset(nil), root...)
	d.text(0x00080005, "CS", "ISO_IR 192")
	d.text(0x00080016, "UI", class)
	d.sequence(0x0040A375, hierarchy(s.StudyUID, s.SeriesUID, refs))
	var b bytes.Buffer
	if err := d.write(&b, "test", class, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shape is an SCOORD of any kind on a slice.
func shape(relation string, name code, kind string, points []float32, image dataset) dataset {
	d := item(relation, "SCOORD", name)
	d.floats(0x00700022, "FL", points)
	d.text(0x00700023, "CS", kind)
	d.children([]dataset{image})
	return d
}

func shape3D(kind, frame string, points ...float32) dataset {
	d := item(contains, "SCOORD3D", codeRegion)
	d.floats(0x00700022, "FL", points)
	d.text(0x00700023, "CS", kind)
	d.text(0x30060024, "UI", frame)
	return d
}

func sliceItem(s *dicomio.Series, z int) dataset {
	return imageItem(selectedFrom, dicomio.ImagePoint{SOPClassUID: s.Slices[z].SOPClassUID, SOPInstanceUID: s.Slices[z].SOPInstanceUID})
}

func must(list []Candidate, err error) func(testing.TB) []Candidate {
	return func(t testing.TB) []Candidate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
}

func wantAt(t *testing.T, s *dicomio.Series, c Candidate, want dicomio.Vec) {
	t.Helper()
	got, err := c.Place(s)
	for i := range got {
		if err != nil || math.Abs(got[i]-want[i]) > 1e-3 {
			t.Errorf("%s is at %v (%v), want %v", c.ID, got, err, want)
			return
		}
	}
}

// TestOwnReport: what is written is read, with the same ids, at the foot of
// each nodule on its slice.
func TestOwnReport(t *testing.T) {
	s := testSeries(t)
	r := testReport(t, s)
	list := must(Candidates(bytes.NewReader(encode(t, reviewed(r, 1)))))(t)
	if len(list) != 2 {
		t.Fatalf("%d candidates, want 2", len(list))
	}
	for i, c := range list {
		n := r.Nodules[i]
		if c.ID != n.ID || c.TrackingUID != r.TrackingUID(n.ID) || c.SeriesUID != s.SeriesUID {
			t.Errorf("candidate %d: %+v", i, c)
		}
		foot, _ := s.InPatient(n.Image)
		wantAt(t, s, c, foot)
	}
	if list[0].DiameterMM != 7.5 || list[1].DiameterMM != 0 {
		t.Errorf("diameters %g, %g", list[0].DiameterMM, list[1].DiameterMM)
	}
}

// TestMeasurementReport: groups as other programs write them.
func TestMeasurementReport(t *testing.T) {
	s := testSeries(t)
	group := func(children ...dataset) dataset { return container(contains, codeGroup, "", children...) }
	id := func(text string) dataset { return textItem(hasContext, codeTrackingID, text) }
	finding := func(c code) dataset { return codeItem(contains, codeFinding, c) }
	num := func(name code, v float64, unit string, children ...dataset) dataset {
		return numberItem(name, v, code{unit, "UCUM", unit}, children...)
	}
	square := []float32{10, 10, 14, 10, 14, 14, 10, 14, 10, 10}
	root := container("", codeReport, "1500", container(contains, codeMeasurements, "",
		group(id("point"), shape3D("POINT", s.FrameOfReferenceUID, 1, 2, -90), num(codeDiameter, 0.8, "cm")),
		group(id("point"), finding(code{"M-03010", "SRT", "Nodule"}), shape(contains, codeRegion, "POLYLINE", square, sliceItem(s, 2)),
			num(longAxes[0], 9, "mm"), num(shortAxes[1], 5, "mm"), num(code{"a", "b", "c"}, 77, "mm")),
		group(shape(contains, codeRegion, "CIRCLE", []float32{8.5, 9.5, 12, 9}, sliceItem(s, 3)),
			num(lengths[1], 6, "mm", shape("INFERRED FROM", code{}, "POLYLINE", []float32{8.5, 9.5, 8.5, 9.5}, sliceItem(s, 3)))),
		group(id("outlines"), finding(code{"x", "99LOCAL", "Pulmonary nodule, solid"}), codeItem(hasModifier, codeSite, code{"45653009", "SCT", "Upper lobe of lung"}),
			shape(contains, codeRegion, "POLYLINE", square, sliceItem(s, 5)), shape(contains, codeRegion, "POLYLINE", square, sliceItem(s, 7)),
			num(codeCertainty, 87.5, "%")),
		group(id("ellipse"), shape3D("ELLIPSE", s.FrameOfReferenceUID, 0, 0, -90, 4, 0, -90, 2, -1, -90, 2, 1, -90)),
		// What is no candidate:
		group(id("vessel"), finding(code{"x", "y", "Blood vessel"}), shape3D("POINT", s.FrameOfReferenceUID, 0, 0, 0)),
		group(id("liver"), codeItem(hasModifier, codeSite, code{"10200004", "SCT", "Liver"}), shape3D("POINT", s.FrameOfReferenceUID, 0, 0, 0)),
		group(id("nowhere"), finding(codeNodule)),
		group(id("no frame"), shape3D("POINT", "", 0, 0, 0)),
		group(id("no shape"), shape3D("SPHERE", s.FrameOfReferenceUID, 0, 0, 0)),
		group(id("odd"), shape3D("POINT", s.FrameOfReferenceUID, 0, 0)),
		group(id("infinite"), shape3D("POINT", s.FrameOfReferenceUID, 0, 0, float32(math.Inf(1)))),
	))
	for _, class := range []string{classEnhanced, classComprehensive, ClassComprehensive3D, classExtensible} {
		list := must(Candidates(bytes.NewReader(writeSR(t, class, s, root))))(t)
		if len(list) != 5 {
			t.Fatalf("%d candidates, want 5: %+v", len(list), list)
		}
		var ids []string
		var size, sure []float64
		for _, c := range list {
			ids, size, sure = append(ids, c.ID), append(size, c.DiameterMM), append(sure, c.Confidence)
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
		wantAt(t, s, list[0], dicomio.Vec{1, 2, -90})
		wantAt(t, s, list[1], g.ToLPS([3]float64{2, 11.5, 11.5}))
		wantAt(t, s, list[2], g.ToLPS([3]float64{3, 9, 8}))
		wantAt(t, s, list[3], g.ToLPS([3]float64{6, 11.5, 11.5}))
		wantAt(t, s, list[4], dicomio.Vec{2, 0, -90})
	}
	other := *s
	other.FrameOfReferenceUID, other.Slices = "1.2.3", nil
	for _, c := range must(Candidates(bytes.NewReader(writeSR(t, classComprehensive, s, root))))(t) {
		if _, err := c.Place(&other); dicomio.CodeOf(err) != CodeNotPlaced {
			t.Errorf("%s in another series: %v", c.ID, err)
		}
	}
}

// TestChestCAD: a CAD report with a nodule over two slices, one on a single
// slice whose image is in the library, one that is hidden, and no nodule.
func TestChestCAD(t *testing.T) {
	s := testSeries(t)
	const properties = "HAS PROPERTIES"
	byReference := func(path ...int) dataset {
		var d dataset
		d.text(0x0040A010, "CS", selectedFrom)
		d.long(0x0040DB73, path...)
		return d
	}
	nodule := code{"M-03010", "SRT", "Nodule"}
	intent := func(c code) dataset { return codeItem("HAS CONCEPT MOD", codeRendering, c) }
	shown := intent(code{"111150", "DCM", "Presentation Required"})
	single := func(relation string, kind code, children ...dataset) dataset {
		return codeItem(relation, codeSingle, kind, append([]dataset{shown}, children...)...)
	}
	outline := []float32{0, 0, 40, 0, 40, 20, 0, 20, 0, 0}
	root := container("", code{"112000", "DCM", "Chest CAD Report"}, "4100",
		container(contains, codeLibrary, "", imageItem(contains, dicomio.ImagePoint{SOPClassUID: s.Slices[4].SOPClassUID, SOPInstanceUID: s.Slices[4].SOPInstanceUID})),
		codeItem(contains, code{"111017", "DCM", "CAD Processing and Findings Summary"}, code{"111241", "DCM", "All algorithms succeeded; with findings"},
			codeItem("INFERRED FROM", codeComposite, nodule, shown, textItem(hasContext, codeTrackingID, "Kandidat 1"),
				numberItem(codeFeatureCert, 60, codePercent),
				single("INFERRED FROM", nodule, shape(properties, codeCentre, "POINT", []float32{5.5, 6.5}, sliceItem(s, 2)), shape(properties, code{"111041", "DCM", "Outline"}, "POLYLINE", outline, sliceItem(s, 2))),
				single("INFERRED FROM", nodule, shape(properties, codeCentre, "POINT", []float32{7.5, 6.5}, sliceItem(s, 3)), numberItem(code{"M-02550", "SRT", "Diameter"}, 6.5, codeMM)),
			),
			single("INFERRED FROM", nodule, shape(properties, codeCentre, "POINT", []float32{1.5, 2.5}, byReference(1, 1, 1))),
			single("INFERRED FROM", code{"x", "y", "Vessel"}, shape(properties, codeCentre, "POINT", []float32{1.5, 2.5}, sliceItem(s, 3))),
			single("INFERRED FROM", nodule, shape(properties, codeCentre, "POINT", []float32{1.5, 2.5}, byReference(1, 9, 1))),
			codeItem("INFERRED FROM", codeSingle, nodule, intent(codeHidden), shape(properties, codeCentre, "POINT", []float32{1.5, 2.5}, sliceItem(s, 3))),
		))
	list := must(Candidates(bytes.NewReader(writeSR(t, classChestCAD, s, root))))(t)
	if len(list) != 2 || list[0].ID != "Kandidat 1" || list[0].DiameterMM != 6.5 || list[0].Confidence != 0.6 || list[1].ID != "2" || list[1].SeriesUID != s.SeriesUID {
		t.Fatalf("%+v", list)
	}
	wantAt(t, s, list[0], s.Geometry.ToLPS([3]float64{2.5, 6, 6}))
	wantAt(t, s, list[1], s.Geometry.ToLPS([3]float64{4, 2, 1}))
}

// TestNotCandidates: what holds none is refused, and says why.
func TestNotCandidates(t *testing.T) {
	s := testSeries(t)
	image, err := os.ReadFile(s.Slices[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	empty := writeSR(t, classComprehensive, s, container("", codeReport, "1500"))
	whole := encode(t, testReport(t, s))
	for name, c := range map[string]struct {
		b    []byte
		want dicomio.Code
	}{
		"image":    {image, CodeNotReport},
		"empty":    {empty, CodeNoCandidates},
		"cut":      {whole[:len(whole)-10], dicomio.CodeTruncated},
		"nothing":  {nil, dicomio.CodeUnreadable},
		"text":     {bytes.Repeat([]byte("text"), 1000), dicomio.CodeUnreadable},
		"too long": {append(bytes.Clone(whole), make([]byte, maxReportBytes)...), dicomio.CodeLimit},
	} {
		if _, err := Candidates(bytes.NewReader(c.b)); dicomio.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
}

// TestExampleReports reads reports that another program wrote.
func TestExampleReports(t *testing.T) {
	data := os.Getenv("NODULESCOPE_DATA")
	if data == "" {
		t.Skip("NODULESCOPE_DATA is not set: no reports of others")
	}
	for name, want := range map[string]Candidate{
		"comprehensive3d_scoord3d_point.dcm": {ID: "Nodule 1", Confidence: 0.873, Points: []dicomio.Vec{{10, -20, -150}}},
		"comprehensive_scoord_point.dcm":     {ID: "Nodule 1", Confidence: 0.873, Images: []dicomio.ImagePoint{{Column: 256, Row: 256}}},
	} {
		f, err := os.Open(filepath.Join(data, "sr_example", name))
		if err != nil {
			t.Fatal(err)
		}
		list, err := Candidates(f)
		f.Close()
		if err != nil || len(list) != 1 {
			t.Errorf("%s: %v, %d candidates", name, err, len(list))
			continue
		}
		uids := cmpopts.IgnoreFields(Candidate{}, "TrackingUID", "FrameOfReferenceUID", "SeriesUID")
		if d := cmp.Diff(want, list[0], uids, cmpopts.IgnoreFields(dicomio.ImagePoint{}, "SOPClassUID", "SOPInstanceUID")); d != "" || list[0].TrackingUID == "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestRealReport takes two chest CT: a point for each nodule of LUNA16 is found
// by an independent reader on the right image, and by this package.
func TestRealReport(t *testing.T) {
	data := os.Getenv("NODULESCOPE_DATA")
	if data == "" {
		t.Skip("NODULESCOPE_DATA is not set: no real CT")
	}
	for patient, nodules := range map[string][]dicomio.Vec{
		"LIDC-IDRI-0001": {{56.2, 86.3, -115.9}},
		"LIDC-IDRI-0003": {{72.3, 76.9, -190.5}, {23.5, -47.6, -172.3}, {-47.4, -30.2, -169.6}},
	} {
		t.Run(patient, func(t *testing.T) {
			s, err := dicomio.OpenSeries(context.Background(), filepath.Join(data, "ct", patient), "", dicomio.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := Report{Identity: patient, Time: testReport(t, testSeries(t)).Time}
			if r.Header, err = HeaderOf(context.Background(), s); err != nil || r.Header.PatientID != patient {
				t.Fatal("the header is not that of the patient", err)
			}
			for i, p := range nodules {
				at, ok := s.OnImage(p)
				if !ok {
					t.Fatalf("nodule %d is on no image", i)
				}
				r.Nodules = append(r.Nodules, Nodule{ID: string(rune('a' + i)), PositionLPS: p, Image: at})
			}
			b := encode(t, r)
			for i, c := range must(Candidates(bytes.NewReader(b)))(t) {
				if at, err := c.Place(s); err != nil || math.Hypot(at[0]-nodules[i][0], at[1]-nodules[i][1]) > 0.01 || math.Abs(at[2]-nodules[i][2]) > 1.25 {
					t.Errorf("nodule %d is read at %v (%v), want %v", i, at, err, nodules[i])
				}
			}
			validate(t, writeFile(t, b), false)
			nodulesWithin(t, readByPydicom(t, s, b), r.Nodules)
		})
	}
}

// TestOwnReportsAreKnown: what scores candidates is no report that brings them.
func TestOwnReportsAreKnown(t *testing.T) {
	own := encode(t, testReport(t, testSeries(t)))
	if !IsOwn(own) {
		t.Error("a report of this package is not known")
	}
	if IsOwn(bytes.ReplaceAll(own, []byte("99NDSCOPE"), []byte("99OTHERS "))) {
		t.Error("a report of others is taken for one of this package")
	}
}
