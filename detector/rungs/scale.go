package rungs

import "github.com/nodulescope/nodulescope/detector/stats"

// scale standardises columns, and knows what lies outside them.
type scale struct{ stats.Scale }

func newScale(rows [][]float64, weights []float64) scale { return scale{stats.NewScale(rows, weights)} }

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
