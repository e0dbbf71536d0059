package evaluation

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// Spread is a figure over several runs.
type Spread struct {
	Mean   float64   `json:"mean"`
	Low    float64   `json:"min"`
	High   float64   `json:"max"`
	SD     float64   `json:"sd"` // 0 for one run
	Values []float64 `json:"values"`
}

// spreadOf values; zero where there are none.
func spreadOf(values []float64) Spread {
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
		who := stats.PatientName(s.Patient, i)
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
		row.Overall, row.Matched, row.Regressed, row.Precision = spreadOf(overall), spreadOf(matched), spreadOf(regressed), spreadOf(precision)
		r.Rows = append(r.Rows, row)
	}
}
