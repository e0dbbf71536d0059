package rungs

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// Robust is what a disturbance does to the scores of a rung, on nodules of
// patients whom neither it nor its calibration has seen.
type Robust struct {
	Kind   string `json:"kind"`
	Amount string `json:"amount,omitempty"`
	Rung   Name   `json:"rung"`
	N      int    `json:"n"` // nodules
	// Spread is the root mean square of the change of the raw score, as a share of
	// the deviation of the normals' scores.
	Spread  float64 `json:"spread"`
	Bias    float64 `json:"bias"`    // mean change, the same share
	Flips   float64 `json:"flips"`   // share of nodules whose flag changes
	Lost    int     `json:"lost"`    // nodules of which no outline was found any more
	Area    float64 `json:"auroc"`   // of those that enough readers rated, disturbed
	Without float64 `json:"without"` // the same, undisturbed
}

// RobustOptions of Robustness.
type RobustOptions struct {
	Folds    []int // of the plan that are disturbed; empty: all
	Readers  int   // that must have rated a nodule for it to count in an AUROC
	Seed     uint64
	Progress func(done, total int)
}

// disturbed is one nodule under one disturbance.
type disturbed struct {
	rows []float64
	lost bool
}

// Robustness scores the nodules of each fold by rungs of the other four, as they
// are and disturbed. cases are those of ds, in its order (see Cases); no diameter
// is given. What is drawn follows from the seed and the row of the nodule.
func Robustness(ctx context.Context, ds *nodule.Dataset, cases []Case, by Outlines, o RobustOptions) ([]Robust, error) {
	if len(cases) != len(ds.Samples) {
		return nil, fmt.Errorf("rungs: %d cases of %d nodules", len(cases), len(ds.Samples))
	}
	return robustness(ctx, cases, o, func(i int, d Disturbance) (features.Vector, bool, error) {
		s := &ds.Samples[i]
		rng := rand.New(rand.NewPCG(o.Seed, uint64(i))) //nolint:gosec // a row
		return describe(ctx, s, d.apply(s.Cube(), rng), by)
	})
}

// robustness is Robustness for nodules that are described by their number and a
// disturbance.
func robustness(ctx context.Context, cases []Case, o RobustOptions, describe func(i int, d Disturbance) (features.Vector, bool, error)) ([]Robust, error) {
	if _, err := usable(cases); err != nil {
		return nil, err
	}
	if len(o.Folds) == 0 {
		o.Folds = []int{1, 2, 3, 4, 5}
	}
	folds, rows := make([]int, len(cases)), []int{}
	for i := range cases {
		var err error
		if folds[i], err = nodule.FoldOf(cases[i].Patient); err != nil {
			return nil, err
		}
		if slices.Contains(o.Folds, folds[i]) {
			rows = append(rows, i)
		}
	}
	kinds := Disturbances()
	after := make([][]disturbed, len(kinds))
	for k, d := range kinds {
		after[k] = make([]disturbed, len(cases))
		for n, i := range rows {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			v, found, err := describe(i, d)
			if err != nil {
				return nil, fmt.Errorf("nodule %d of the data set, %s %s: %w", i, d.Kind, d.Amount, err)
			}
			after[k][i] = disturbed{columns(v, 0, false), !found}
			if o.Progress != nil {
				o.Progress(k*len(rows)+n+1, len(kinds)*len(rows))
			}
		}
	}
	var out []Robust
	for _, n := range Names() {
		part, err := n.robust(cases, folds, rows, kinds, after, o)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// robust compares the scores of one rung.
func (n Name) robust(cases []Case, folds, rows []int, kinds []Disturbance, after [][]disturbed, o RobustOptions) ([]Robust, error) {
	s := newSet(cases, false, 0, 0)
	models := map[int]*Rung{}
	for _, fold := range o.Folds {
		r, err := n.learn(s.pick(func(i int) bool {
			return folds[i] != fold && !slices.Contains(nodule.HeldOutPatients(), cases[i].Patient)
		}), o.Seed)
		if err != nil {
			return nil, fmt.Errorf("fold %d, %s: %w", fold, n, err)
		}
		models[fold] = r
	}
	before, flagged := make([]float64, len(cases)), make([]bool, len(cases))
	var normals []float64
	for _, i := range rows {
		score := models[folds[i]].score(s.rows[i])
		before[i], flagged[i] = score.Raw, score.Flagged
		if cases[i].Label == nodule.Normal {
			normals = append(normals, score.Raw)
		}
	}
	deviation := deviationOf(normals)
	var out []Robust
	for k, d := range kinds {
		r := Robust{Kind: d.Kind, Amount: d.Amount, Rung: n, N: len(rows)}
		var first, second []float64
		var anomalous []bool
		flips := 0
		for _, i := range rows {
			score := models[folds[i]].score(after[k][i].rows)
			change := (score.Raw - before[i]) / deviation
			r.Spread += change * change / float64(len(rows))
			r.Bias += change / float64(len(rows))
			if score.Flagged != flagged[i] {
				flips++
			}
			if after[k][i].lost {
				r.Lost++
			}
			if c := &cases[i]; c.Readers >= o.Readers && c.Label != nodule.Indeterminate {
				first, second = append(first, before[i]), append(second, score.Raw)
				anomalous = append(anomalous, c.Label == nodule.Anomaly)
			}
		}
		r.Spread, r.Flips = math.Sqrt(r.Spread), float64(flips)/float64(len(rows))
		without, err := stats.DeLong(first, anomalous)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		area, err := stats.DeLong(second, anomalous)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		r.Without, r.Area = without.Value, area.Value
		out = append(out, r)
	}
	return out, nil
}

func deviationOf(x []float64) float64 {
	mean, square := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		square += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return math.Sqrt(square)
}

// RobustMarkdown is a table of what disturbances do, the rungs side by side.
func RobustMarkdown(all []Robust) string {
	var b strings.Builder
	head, rule := "| disturbance |", "|---|"
	for _, n := range Names() {
		head += fmt.Sprintf(" %s: spread (bias) | flags that change | AUROC |", n)
		rule += "---|---|---|"
	}
	fmt.Fprintf(&b, "%s no outline |\n%s---|\n", head, rule)
	for _, d := range Disturbances() {
		fmt.Fprintf(&b, "| %s |", strings.TrimSpace(d.Kind+" "+d.Amount))
		lost := 0
		for _, n := range Names() {
			for _, r := range all {
				if r.Kind == d.Kind && r.Amount == d.Amount && r.Rung == n {
					fmt.Fprintf(&b, " %.2f (%+.2f) | %.0f %% | %.3f |", r.Spread, r.Bias, 100*r.Flips, r.Area)
					lost = r.Lost
				}
			}
		}
		fmt.Fprintf(&b, " %d |\n", lost)
	}
	for _, n := range Names() {
		for _, r := range all {
			if r.Rung == n {
				fmt.Fprintf(&b, "\n%s: %d nodules, AUROC %.3f undisturbed.", n, r.N, r.Without)
				break
			}
		}
	}
	return b.String() + "\n"
}
