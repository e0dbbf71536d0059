package stats

import (
	"encoding/json"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// AUROC is the area under the ROC curve with its 95 % interval.
type AUROC struct {
	Value     float64 `json:"auroc"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	SE        float64 `json:"se"`
	Normals   int     `json:"normals"`
	Anomalies int     `json:"anomalies"`
}

// MarshalJSON gives a standard error that is not known, such as that of a class
// of one, as null.
func (a AUROC) MarshalJSON() ([]byte, error) {
	type plain AUROC
	out := struct {
		plain
		SE *float64 `json:"se"`
	}{plain: plain(a)}
	if !math.IsNaN(a.SE) && !math.IsInf(a.SE, 0) {
		out.SE = &a.SE
	}
	return json.Marshal(out)
}

// DeLong computes the area by ranks (ties count half) and its variance after
// DeLong, DeLong and Clarke-Pearson (1988), with the ranks of Sun and Xu
// (2014). The interval is formed on the logit scale, so that it stays within
// 0..1. Both classes must be there; the interval of a class of one, and of an
// area of 0 or 1, spans everything.
func DeLong(scores []float64, anomalous []bool) (AUROC, error) {
	if err := checkScores(scores, anomalous); err != nil {
		return AUROC{}, err
	}
	v10, v01, area := placements(scores, anomalous)
	m, n := float64(len(v10)), float64(len(v01))
	a := AUROC{Value: area, Normals: len(v01), Anomalies: len(v10)}
	a.SE = math.Sqrt(variance(v10, area)/m + variance(v01, area)/n)
	a.Low, a.High = logitInterval(a.Value, a.SE)
	return a, nil
}

// byClass are the scores of the anomalies and those of the normals, in order.
func byClass(scores []float64, anomalous []bool) (pos, neg []float64) {
	for i, s := range scores {
		if anomalous[i] {
			pos = append(pos, s)
		} else {
			neg = append(neg, s)
		}
	}
	return pos, neg
}

// placements are the structural components of DeLong: of every anomaly the
// share of the normals below it, of every normal the share of the anomalies
// above it, in the order of the scores; their means are the area.
func placements(scores []float64, anomalous []bool) (v10, v01 []float64, area float64) {
	pos, neg := byClass(scores, anomalous)
	m, n := float64(len(pos)), float64(len(neg))
	all := Ranks(append(append([]float64(nil), pos...), neg...))
	inPos, inNeg := Ranks(pos), Ranks(neg)
	v10, v01 = make([]float64, len(pos)), make([]float64, len(neg))
	for i := range pos {
		v10[i] = (all[i] - inPos[i]) / n
		area += v10[i]
	}
	area /= m
	for j := range neg {
		v01[j] = 1 - (all[len(pos)+j]-inNeg[j])/m
	}
	return v10, v01, area
}

// variance of v around a known mean, with one degree of freedom less; NaN for
// a single value.
func variance(v []float64, mean float64) float64 {
	var s float64
	for _, x := range v {
		s += (x - mean) * (x - mean)
	}
	return s / float64(len(v)-1)
}

func logitInterval(p, se float64) (low, high float64) {
	if !(p > 0 && p < 1) || math.IsNaN(se) || math.IsInf(se, 0) {
		return 0, 1
	}
	z := distuv.UnitNormal.Quantile(0.975)
	l, d := math.Log(p/(1-p)), z*se/(p*(1-p))
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	return sigmoid(l - d), sigmoid(l + d)
}
