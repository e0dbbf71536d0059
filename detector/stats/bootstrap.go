package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// replicates of a bootstrap by patient.
const replicates = 1000

// bootstrapSeed fixes every bootstrap: the same scores give the same interval.
const bootstrapSeed = 2018

// resampler draws patients with replacement: nodules of one patient are drawn
// together, because they are not independent.
type resampler struct {
	group []int // patient of each nodule
	drawn []float64
	rng   *rand.Rand
}

// newResampler numbers the patients by name, so that the order of the nodules
// does not matter. An empty name is a patient of its own.
func newResampler(patients []string, stream uint64) *resampler {
	names := make([]string, len(patients))
	for i, p := range patients {
		names[i] = PatientName(p, i)
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	r := &resampler{group: make([]int, len(names)), drawn: make([]float64, len(sorted)), rng: rand.New(rand.NewPCG(bootstrapSeed, stream))}
	for i, n := range names {
		r.group[i], _ = slices.BinarySearch(sorted, n)
	}
	return r
}

// PatientName gives a case without a patient a name of its own.
func PatientName(patient string, i int) string {
	if patient == "" {
		return fmt.Sprintf("\x00%09d", i)
	}
	return patient
}

// next fills w with how often the patient of each nodule was drawn.
func (r *resampler) next(w []float64) {
	clear(r.drawn)
	for range r.drawn {
		r.drawn[r.rng.IntN(len(r.drawn))]++
	}
	for i, g := range r.group {
		w[i] = r.drawn[g]
	}
}

// bootstrap is the percentile interval (95 %) and the standard error of a
// statistic of weighted nodules. Replicates in which it is NaN, such as those
// of one class, are left out. ok is false where that is most of them.
func bootstrap(patients []string, stream uint64, statistic func(w []float64) float64) (low, high, se float64, ok bool) {
	r := newResampler(patients, stream)
	w := make([]float64, len(patients))
	var values []float64
	for range replicates {
		r.next(w)
		if v := statistic(w); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) < replicates/2 {
		return 0, 0, 0, false
	}
	slices.Sort(values)
	return stat.Quantile(0.025, stat.Empirical, values, nil), stat.Quantile(0.975, stat.Empirical, values, nil), stat.StdDev(values, nil), true
}
