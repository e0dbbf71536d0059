package rungs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// DiameterPoint is how well one row ranks where a detector's diameter has an error.
type DiameterPoint struct {
	Row     string        `json:"row"`
	Noise   float64       `json:"noise"`   // of the diameter: d·exp(N(0, Noise))
	Missing bool          `json:"missing"` // no diameter is given: the rung without one scores
	Area    stats.Average `json:"auroc"`   // over the seeds, by patient
	Matched stats.AUROC   `json:"size_matched"`
}

// curveNoises are the errors of a detector's diameter that DiameterCurve tries.
var curveNoises = []float64{0, 0.1, 0.15, 0.2, 0.3}

// ErrNoDiameters says that a data set gives no diameter of some nodule.
var ErrNoDiameters = errors.New("rungs: some nodules have no diameter")

// DiameterCurve scores the nodules of each fold by rungs of the other four, which
// were trained with diameters of Options.Noise, where the detector's diameters have
// other errors, and where there are none. A seed draws both. Beside them are the
// diameters alone.
func DiameterCurve(ctx context.Context, cases []Case, o Options) ([]DiameterPoint, error) {
	cases, err := usable(cases)
	if err != nil {
		return nil, err
	}
	if len(o.Folds) == 0 {
		o.Folds = []int{1, 2, 3, 4, 5}
	}
	folds := make([]int, len(cases))
	for i := range cases {
		if folds[i], err = nodule.FoldOf(cases[i].Patient); err != nil {
			return nil, err
		}
		if !(cases[i].DiameterMM > 0) {
			return nil, ErrNoDiameters
		}
	}
	var all []*column
	add := func(name string, seeds int) *column {
		c := &column{name: name}
		for range seeds {
			c.scores = append(c.scores, make([]float64, len(cases)))
		}
		all = append(all, c)
		return c
	}
	var points []DiameterPoint
	for _, noise := range curveNoises {
		c := add(RowReaders, o.Seeds)
		points = append(points, DiameterPoint{Row: RowReaders, Noise: noise})
		for seed := range c.scores {
			for i := range cases {
				c.scores[seed][i] = Simulated(cases[i].DiameterMM, noise, curveSeed(seed), i)
			}
		}
	}
	done := 0
	for _, n := range Names() {
		at := map[float64]*column{}
		for _, noise := range curveNoises {
			at[noise] = add(n.row(true), o.Seeds)
			points = append(points, DiameterPoint{Row: n.row(true), Noise: noise})
		}
		missing := add(n.row(false), o.Seeds)
		points = append(points, DiameterPoint{Row: n.row(false), Missing: true})
		for seed := range o.Seeds {
			for _, given := range []bool{true, false} {
				trained := uint64(seed) + 1 //nolint:gosec // small
				s := newSet(cases, given, o.Noise, trained)
				for _, fold := range o.Folds {
					if err := ctx.Err(); err != nil {
						return nil, err
					}
					r, err := n.learn(s.pick(func(i int) bool { return folds[i] != fold }), trained)
					if err != nil {
						return nil, fmt.Errorf("fold %d, %s: %w", fold, n, err)
					}
					for i := range cases {
						if folds[i] != fold {
							continue
						}
						if !given {
							missing.scores[seed][i] = r.logit(r.score(s.rows[i]).Raw)
							continue
						}
						for noise, c := range at {
							d := Simulated(cases[i].DiameterMM, noise, curveSeed(seed), i)
							c.scores[seed][i] = r.logit(r.score(columns(cases[i].Features, d, true)).Raw)
						}
					}
					if done++; o.Progress != nil {
						o.Progress(done, len(Names())*o.Seeds*2*len(o.Folds))
					}
				}
			}
		}
	}
	t, err := tabulate(cases, folds, all, o)
	if err != nil {
		return nil, err
	}
	for i := range points {
		points[i].Area, points[i].Matched = t.Rows[i].Area, t.Rows[i].Matched
	}
	return points, nil
}

// curveSeed draws the diameters of a test, which are others than those of the
// training.
func curveSeed(seed int) uint64 { return 1000 + uint64(seed) } //nolint:gosec // small

// DiameterMarkdown is the curve as a table: a line for each row, a column for each
// error of the diameter.
func DiameterMarkdown(points []DiameterPoint) string {
	var b strings.Builder
	b.WriteString("| |")
	for _, noise := range curveNoises {
		fmt.Fprintf(&b, " %.0f %% |", 100*noise)
	}
	b.WriteString(" missing |\n|---|" + strings.Repeat("---|", len(curveNoises)+1) + "\n")
	for i := 0; i < len(points); {
		fmt.Fprintf(&b, "| %s |", points[i].Row)
		for range curveNoises {
			fmt.Fprintf(&b, " %.3f / %.3f |", points[i].Area.Mean, points[i].Matched.Value)
			i++
		}
		if i < len(points) && points[i].Missing {
			fmt.Fprintf(&b, " %.3f / %.3f |\n", points[i].Area.Mean, points[i].Matched.Value)
			i++
		} else {
			b.WriteString(" |\n")
		}
	}
	return b.String()
}
