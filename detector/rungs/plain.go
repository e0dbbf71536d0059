package rungs

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/nodule"
)

// Rows that the rungs are set beside. Each is fitted on the training patients of
// a fold and gives a raw score.

// plainNames are the features of the plain row: what one would take first.
var plainNames = []string{"log_volume", "log_long_axis", "sphericity", "elongation", "flatness", "filling", "mean_hu", "core_hu", "sd_hu",
	"p10_hu", "p90_hu", "solid_share", "calcium_share", "edge_gradient", "rim_hu", "rim_sd", "wall_contact"}

// plainPenalty is fixed: of 1e-3 to 1e-1 none matters much.
const plainPenalty = 1e-2

// fitPlain is a logistic regression of 4-5 against 1-2 on plain features.
func fitPlain(s *set) model {
	var rows [][]float64
	var y []bool
	for i := range s.cases {
		if label := s.cases[i].Label; label != nodule.Indeterminate {
			rows, y = append(rows, onlyPlain(s.rows[i])), append(y, label == nodule.Anomaly)
		}
	}
	return fitLogistic(rows, y, ones(len(y)), plainPenalty)
}

// onlyPlain has 0 for all other features, so that they count for nothing.
func onlyPlain(x []float64) []float64 {
	out := make([]float64, features.Count)
	for k, f := range features.All() {
		if slices.Contains(plainNames, f.Name) {
			out[k] = x[k]
		}
	}
	return out
}

// PlainScore is that of the plain row, which the rungs are set beside.
func (r *Rungs) PlainScore(v features.Vector) float64 { return r.Plain.raw(onlyPlain(v[:])) }

// mahalanobis is the squared distance from the normals' mean by their shrunk
// correlations.
func mahalanobis(s *set) (func(x []float64) float64, error) {
	normals := s.pick(func(i int) bool { return s.cases[i].Label == nodule.Normal })
	w := ones(len(normals.rows))
	scaled := newScale(normals.rows, w)
	// A distance has two sides: nothing is cut off at the range.
	z := func(x []float64) []float64 {
		out := make([]float64, len(x))
		for k, v := range x {
			if scaled.SD[k] > 0 {
				out[k] = (v - scaled.Mean[k]) / scaled.SD[k]
			}
		}
		return out
	}
	all := make([][]float64, len(normals.rows))
	for i, r := range normals.rows {
		all[i] = z(r)
	}
	var c mat.Cholesky
	if !c.Factorize(correlations(all, w)) {
		return nil, errSingular
	}
	return func(x []float64) float64 {
		d := mat.NewVecDense(len(x), z(x))
		var solved mat.VecDense
		if c.SolveVecTo(&solved, d) != nil {
			return math.NaN()
		}
		return mat.Dot(d, &solved)
	}, nil
}

const nearest = 5

// neighbours is the mean distance to the five nearest normals.
func neighbours(s *set) func(x []float64) float64 {
	normals := s.pick(func(i int) bool { return s.cases[i].Label == nodule.Normal })
	scaled := newScale(normals.rows, ones(len(normals.rows)))
	all := scaled.ApplyAll(normals.rows)
	return func(x []float64) float64 {
		z, distances := scaled.Apply(x), make([]float64, len(all))
		for i, r := range all {
			for k, v := range r {
				distances[i] += (v - z[k]) * (v - z[k])
			}
		}
		slices.SortFunc(distances, cmp.Compare[float64])
		sum := 0.0
		for _, d := range distances[:min(nearest, len(distances))] {
			sum += math.Sqrt(d) / nearest
		}
		return sum
	}
}
