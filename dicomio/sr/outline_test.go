package sr

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/internal/seriestest"
)

// testOutline is an outline with every kind of measurement.
func testOutline() *Outline {
	mm := Code{"mm", "UCUM", "millimeter"}
	hu := Code{"[hnsf'U]", "UCUM", "Hounsfield unit"}
	attenuation := Code{"112031", "DCM", "Attenuation Coefficient"}
	return &Outline{
		Segment:   Segment{SOPInstanceUID: "1.2.3.4", SeriesInstanceUID: "1.2.3", Number: 2},
		Algorithm: Algorithm{Name: "outliner", Version: "1.0", Parameters: []string{"threshold 0.5"}},
		Measurements: []Measurement{
			{Name: Code{"118565006", "SCT", "Volume"}, Value: 214, Unit: Code{"mm3", "UCUM", "cubic millimeter"}, PlusMinus: 40},
			{Name: Code{"103339001", "SCT", "Long Axis"}, Value: 8.1, Unit: mm},
			{Name: Code{"103340004", "SCT", "Short Axis"}, Value: 6.4, Unit: mm},
			{Name: attenuation, Value: -118.5, Unit: hu, Derivation: Code{"373098007", "SCT", "Mean"}},
			{Name: attenuation, Value: 92, Unit: hu, Derivation: Code{"386136009", "SCT", "Standard Deviation"}},
		},
	}
}

// outlined is a report whose first nodule has an outline, and is otherwise bare
// where bare is true.
func outlined(r Report, bare bool) Report {
	r.Nodules = append([]Nodule(nil), r.Nodules...)
	r.Nodules[0].Outline, r.Outlines = testOutline(), true
	if bare {
		r.Nodules[0].Scores, r.Nodules[0].DiameterMM = nil, 0
	}
	return r
}

// TestOutlineIsValid: with scores and without, verified or not. PixelMed judges that
// of one nodule, the only kind of which it checks both groups.
func TestOutlineIsValid(t *testing.T) {
	r := testReport(t, seriestest.Named(t))
	single := r
	single.Nodules = r.Nodules[:1]
	for name, r := range map[string]Report{"first": outlined(r, false), "single": outlined(single, false), "bare": outlined(r, true), "verified": outlined(reviewed(r, 1), false)} {
		t.Run(name, func(t *testing.T) { validate(t, writeFile(t, encode(t, r)), name == "single") })
	}
}

// TestOutlineAsPydicomReadsIt: a nodule with an outline has its point, and in a
// group of its own its segment and what was measured of that.
func TestOutlineAsPydicomReadsIt(t *testing.T) {
	s := seriestest.Named(t)
	for _, bare := range []bool{false, true} {
		r := outlined(testReport(t, s), bare)
		out := readByPydicom(t, s, encode(t, r))
		for _, want := range []string{
			"template n1 1410\n", "template n1 1411\n", "template Knoten 2 – λ 1410",
			"nodule n1 " + r.TrackingUID("n1"),
			"segment n1 1.2.840.10008.5.1.4.1.1.66.4 1.2.3.4 2",
			"source n1 " + s.SeriesUID,
			"value n1 118565006 214 mm3 outliner 1.0 Nodulescope", "error n1 118565006 371884006 40 mm3",
			"value n1 103339001 8.1 mm outliner", "value n1 103340004 6.4 mm outliner",
			"value n1 112031 -118.5 [hnsf'U] outliner", "derivation n1 112031 121401 373098007",
			"value n1 112031 92 [hnsf'U] outliner", "derivation n1 112031 121401 386136009",
			"segmentation in 1.2.3\n", "evidence complete", ", volume 214 mm3, long axis 8.1 mm, short axis 6.4 mm; not for diagnosis\n",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("bare %v: pydicom does not find %q in\n%s", bare, want, out)
			}
		}
		if n := strings.Count(out, "nodule n1 "+r.TrackingUID("n1")); n != 2 {
			t.Errorf("bare %v: the nodule has %d groups", bare, n)
		}
		nodulesWithin(t, out, r.Nodules[:2])
	}
}

// TestOutlinesOfOthers: what a nodule without an outline says does not depend on
// those of others.
func TestOutlinesOfOthers(t *testing.T) {
	r := testReport(t, seriestest.Named(t))
	group := func(r Report) []byte {
		d, err := Read(bytes.NewReader(encode(t, r)))
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		d.Root.Walk(func(n *Item) bool {
			if n.Name.Same(ConceptMeasurementGroup) && n.Child(ConceptTrackingIdentifier).Text == r.Nodules[1].ID {
				n.Walk(func(n *Item) bool {
					texts = append(texts, n.Type+n.Relation+n.Name.Value+n.Text+n.UID+n.Value.Value+n.Image.SOPInstanceUID)
					return true
				})
			}
			return true
		})
		return []byte(strings.Join(texts, "\n"))
	}
	if a, b := group(r), group(outlined(r, false)); len(a) == 0 || !bytes.Equal(a, b) {
		t.Errorf("%s\n\nis now\n\n%s", a, b)
	}
}
