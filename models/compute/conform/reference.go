package conform

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Reference evaluates nodes with the plain operators in float64.
func Reference(feed map[string][]float32, outs ...*gorgonia.Node) [][]float64 {
	at := map[*gorgonia.Node][]float64{}
	for _, n := range op.Sort(outs...) {
		v := make([]float64, n.Shape().TotalSize())
		if o, ok := op.Of(n); ok {
			in := op.Inputs(n)
			xs, ss := make([][]float64, len(in)), make([]tensor.Shape, len(in))
			for i, m := range in {
				xs[i], ss[i] = at[m], m.Shape()
			}
			o.Eval64(v, n.Shape(), xs, ss)
		} else {
			for i, x := range feed[n.Name()] {
				v[i] = float64(x)
			}
		}
		at[n] = v
	}
	r := make([][]float64, len(outs))
	for i, n := range outs {
		r[i] = at[n]
	}
	return r
}

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
