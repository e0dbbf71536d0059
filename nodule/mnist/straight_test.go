package mnist

import (
	"math"
	"testing"
)

// stroke is a bar that leans by slant and is off centre.
func stroke(slant, left, top float64) []float32 {
	image := make([]float32, Pixels)
	for y := range 12 {
		at := left + slant*float64(y)
		x := int(at)
		row := (int(top) + y) * Size
		for i := range 3 {
			image[row+x+i] += float32(1 - (at - float64(x)))
			image[row+x+1+i] += float32(at - float64(x))
		}
	}
	return image
}

func TestStraight(t *testing.T) {
	var s Set
	for _, image := range [][]float32{stroke(0, 12, 8), stroke(0.5, 6, 4), stroke(-0.7, 20, 10), make([]float32, Pixels)} {
		s.add(image, 1, s.Len())
	}
	got := s.Straight()
	if got.Len() != s.Len() || len(got.Pixels) != len(s.Pixels) {
		t.Fatalf("%d images", got.Len())
	}
	for i := range 3 {
		var ink, my, mx, cov float64
		x := got.Image(i)
		for j, v := range x {
			ink += float64(v)
			my += float64(v) * float64(j/Size)
			mx += float64(v) * float64(j%Size)
		}
		my, mx = my/ink, mx/ink
		for j, v := range x {
			cov += float64(v) * (float64(j/Size) - my) * (float64(j%Size) - mx)
		}
		if math.Abs(my-13.5) > 0.05 || math.Abs(mx-13.5) > 0.05 || math.Abs(cov/ink) > 0.2 {
			t.Errorf("image %d: centre %.2f, %.2f, covariance %.3f", i, my, mx, cov/ink)
		}
		if math.Abs(ink-36) > 1 {
			t.Errorf("image %d: %.1f of ink, want 36", i, ink)
		}
		// All three are the same bar.
		for j, v := range x {
			if d := math.Abs(float64(v - got.Image(0)[j])); d > 0.6 {
				t.Fatalf("image %d: pixel %d differs by %.2f from the upright bar", i, j, d)
			}
		}
	}
	for _, v := range got.Image(3) {
		if v != 0 {
			t.Fatal("an empty image has ink")
		}
	}
}
