package dicomio_test

import (
	"context"
	"math"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

func openSpec(t *testing.T, spec dicomtest.Spec) *dicomio.Series {
	t.Helper()
	return must(dicomio.OpenSeries(context.Background(), write(t, "", spec), "", dicomio.Options{}))(t)
}

// TestOnImage: a voxel's centre lies half a pixel from the corner, on its own
// slice, and comes back, straight and tilted.
func TestOnImage(t *testing.T) {
	for name, spec := range map[string]dicomtest.Spec{
		"axial":  {Slices: 6, Rows: 20, Cols: 30, Origin: [3]float64{-7, 11, -40}},
		"tilted": {Slices: 6, Rows: 20, Cols: 30, TiltDeg: 18},
		"jitter": {Slices: 6, Rows: 20, Cols: 30, Jitter: map[int]float64{3: 0.9}},
	} {
		s := openSpec(t, spec)
		for z := range s.Slices {
			want := s.Geometry.ToLPS([3]float64{float64(z), 12, 7})
			at, ok := s.OnImage(want)
			if !ok || at.SOPInstanceUID != s.Slices[z].SOPInstanceUID || at.SOPClassUID != s.Slices[z].SOPClassUID {
				t.Fatalf("%s: slice %d is not found: %v", name, z, ok)
			}
			if math.Abs(at.Column-7.5) > 1e-3 || math.Abs(at.Row-12.5) > 1e-3 {
				t.Errorf("%s: voxel (12, 7) is at column %g, row %g", name, at.Column, at.Row)
			}
			got, ok := s.InPatient(at)
			for i := range got {
				if !ok || math.Abs(got[i]-want[i]) > 1e-3 {
					t.Errorf("%s: slice %d comes back to %v, want %v", name, z, got, want)
				}
			}
		}
	}
}

func TestOnImageBetweenAndOutside(t *testing.T) {
	s := openSpec(t, dicomtest.Spec{Slices: 10, Skip: []int{4, 5, 6}, Rows: 16, Cols: 16}) // 2.5 mm apart, 0.7 mm pixels
	for name, c := range map[string]struct {
		p     dicomio.Vec
		slice int // -1: on none
	}{
		"below the middle":       {dicomio.Vec{3, 3, 3.7}, 1},
		"above the middle":       {dicomio.Vec{3, 3, 3.8}, 2},
		"in the gap, near":       {dicomio.Vec{3, 3, 9}, 3},
		"in the gap, far":        {dicomio.Vec{3, 3, 12.6}, -1},
		"just below the first":   {dicomio.Vec{3, 3, -2}, 0},
		"far below":              {dicomio.Vec{3, 3, -3}, -1},
		"on the outermost edge":  {dicomio.Vec{-0.35 + 1e-9, 3, 0}, 0},
		"left of the image":      {dicomio.Vec{-0.4, 3, 0}, -1},
		"behind the last row":    {dicomio.Vec{3, 10.9, 0}, -1},
		"not a number":           {dicomio.Vec{math.NaN(), 3, 0}, -1},
		"not a number, the axis": {dicomio.Vec{3, 3, math.NaN()}, -1},
	} {
		at, ok := s.OnImage(c.p)
		switch {
		case ok != (c.slice >= 0):
			t.Errorf("%s: %v, %v", name, at, ok)
		case ok && at.SOPInstanceUID != s.Slices[c.slice].SOPInstanceUID:
			t.Errorf("%s: not on slice %d", name, c.slice)
		}
	}
	if _, ok := s.InPatient(dicomio.ImagePoint{SOPInstanceUID: "1.2.3", Column: 1, Row: 1}); ok {
		t.Error("a point of an image that the series does not hold has a place")
	}
	if _, ok := s.InPatient(dicomio.ImagePoint{SOPInstanceUID: s.Slices[0].SOPInstanceUID, Column: math.Inf(1)}); ok {
		t.Error("an infinite column has a place")
	}
}

// TestPointOnADouble: a mark on the copy of an image that was left out.
func TestPointOnADouble(t *testing.T) {
	s := open(t, dicomtest.Spec{Slices: 9, Double: []int{2}})
	for double, z := range s.Doubles {
		p, ok := s.InPatient(dicomio.ImagePoint{SOPInstanceUID: double.SOPInstanceUID, Column: 3.5, Row: 2.5})
		if want := s.Geometry.ToLPS([3]float64{float64(z), 2, 3}); !ok || z != 2 || !near(p, want) {
			t.Errorf("slice %d: %v, want %v", z, p, want)
		}
	}
	if len(s.Doubles) != 1 {
		t.Errorf("doubles are %v", s.Doubles)
	}
}
