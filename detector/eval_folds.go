package detector

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Spread is a figure over several runs.
type Spread struct {
	Mean   float64   `json:"mean"`
	Low    float64   `json:"min"`
	High   float64   `json:"max"`
	SD     float64   `json:"sd"` // 0 for one run
	Values []float64 `json:"values"`
}

// SpreadOf values; zero where there are none.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{Values: []float64{}}
	}
	s := Spread{Mean: stat.Mean(values, nil), Low: slices.Min(values), High: slices.Max(values), Values: values}
	if len(values) > 1 {
		s.SD = stat.StdDev(values, nil)
	}
	return s
}

// SpreadRow is a row of the table over several runs. Values are in the order
// of the runs that have the figure.
type SpreadRow struct {
	Name      string `json:"name"`
	Model     bool   `json:"model"`
	Overall   Spread `json:"overall"`
	Matched   Spread `json:"size_matched"`
	Regressed Spread `json:"size_regressed"`
	Precision Spread `json:"average_precision"`
}

// Runs are several trainings: one table each, and how far they lie apart.
type Runs struct {
	By     string        `json:"by"`   // "seed" or "fold"
	Keys   []uint64      `json:"keys"` // the seeds or folds, ascending
	Rows   []SpreadRow   `json:"rows"`
	Single []*Evaluation `json:"single"` // per key
}

// BySeed makes a table per seed of the same nodules. That a seed has other
// nodules than the first is an error: the figures could not be compared.
func BySeed(ctx context.Context, scored []Scored, o TableOptions) (*Runs, error) {
	runs, groups, err := split(ctx, "seed", scored, func(s *Scored) uint64 { return s.Seed }, o)
	if err != nil {
		return nil, err
	}
	for k, g := range groups[1:] {
		same := len(g) == len(groups[0])
		for i := 0; same && i < len(g); i++ {
			a, b := &groups[0][i], &g[i]
			same = a.Patient == b.Patient && a.Nodule == b.Nodule && a.Label == b.Label && a.Data == b.Data
		}
		if !same {
			return nil, fmt.Errorf("%w: seed %d scored other nodules than seed %d", ErrScores, runs.Keys[k+1], runs.Keys[0])
		}
	}
	return runs, nil
}

// ByFold makes a table per fold of a cross-validation; the mean of the folds'
// AUROCs needs no scale that the folds share. A patient in two folds is an
// error.
func ByFold(ctx context.Context, scored []Scored, o TableOptions) (*Runs, error) {
	fold := map[string]int{}
	for i := range scored {
		s := &scored[i]
		who := patientName(s.Patient, i)
		if f, ok := fold[who]; ok && f != s.Fold {
			return nil, fmt.Errorf("%w: a patient of nodule %d is in folds %d and %d", ErrScores, i, f, s.Fold)
		}
		fold[who] = s.Fold
	}
	runs, _, err := split(ctx, "fold", scored, func(s *Scored) uint64 { return uint64(s.Fold) }, o) //nolint:gosec // not negative
	return runs, err
}

func split(ctx context.Context, by string, scored []Scored, key func(*Scored) uint64, o TableOptions) (*Runs, [][]Scored, error) {
	if err := checkScored(scored); err != nil {
		return nil, nil, err
	}
	r := &Runs{By: by}
	members := map[uint64][]Scored{}
	for i := range scored {
		k := key(&scored[i])
		if members[k] == nil {
			r.Keys = append(r.Keys, k)
		}
		members[k] = append(members[k], scored[i])
	}
	if len(r.Keys) == 0 {
		return nil, nil, fmt.Errorf("%w: there are none", ErrScores)
	}
	slices.Sort(r.Keys)
	var groups [][]Scored
	for _, k := range r.Keys {
		g := members[k]
		slices.SortStableFunc(g, func(a, b Scored) int {
			return cmp.Or(cmp.Compare(a.Patient, b.Patient), cmp.Compare(a.Nodule, b.Nodule))
		})
		e, err := Tabulate(ctx, g, o)
		if err != nil {
			return nil, nil, fmt.Errorf("%s %d: %w", by, k, err)
		}
		r.Single, groups = append(r.Single, e), append(groups, g)
	}
	for _, v := range scored[0].Values {
		r.add(v.Name)
	}
	return r, groups, nil
}

// add makes the row of a name that some run has.
func (r *Runs) add(name string) {
	var overall, matched, regressed, precision []float64
	row := SpreadRow{Name: name}
	for _, e := range r.Single {
		one := e.Row(name)
		if one == nil {
			continue
		}
		row.Model = one.Model
		overall, precision = append(overall, one.Overall.Value), append(precision, one.Precision.Value)
		if one.Matched != nil {
			matched = append(matched, one.Matched.Value)
		}
		if one.Regressed != nil {
			regressed = append(regressed, one.Regressed.Value)
		}
	}
	if len(overall) > 0 {
		row.Overall, row.Matched, row.Regressed, row.Precision = SpreadOf(overall), SpreadOf(matched), SpreadOf(regressed), SpreadOf(precision)
		r.Rows = append(r.Rows, row)
	}
}

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
// fold (0..1, ties share, labels are not looked at). Thresholds and rows that
// need no model stay; a threshold is put on the same scale as its score by
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
		s.Values, s.Judged = slices.Clone(s.Values), slices.Clone(s.Judged)
		for j := range s.Judged {
			v := &s.Judged[j]
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
		if d := owner(v.Name, scored[0].Judged); d == "" || d == v.Name {
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
			for m, rank := range midranks(values) {
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
