package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// How often an interval draws. The mean of several networks draws networks as
// well as patients, and more often.
const (
	replicates        = 1000
	averageReplicates = 2000
)

// bootstrapSeed fixes every interval: the same scores give the same one.
const bootstrapSeed = 2018

// Streams tell the draws of one statistic from those of another. The
// size-matched area takes its number of pairs, the mean of networks their
// number.
const (
	regressSizeStream = 1 << 40
	precisionStream   = 2 << 40
	compareStream     = 3 << 40
	rocStream         = 0x524f43
)

// resample draws patients with replacement and calls visit with how often the
// patient of each nodule was drawn: the nodules of one patient are drawn
// together, because they are not independent. Patients are numbered by name, so
// that the order of the nodules does not matter; an empty name is a patient of
// its own. visit may draw more from rng, and must not keep w.
func resample(patients []string, seed, stream uint64, draws int, visit func(w []float64, rng *rand.Rand)) {
	names := make([]string, len(patients))
	for i, p := range patients {
		names[i] = PatientName(p, i)
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	group := make([]int, len(names)) // patient of each nodule
	for i, n := range names {
		group[i], _ = slices.BinarySearch(sorted, n)
	}
	rng := rand.New(rand.NewPCG(seed, stream))
	drawn, w := make([]float64, len(sorted)), make([]float64, len(names))
	for range draws {
		clear(drawn)
		for range drawn {
			drawn[rng.IntN(len(drawn))]++
		}
		for i, g := range group {
			w[i] = drawn[g]
		}
		visit(w, rng)
	}
}

// PatientName gives a case without a patient a name of its own.
func PatientName(patient string, i int) string {
	if patient == "" {
		return fmt.Sprintf("\x00%09d", i)
	}
	return patient
}

// bootstrap is the percentile interval (95 %) and the standard error of a
// statistic of weighted nodules. ok is false where most draws leave it open.
func bootstrap(patients []string, stream uint64, statistic func(w []float64) float64) (low, high, se float64, ok bool) {
	values := make([]float64, 0, replicates)
	resample(patients, bootstrapSeed, stream, replicates, func(w []float64, _ *rand.Rand) {
		values = append(values, statistic(w))
	})
	return percentiles(values)
}

// percentiles are the 2.5th and 97.5th percentile of the values of a bootstrap,
// and their standard deviation. Draws in which the statistic is NaN, such as
// those of one class, are left out; ok is false where that is most of them.
func percentiles(values []float64) (low, high, se float64, ok bool) {
	draws := len(values)
	values = slices.DeleteFunc(values, math.IsNaN)
	if len(values) < draws/2 {
		return 0, 0, 0, false
	}
	slices.Sort(values)
	return quantile(values, 0.025), quantile(values, 0.975), stat.StdDev(values, nil), true
}
