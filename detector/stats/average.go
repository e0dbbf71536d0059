package stats

import (
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Average is the AUROC of several networks that were trained alike and scored
// on the same cases.
type Average struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`  // 95 % interval of the mean, over cases and networks
	High float64 `json:"high"` //
	Min  float64 `json:"min"`  // of the networks
	Max  float64 `json:"max"`
	Each []AUROC `json:"each"` // one per network, with DeLong's interval over cases
}

// AverageAUROC computes the AUROC of every network, its mean, and the percentile
// interval of the mean from a bootstrap that draws networks as well as patients
// with replacement (fixed seed): it covers what another training and what other
// cases would give. Scores are [networks][cases]; a case without a patient
// stands for itself.
func AverageAUROC(scores [][]float64, anomalous []bool, patients []string) (Average, error) {
	var a Average
	order := make([][]int, len(scores)) // cases by score
	values := make([]float64, len(scores))
	for i, s := range scores {
		one, err := DeLong(s, anomalous)
		if err != nil {
			return a, err
		}
		a.Each, values[i], order[i] = append(a.Each, one), one.Value, ascending(s)
	}
	a.Mean, a.Min, a.Max = stat.Mean(values, nil), slices.Min(values), slices.Max(values)
	count := make([]int, len(scores))
	means := make([]float64, 0, averageReplicates)
	resample(patients, bootstrapSeed, uint64(len(scores)), averageReplicates, func(w []float64, rng *rand.Rand) {
		clear(count)
		for range count {
			count[rng.IntN(len(count))]++
		}
		var mean float64
		for i, n := range count {
			if n > 0 {
				mean += float64(n) * weightedAUROC(order[i], scores[i], anomalous, w) / float64(len(count))
			}
		}
		means = append(means, mean)
	})
	var ok bool
	if a.Low, a.High, _, ok = percentiles(means); !ok {
		a.Low, a.High = 0, 1
	}
	return a, nil
}

// String is the mean with its interval.
func (a Average) String() string { return interval(a.Mean, a.Low, a.High) }
