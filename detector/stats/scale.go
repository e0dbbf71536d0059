package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// Scale standardises columns, within the range of what was trained on.
type Scale struct {
	Low  []float64 `json:"low"`
	High []float64 `json:"high"`
	Mean []float64 `json:"mean"`
	SD   []float64 `json:"sd"`
}

// NewScale is that of rows, which have a weight each. A column that does not
// vary among them has deviation 0 and counts for nothing.
func NewScale(rows [][]float64, weights []float64) Scale {
	p := len(rows[0])
	s := Scale{make([]float64, p), make([]float64, p), make([]float64, p), make([]float64, p)}
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

// Apply is the standardised row.
func (s *Scale) Apply(x []float64) []float64 {
	z := make([]float64, len(x))
	for k, v := range x {
		if s.SD[k] > 0 {
			z[k] = (min(max(v, s.Low[k]), s.High[k]) - s.Mean[k]) / s.SD[k]
		}
	}
	return z
}

// ApplyAll standardises rows.
func (s *Scale) ApplyAll(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = s.Apply(r)
	}
	return out
}
