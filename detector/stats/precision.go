package stats

import (
	"math"
	"slices"
)

// AveragePrecision is the area under the steps of the precision-recall curve
// with its 95 % interval. A ranking by chance has about the prevalence.
type AveragePrecision struct {
	Value      float64 `json:"average_precision"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Prevalence float64 `json:"prevalence"`
}

// Precision computes the sum of (R_k - R_k-1)*P_k over the distinct scores from
// the top, P precision and R recall, without interpolation. The interval is
// that of a bootstrap by patient with a fixed seed.
func Precision(scores []float64, anomalous []bool, patients []string) (AveragePrecision, error) {
	if err := checkScores(scores, anomalous); err != nil {
		return AveragePrecision{}, err
	}
	order := ascending(scores)
	slices.Reverse(order)
	ones := make([]float64, len(scores))
	a := AveragePrecision{High: 1}
	positive := 0
	for i := range ones {
		ones[i] = 1
		if anomalous[i] {
			positive++
		}
	}
	a.Prevalence = float64(positive) / float64(len(scores))
	a.Value = weightedPrecision(order, scores, anomalous, ones)
	low, high, _, ok := bootstrap(patients, precisionStream, func(w []float64) float64 {
		return weightedPrecision(order, scores, anomalous, w)
	})
	if ok {
		a.Low, a.High = low, high
	}
	return a, nil
}

// weightedPrecision is the average precision of nodules that count w times
// each. order is by falling score. NaN without anomalies or without normals.
func weightedPrecision(order []int, scores []float64, anomalous []bool, w []float64) float64 {
	var tp, fp, sum float64
	for i := 0; i < len(order); {
		var pos float64
		j := i
		for ; j < len(order) && scores[order[j]] == scores[order[i]]; j++ {
			if k := order[j]; anomalous[k] {
				pos += w[k]
			} else {
				fp += w[k]
			}
		}
		if tp += pos; pos > 0 {
			sum += pos * tp / (tp + fp)
		}
		i = j
	}
	if tp == 0 || fp == 0 {
		return math.NaN()
	}
	return sum / tp
}
