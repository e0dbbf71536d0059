package derived

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/dicomio/sr"
)

// TestOutlineOnSlices counts by hand: a box of 3 x 2 x 4 voxels of 2 mm, whose
// border lies half a voxel beyond its outermost centres.
func TestOutlineOnSlices(t *testing.T) {
	s, o := openSpec(t, dicomtest.Spec{Slices: 20, Rows: 20, Cols: 24, Spacing: [3]float64{1, 1, 1}})
	box := Outline{ID: "box", OriginLPS: dicomio.Vec{4.5, 6.5, 8.5}, SpacingMM: [3]float64{2, 2, 2}, Size: [3]int{3, 2, 4}, Mask: slices.Repeat([]bool{true}, 24)}
	frames := box.onSlices(s)
	// Centres at x 4.5 to 10.5, y 6.5 to 8.5, z 8.5 to 12.5 mm: columns 4 to 11, rows
	// 6 to 9 and slices 8 to 13, but for the corners of the first and last slice.
	first, count := frames[0].slice, len(frames)
	if first != 8 || count != 6 {
		t.Errorf("%d slices from %d", count, first)
	}
	middle := frames[2].pixels // at z 10 mm a corner weighs 0.75 times 0.75, and lies inside
	var want []int
	for y := 6; y <= 9; y++ {
		for x := 4; x <= 11; x++ {
			want = append(want, y*24+x)
		}
	}
	if !slices.Equal(middle, want) {
		t.Errorf("slice 10 holds %v, want %v", middle, want)
	}
	if corner := frames[0].pixels[0]; corner == 6*24+4 {
		t.Error("a corner of the box weighs 0.75 three times, which is less than a half")
	}
	// The order of outlines is that of segments, and a shared pixel is told.
	a, err := NewSegmentation(o, s, outliner, []Outline{box})
	if err != nil || a.overlap() != "NO" {
		t.Error(err, a.overlap())
	}
	other := box
	other.ID = "other"
	if a, err = NewSegmentation(o, s, outliner, []Outline{box, other}); err != nil || a.overlap() != "YES" || a.frameCount() != 12 {
		t.Error(err, a.overlap(), a.frameCount())
	}
}

func TestOutlineInterpolates(t *testing.T) {
	o := Outline{SpacingMM: [3]float64{2, 4, 1}, Size: [3]int{1, 2, 2}, Mask: []bool{true, false, false, true}}
	for _, c := range []struct {
		p    dicomio.Vec
		want float64
	}{
		{dicomio.Vec{0, 0, 0}, 1}, {dicomio.Vec{1, 0, 0}, 0}, {dicomio.Vec{1, 4, 0}, 1},
		{dicomio.Vec{0.5, 2, 0}, 0.5}, {dicomio.Vec{0.25, 0, 0}, 0.75}, {dicomio.Vec{0, 0, 1}, 0.5}, {dicomio.Vec{0, 0, -1.5}, 0.25},
		{dicomio.Vec{0, 0, 2}, 0}, {dicomio.Vec{-1, 0, 0}, 0}, {dicomio.Vec{math.NaN(), 0, 0}, 0}, {dicomio.Vec{1e300, 0, 0}, 0},
	} {
		if got := o.at(c.p); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v at %v, want %v", got, c.p, c.want)
		}
	}
}

// TestPixelsArePacked: frames follow each other without a gap, also where they
// do not fill bytes.
func TestPixelsArePacked(t *testing.T) {
	s := &dicomio.Series{Geometry: dicomio.Geometry{Rows: 3, Cols: 3}}
	m := Segmentation{series: s, segments: []segment{
		{"a", "", []segmentFrame{{0, []int{0, 8}}, {1, []int{1}}}},
		{"b", "", []segmentFrame{{1, []int{8}}}},
	}}
	if got, want := m.pixels(), []byte{1, 1 | 1<<2, 0, 1 << 2}; !bytes.Equal(got, want) {
		t.Errorf("%08b, want %08b", got, want)
	}
}

func TestSegmentationIsAFunctionOfItsOutlines(t *testing.T) {
	s, o := openSpec(t, dicomtest.Spec{Slices: 20, Rows: 30, Cols: 30, Spacing: [3]float64{1, 1, 1}})
	n := ball("n1", dicomio.Vec{14, 15, 9}, 5)
	m, a := segmentation(t, o, s, n)
	_, b := segmentation(t, o, s, n)
	if !bytes.Equal(a, b) {
		t.Error("two segmentations of the same outlines differ")
	}
	second := *m
	second.Number = 2
	if m.SOPInstanceUID() == second.SOPInstanceUID() || m.SeriesInstanceUID() != second.SeriesInstanceUID() {
		t.Error("two objects share a UID, or lie in two series")
	}
	if got, want := m.SOPInstanceUID(), sr.UID(o.Identity, "segmentation 1"); got != want {
		t.Errorf("UID %s, want %s: objects that are stored would get a twin", got, want)
	}
}

func TestSegmentationsAreRefused(t *testing.T) {
	s, o := openSpec(t, dicomtest.Spec{Slices: 20, Rows: 30, Cols: 30, Spacing: [3]float64{1, 1, 1}})
	for name, edit := range map[string]func(o *Object, s *dicomio.Series, by *sr.Algorithm, list *[]Outline){
		"identity":     func(o *Object, _ *dicomio.Series, _ *sr.Algorithm, _ *[]Outline) { o.Identity = "" },
		"study":        func(o *Object, _ *dicomio.Series, _ *sr.Algorithm, _ *[]Outline) { o.Header.StudyUID = "" },
		"other series": func(o *Object, _ *dicomio.Series, _ *sr.Algorithm, _ *[]Outline) { o.Header.SeriesUID += ".1" },
		"other frame": func(o *Object, _ *dicomio.Series, _ *sr.Algorithm, _ *[]Outline) {
			o.Header.FrameOfReferenceUID += ".1"
		},
		"no frame": func(o *Object, s *dicomio.Series, _ *sr.Algorithm, _ *[]Outline) {
			o.Header.FrameOfReferenceUID, s.FrameOfReferenceUID = "", ""
		},
		"no slices": func(_ *Object, s *dicomio.Series, _ *sr.Algorithm, _ *[]Outline) { s.Slices = nil },
		"slice":     func(_ *Object, s *dicomio.Series, _ *sr.Algorithm, _ *[]Outline) { s.Slices[3].SOPInstanceUID = "" },
		"version":   func(_ *Object, _ *dicomio.Series, by *sr.Algorithm, _ *[]Outline) { by.Version = "" },
		"too many":  func(_ *Object, _ *dicomio.Series, _ *sr.Algorithm, l *[]Outline) { *l = make([]Outline, maxOutlines+1) },
		"id":        func(_ *Object, _ *dicomio.Series, _ *sr.Algorithm, l *[]Outline) { (*l)[0].ID = " " },
		"ids":       func(_ *Object, _ *dicomio.Series, _ *sr.Algorithm, l *[]Outline) { *l = append(*l, (*l)[0]) },
		"mask":      func(_ *Object, _ *dicomio.Series, _ *sr.Algorithm, l *[]Outline) { (*l)[0].Mask = (*l)[0].Mask[1:] },
		"size":      func(_ *Object, _ *dicomio.Series, _ *sr.Algorithm, l *[]Outline) { (*l)[0].Size[1] = math.MaxInt },
		"no size":   func(_ *Object, _ *dicomio.Series, _ *sr.Algorithm, l *[]Outline) { (*l)[0].Size[2] = 0 },
		"spacing":   func(_ *Object, _ *dicomio.Series, _ *sr.Algorithm, l *[]Outline) { (*l)[0].SpacingMM[0] = 0 },
		"origin":    func(_ *Object, _ *dicomio.Series, _ *sr.Algorithm, l *[]Outline) { (*l)[0].OriginLPS[2] = math.NaN() },
	} {
		object, series, by, list := o, *s, outliner, []Outline{ball("n1", dicomio.Vec{14, 15, 9}, 5)}
		series.Slices = slices.Clone(s.Slices)
		edit(&object, &series, &by, &list)
		if m, err := NewSegmentation(object, &series, by, list); dicomio.CodeOf(err) != sr.CodeReportInvalid || m != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewSegmentation(o, nil, outliner, nil); dicomio.CodeOf(err) != sr.CodeReportInvalid {
		t.Error(err)
	}
	empty, err := NewSegmentation(o, s, outliner, []Outline{{ID: "a", SpacingMM: [3]float64{1, 1, 1}, Size: [3]int{1, 1, 1}, Mask: []bool{false}}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := empty.Encode(&b); dicomio.CodeOf(err) != sr.CodeReportInvalid || b.Len() > 0 {
		t.Errorf("without a segment: %v, %d bytes", err, b.Len())
	}
}
