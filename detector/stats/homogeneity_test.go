package stats_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// Reference values are of SciPy: chi2_contingency without correction, and kstwobign at
// Stephens' statistic.
func TestHomogeneity(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %.12g, want %.12g", what, got, want)
		}
	}
	list := func(x, y int) []string { return strings.Fields(strings.Repeat("x ", x) + strings.Repeat("y ", y)) }
	index, p := stats.Shares(list(10, 20), list(30, 40))
	near("p of shares", p, 0.37299848361348686)
	if index <= 0 || index > 0.1 {
		t.Errorf("index %g", index)
	}
	if index, p = stats.Shares(list(20, 0), list(20, 0)); index != 0 || p != 1 {
		t.Errorf("equal: %g, %g", index, p)
	}
	var a, b []float64
	for i := range 10 {
		a, b = append(a, float64(i)), append(b, float64(i+5))
	}
	distance, p := stats.TwoSamples(a, b)
	near("distance", distance, 0.5)
	near("p of two samples", p, 0.1108403374132281)
	if _, p = stats.TwoSamples(a, a); p != 1 {
		t.Errorf("the same: %g", p)
	}
	got := stats.Holm([]float64{0.04, 0.01, 0.03})
	for i, want := range []float64{0.06, 0.03, 0.06} {
		near("corrected", got[i], want)
	}
	if !slices.Equal(stats.Holm(nil), []float64{}) {
		t.Error("none")
	}
}
