package evaluation

import (
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// Pooling says how the scores of several folds are put on one scale.
type Pooling string

// Poolings.
const (
	// PoolProbability takes the probability of each fold's own calibration.
	PoolProbability Pooling = "probability"
	// PoolPercentile takes the percentile among each fold's own reference
	// normals.
	PoolPercentile Pooling = "percentile"
)

// PoolFolds puts the scores of the folds of a cross-validation on one scale, so
// that one table can be made of all nodules. The scores of detectors become
// probabilities or percentiles, as fitted on each fold's own calibration
// patients; their terms, which no calibration covers, become ranks within the
// fold (0..1, ties share, labels are not looked at). Thresholds and
// baselines stay; a threshold is put on the same scale as its score by
// asking whether the score exceeds it. It is an error where a fold lacks what
// is asked for.
func PoolFolds(scored []Scored, how Pooling) ([]Scored, error) {
	if len(scored) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrScores)
	}
	if err := checkScored(scored); err != nil {
		return nil, err
	}
	if how != PoolProbability && how != PoolPercentile {
		return nil, fmt.Errorf("%w: pooling %q; choose %q or %q", ErrScores, how, PoolProbability, PoolPercentile)
	}
	out := make([]Scored, len(scored))
	folds := map[int][]int{}
	for i, s := range scored {
		s.Values, s.Predictions = slices.Clone(s.Values), slices.Clone(s.Predictions)
		for j := range s.Predictions {
			v := &s.Predictions[j]
			raw, scale := scored[i].Value(v.Detector), v.Probability
			if how == PoolPercentile {
				scale = v.Percentile
			}
			if math.IsNaN(scale) {
				return nil, fmt.Errorf("%w: fold %d has no %s of %s", ErrScores, s.Fold, how, v.Detector)
			}
			v.Threshold, v.Sensitive = around(raw, v.Threshold, scale), around(raw, v.Sensitive, scale)
			for k := range s.Values {
				if s.Values[k].Name == v.Detector {
					s.Values[k].Value = scale
				}
			}
		}
		out[i] = s
		folds[s.Fold] = append(folds[s.Fold], i)
	}
	for k, v := range scored[0].Values {
		if d := owner(v.Name, scored[0].Predictions); d == "" || d == v.Name {
			continue
		}
		for _, members := range folds {
			values := make([]float64, len(members))
			for m, i := range members {
				values[m] = scored[i].Values[k].Value
			}
			if slices.ContainsFunc(values, math.IsNaN) {
				continue // stays unknown where it is
			}
			for m, rank := range stats.Ranks(values) {
				out[members[m]].Values[k].Value = (rank - 0.5) / float64(len(members))
			}
		}
	}
	return out, nil
}

// around is a threshold on another scale that the score exceeds if and only if
// it exceeded the old one.
func around(raw, threshold, scale float64) float64 {
	switch {
	case math.IsNaN(threshold):
		return threshold
	case raw > threshold:
		return math.Nextafter(scale, math.Inf(-1))
	}
	return scale
}
