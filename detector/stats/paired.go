package stats

import "math"

// pairedStream tells the draws of [Paired] from those of others.
const pairedStream = 4 << 40

// Statistic is a figure of nodules that count with weights; NaN: it cannot be told
// of these.
type Statistic func(w []float64) float64

// Change is a figure of the same nodules before and after, and their difference
// with its 95 % interval of a bootstrap by patient. Known is false where one cannot
// be told; the interval then spans everything that a share can.
type Change struct {
	Before     float64 `json:"before"`
	After      float64 `json:"after"`
	Difference float64 `json:"difference"` // after - before
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Known      bool    `json:"known"`
}

// Paired compares two statistics of the same nodules. Both are drawn with the same
// patients: what makes both hard or easy does not widen the interval.
func Paired(patients []string, before, after Statistic) Change {
	ones := make([]float64, len(patients))
	for i := range ones {
		ones[i] = 1
	}
	c := Change{Low: -1, High: 1}
	b, a := before(ones), after(ones)
	if math.IsNaN(b) || math.IsNaN(a) {
		return c
	}
	c.Before, c.After, c.Difference = b, a, a-b
	low, high, _, ok := bootstrap(patients, pairedStream, func(w []float64) float64 { return after(w) - before(w) })
	if ok {
		c.Low, c.High, c.Known = low, high, true
	}
	return c
}

// MatchedStatistic is [SizeMatched] of weighted nodules.
func MatchedStatistic(scores []float64, anomalous []bool, diameterMM []float64) Statistic {
	p := newPairs(scores, anomalous, diameterMM)
	return func(w []float64) float64 {
		won, all := p.count(w)
		return won / all
	}
}

// ShareStatistic is the weighted share of the nodules with hit among those with of.
func ShareStatistic(hit, of []bool) Statistic {
	return func(w []float64) float64 {
		var hits, all float64
		for i := range of {
			if of[i] {
				all += w[i]
				if hit[i] {
					hits += w[i]
				}
			}
		}
		return hits / all
	}
}
