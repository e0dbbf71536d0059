package stats

import (
	"slices"

	"gonum.org/v1/gonum/stat"
)

// quantile is the smallest of the sorted values with a share of at least p
// (0..1) at or below it: the inverse of the empirical distribution, definition
// 1 of Hyndman and Fan (1996), stat.Empirical of gonum. It is always one of the
// values: the median of an even number of them is the lower of the middle two.
// Every quantile of a table or a figure, and every interval by bootstrap, is
// this one. It panics where there are no values.
func quantile(sorted []float64, p float64) float64 {
	return stat.Quantile(p, stat.Empirical, sorted, nil)
}

// Quartiles of the values of a group, each one of the values: definition 1 of
// Hyndman and Fan (1996).
type Quartiles struct {
	Nodules int     `json:"nodules"`
	Q1      float64 `json:"q1"`
	Median  float64 `json:"median"`
	Q3      float64 `json:"q3"`
}

// QuartilesOf a group of finite values; zero where it is empty.
func QuartilesOf(values []float64) Quartiles {
	if len(values) == 0 {
		return Quartiles{}
	}
	v := slices.Sorted(slices.Values(values))
	return Quartiles{Nodules: len(v), Q1: quantile(v, 0.25), Median: quantile(v, 0.5), Q3: quantile(v, 0.75)}
}

// QuartileBands are the quartiles of curves of the same length, step by step;
// nil where there are no curves.
func QuartileBands(curves [][]float64) (low, median, high []float64) {
	if len(curves) == 0 {
		return nil, nil, nil
	}
	at := make([]float64, len(curves))
	for step := range curves[0] {
		for i, c := range curves {
			at[i] = c[step]
		}
		q := QuartilesOf(at)
		low, median, high = append(low, q.Q1), append(median, q.Median), append(high, q.Q3)
	}
	return low, median, high
}
