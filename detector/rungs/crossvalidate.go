package rungs

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/nodule"
)

// Options of CrossValidate.
type Options struct {
	Folds    []int   // of the plan that are scored; empty: all
	Seeds    int     // trainings of what is drawn: basis and simulated diameter; 0: 5
	Readers  int     // that must have rated a nodule for it to count in the table
	Noise    float64 // of the simulated diameter; 0: DiameterNoise
	Progress func(done, total int)

	Densities bool // also rows of learned densities of the features, which takes minutes
}

// Names of the rows beside the rungs.
const (
	RowOutline     = "outline's diameter"
	RowReaders     = "set's diameter"
	RowPlain       = "logistic, 17 plain features"
	RowMahalanobis = "normals: Mahalanobis"
	RowNeighbours  = "normals: 5 nearest"
)

// Row is the name of a score's row in tables.
func (s *Score) Row() string { return s.Rung.row(s.Diameter) }

// row is that of a rung without or with a diameter.
func (n Name) row(diameter bool) string {
	if diameter {
		return string(n) + " + diameter"
	}
	return string(n)
}

// drawn tells whether a seed changes the scores of a rung.
func (n Name) drawn(diameter bool) bool { return diameter || n == Rated }

// column is what a row gives every case, of each seed.
type column struct {
	name    string
	scores  [][]float64 // [seed][case]
	raw     []float64   // before calibration, of the first seed; nil: as the scores
	flagged []bool      // of the first seed; nil: no threshold
	p       []float64   // probabilities of the first seed; nil: none
}

// CrossValidate trains on the cases of four folds of the plan and scores those of
// the fifth, in turn; everything that is chosen is chosen inside the four. Cases
// of patients who are in no fold are refused. The result is a table over those
// that enough readers rated.
func CrossValidate(ctx context.Context, cases []Case, o Options) (*Table, error) {
	cases, err := usable(cases)
	if err != nil {
		return nil, err
	}
	if o.Seeds == 0 {
		o.Seeds = 5
	}
	if o.Noise == 0 {
		o.Noise = DiameterNoise
	}
	if len(o.Folds) == 0 {
		for fold := range nodule.PlannedFolds {
			o.Folds = append(o.Folds, fold+1)
		}
	}
	folds := make([]int, len(cases))
	for i := range cases {
		if folds[i], err = nodule.FoldOf(cases[i].Patient); err != nil {
			return nil, err
		}
	}
	var columns []*column
	add := func(name string, seeds int) *column {
		c := &column{name: name}
		for range seeds {
			c.scores = append(c.scores, make([]float64, len(cases)))
		}
		columns = append(columns, c)
		return c
	}
	given := true
	for i := range cases {
		given = given && cases[i].DiameterMM > 0
	}
	if given {
		c := add(RowReaders, 1)
		for i := range cases {
			c.scores[0][i] = cases[i].DiameterMM
		}
	}
	c := add(RowOutline, 1)
	for i := range cases {
		c.scores[0][i] = cases[i].Features[0]
	}
	if err := beside(cases, folds, o.Folds, add); err != nil {
		return nil, err
	}
	done, total := 0, 0
	tick := func() {
		if done++; o.Progress != nil {
			o.Progress(done, total)
		}
	}
	visit := func(work func(n Name, diameter bool, seed int) error) error {
		for _, diameter := range []bool{false, true} {
			for _, n := range Names() {
				for seed := 1; seed <= o.Seeds; seed++ {
					if diameter && !given || seed > 1 && !n.drawn(diameter) {
						continue
					}
					if err := work(n, diameter, seed); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	_ = visit(func(Name, bool, int) error { total += len(o.Folds); return nil })
	if o.Densities {
		total += len(o.Folds) * len(densities()) * o.Seeds
		if err := o.densities(ctx, cases, folds, add, tick); err != nil {
			return nil, err
		}
	}
	var at *column
	err = visit(func(n Name, diameter bool, seed int) error {
		if seed == 1 {
			seeds := 1
			if n.drawn(diameter) {
				seeds = o.Seeds
			}
			at = add(n.row(diameter), seeds)
			at.flagged, at.p, at.raw = make([]bool, len(cases)), make([]float64, len(cases)), make([]float64, len(cases))
		}
		s := newSet(cases, diameter, o.Noise, uint64(seed)) //nolint:gosec // small
		for _, fold := range o.Folds {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, err := n.learn(s.pick(func(i int) bool { return folds[i] != fold }), uint64(seed)) //nolint:gosec // small
			if err != nil {
				return fmt.Errorf("fold %d, %s: %w", fold, n, err)
			}
			for i := range cases {
				if folds[i] != fold {
					continue
				}
				score := r.score(s.rows[i])
				at.scores[seed-1][i] = r.logit(score.Raw)
				if seed == 1 {
					at.flagged[i], at.p[i], at.raw[i] = score.Flagged, score.Probability, score.Raw
				}
			}
			tick()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tabulate(cases, folds, columns, o)
}

// beside adds the rows that the rungs are set beside.
func beside(cases []Case, folds, scored []int, add func(string, int) *column) error {
	plain, far, near := add(RowPlain, 1), add(RowMahalanobis, 1), add(RowNeighbours, 1)
	s := newSet(cases, false, 0, 0)
	for _, fold := range scored {
		train := s.pick(func(i int) bool { return folds[i] != fold })
		distance, err := mahalanobis(train)
		if err != nil {
			return err
		}
		logistic, nearby := fitPlain(train), neighbours(train)
		for i, x := range s.rows {
			if folds[i] == fold {
				plain.scores[0][i], far.scores[0][i], near.scores[0][i] = logistic.raw(onlyPlain(x)), distance(x), nearby(x)
			}
		}
	}
	return nil
}

// newSet has a row for each case, with a simulated diameter where one is asked for.
func newSet(cases []Case, diameter bool, noise float64, seed uint64) *set {
	s := &set{cases: cases}
	for i := range cases {
		d := cases[i].DiameterMM
		if diameter {
			d = Simulated(d, noise, seed, i)
		}
		s.rows = append(s.rows, columns(cases[i].Features, d, diameter))
	}
	return s
}

// logit of the calibrated probability of a raw score.
func (r *Rung) logit(raw float64) float64 {
	return r.Calibration.Logistic.Intercept + r.Calibration.Logistic.Slope*raw
}
