package rungs

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// scale standardises columns, within the range of what was trained on.
type scale struct {
	Low  []float64 `json:"low"`
	High []float64 `json:"high"`
	Mean []float64 `json:"mean"`
	SD   []float64 `json:"sd"`
}

// newScale is that of rows, which have a weight each. A column that does not
// vary among them has deviation 0 and counts for nothing.
func newScale(rows [][]float64, weights []float64) scale {
	p := len(rows[0])
	s := scale{make([]float64, p), make([]float64, p), make([]float64, p), make([]float64, p)}
	column := make([]float64, len(rows))
	for k := range p {
		s.Low[k], s.High[k] = math.Inf(1), math.Inf(-1)
		for i, r := range rows {
			column[i] = r[k]
			s.Low[k], s.High[k] = min(s.Low[k], r[k]), max(s.High[k], r[k])
		}
		s.Mean[k], s.SD[k] = stat.MeanStdDev(column, weights)
		if s.High[k] == s.Low[k] {
			s.SD[k] = 0
		}
	}
	return s
}

// apply is the standardised row.
func (s *scale) apply(x []float64) []float64 {
	z := make([]float64, len(x))
	for k, v := range x {
		if s.SD[k] > 0 {
			z[k] = (min(max(v, s.Low[k]), s.High[k]) - s.Mean[k]) / s.SD[k]
		}
	}
	return z
}

func (s *scale) applyAll(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = s.apply(r)
	}
	return out
}

// slack is how far beyond the range of a column a value still counts as within,
// as a share of the range.
const slack = 0.1

// outside are the columns in which a row lies beyond the range.
func (s *scale) outside(x []float64) (columns []int) {
	for k, v := range x {
		if d := slack * (s.High[k] - s.Low[k]); v < s.Low[k]-d || v > s.High[k]+d {
			columns = append(columns, k)
		}
	}
	return columns
}
