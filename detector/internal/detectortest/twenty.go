package detectortest

import (
	"math"
	"testing"
)

// The constants below are computed by other code than ours, with numpy 1.24 and
// scipy 1.10 on these twenty nodules: the areas and components of DeLong by
// the definition over pairs and numpy.cov, average precision by its sum over
// thresholds, regressions with numpy.polyfit and scipy.optimize.minimize
// (Nelder-Mead on the likelihood), Wilson with scipy.stats.binomtest(k, n).
// proportion_ci(method="wilson"), quartiles with numpy.quantile
// (method="inverted_cdf").
var (
	ScoreA        = []float64{.9, 2.1, 1.4, 3.3, 2.8, .4, 1.9, 2.6, 3.1, 1.2, 2.2, 2.6, 3.6, 1.7, 4.2, 2.9, 3.3, 1.4, 4.8, 3.9}
	ScoreB        = []float64{5, 7, 4, 9, 6, 4, 8, 5, 11, 6, 9, 7, 14, 8, 19, 6, 12, 10, 25, 13}
	Diameters     = []float64{5, 7, 4.5, 9, 6, 4, 8.5, 5.5, 11, 6.5, 9, 7.5, 14, 8, 19, 6, 12, 10, 25, 13}
	Probabilities = []float64{.1, .3, .2, .6, .5, .05, .3, .4, .55, .15, .35, .45, .7, .25, .9, .5, .6, .2, .95, .8}
)

// Twenty labels and patients: ten normals, then ten anomalies, each a patient.
func Twenty() (anomalous []bool, patients []string) {
	for i := range 20 {
		anomalous, patients = append(anomalous, i >= 10), append(patients, string(rune('a'+i)))
	}
	return anomalous, patients
}

// Near fails the test where two numbers differ by more than the tolerance.
func Near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
