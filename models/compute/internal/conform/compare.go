package conform

import (
	"fmt"
	"math"
)

// Bound is the largest error of an element, relative to the largest value: that
// of a sum in float32.
const Bound = 2e-6

// Compare says which element is further from the reference than Bound. Where
// the reference is NaN or infinite, so must the value be.
func Compare(got []float32, want []float64) error {
	return CompareWithin(got, want, Bound)
}

// CompareWithin is Compare with another bound.
func CompareWithin(got []float32, want []float64, bound float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	var top, worst float64
	at := 0
	for i, w := range want {
		g := float64(got[i])
		switch {
		case math.IsNaN(w) && math.IsNaN(g), math.IsInf(w, 0) && w == g:
			continue
		case math.IsNaN(w) || math.IsInf(w, 0) || math.IsNaN(g) || math.IsInf(g, 0):
			return fmt.Errorf("element %d is %v, want %v", i, g, w)
		}
		top = math.Max(top, math.Abs(w))
		if d := math.Abs(g - w); d > worst {
			worst, at = d, i
		}
	}
	if !(worst <= bound*top) {
		return fmt.Errorf("element %d is %v, want %v", at, got[at], want[at])
	}
	return nil
}
