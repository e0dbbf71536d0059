package sr

import (
	"bytes"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/internal/seriestest"
)

// withDistances is a verified report whose first nodule has a distance within a
// slice and one across slices.
func withDistances(t *testing.T, s *dicomio.Series) Report {
	t.Helper()
	r := reviewed(testReport(t, s), 1)
	way := func(from, to [3]float64) Distance {
		d := Distance{FromLPS: s.Geometry.ToLPS(from), ToLPS: s.Geometry.ToLPS(to)}
		d.LengthMM = d.FromLPS.Sub(d.ToLPS).Norm()
		return d
	}
	flat, across := way([3]float64{3, 18, 8}, [3]float64{3, 22, 12}), way([3]float64{2, 20, 10}, [3]float64{5, 20, 10})
	flat.From, _ = s.OnImage(flat.FromLPS)
	flat.To, _ = s.OnImage(flat.ToLPS)
	r.Nodules[0].Distances = []Distance{flat, across}
	return r
}

// TestDistancesAreValid: the validators take them, with an outline and without.
func TestDistancesAreValid(t *testing.T) {
	r := withDistances(t, seriestest.Named(t))
	validate(t, writeFile(t, encode(t, r)), true)
	t.Run("outlined", func(t *testing.T) { validate(t, writeFile(t, encode(t, outlined(r, false))), true) })
}

// TestDistancesAreRead: each is a length in the group of its nodule, with its line
// on the image or in space; the place of the nodule stays.
func TestDistancesAreRead(t *testing.T) {
	s := seriestest.Named(t)
	r := withDistances(t, s)
	d, err := Read(bytes.NewReader(encode(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	var lines []*Item
	var lengths []float64
	d.Root.Walk(func(n *Item) bool {
		if n.Name.Same(codeLength) && n.Type == "NUM" {
			lengths = append(lengths, *n.Number)
			lines = append(lines, n.Children...)
		}
		return true
	})
	want := []float64{round(r.Nodules[0].Distances[0].LengthMM, 0.1), round(r.Nodules[0].Distances[1].LengthMM, 0.1)}
	if !slices.Equal(lengths, want) || len(lines) != 2 {
		t.Fatalf("lengths %v, want %v", lengths, want)
	}
	if l := lines[0]; l.Type != "SCOORD" || l.Graphic != "POLYLINE" || len(l.Points) != 4 || len(l.Children) != 1 || l.Children[0].Image.SOPInstanceUID != r.Nodules[0].Distances[0].From.SOPInstanceUID {
		t.Errorf("%+v", l)
	}
	if l := lines[1]; l.Type != "SCOORD3D" || len(l.Points) != 6 || l.FrameOfReferenceUID != s.FrameOfReferenceUID {
		t.Errorf("%+v", l)
	}
	for _, bad := range []Distance{{}, {LengthMM: -1, ToLPS: dicomio.Vec{1, 0, 0}}} {
		r.Nodules[0].Distances = []Distance{bad}
		if err := r.Encode(&bytes.Buffer{}); dicomio.CodeOf(err) != CodeReportInvalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
