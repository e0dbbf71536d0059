package rungs

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// Name of a rung. Files, results and tables have it.
type Name string

// The rungs, in the order of what they need to know.
const (
	NormalsOnly Name = "normals-only"       // nodules rated normal
	Unlabelled  Name = "normals-unlabelled" // and others, without their ratings
	Rated       Name = "readers-ratings"    // readers' ratings of all
)

// Names are all rungs; the last is the headline.
func Names() []Name { return []Name{NormalsOnly, Unlabelled, Rated} }

var errSingular = errors.New("rungs: the features of the normals leave the weights open")

// set is what a rung learns from.
type set struct {
	cases []Case
	rows  [][]float64 // of each case: see columns
}

func (s *set) pick(keep func(i int) bool) *set {
	out := &set{}
	for i := range s.cases {
		if keep(i) {
			out.cases, out.rows = append(out.cases, s.cases[i]), append(out.rows, s.rows[i])
		}
	}
	return out
}

// choice is what is chosen by groups that are held out.
type choice struct {
	Penalty float64 `json:"penalty,omitempty"`
	Gamma   float64 `json:"gamma,omitempty"` // of the waves
}

func (n Name) choices() []choice {
	var out []choice
	switch n {
	case NormalsOnly: // nothing could choose
		return []choice{{}}
	case Unlabelled:
		for _, penalty := range []float64{1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1} {
			out = append(out, choice{Penalty: penalty})
		}
	case Rated:
		for _, gamma := range []float64{0.003, 0.01, 0.03} {
			for _, penalty := range []float64{0.1, 0.3, 1, 3, 10} {
				out = append(out, choice{penalty, gamma})
			}
		}
	}
	return out
}

const waveCount = 256

// fit makes a model for each choice.
func (n Name) fit(s *set, choices []choice, seed uint64) ([]model, error) {
	switch n {
	case NormalsOnly:
		normals := s.pick(func(i int) bool { return s.cases[i].Label == nodule.Normal })
		if len(normals.rows) < 2 {
			return nil, errSingular
		}
		m, err := fitOneSided(normals.rows, ones(len(normals.rows)))
		return []model{m}, err
	case Unlabelled:
		other := make([]bool, len(s.cases))
		for i := range other {
			other[i] = s.cases[i].Label != nodule.Normal
		}
		var out []model
		for _, c := range choices {
			out = append(out, fitLogistic(s.rows, other, ones(len(other)), c.Penalty))
		}
		return out, nil
	case Rated:
		return fitRatings(s.pick(func(i int) bool { return !s.cases[i].Unrated }), choices, seed)
	}
	return nil, fmt.Errorf("rungs: there is no rung %q", n)
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// fitRatings is a ridge regression of the mean rating on columns and waves.
func fitRatings(s *set, choices []choice, seed uint64) ([]model, error) {
	if len(s.rows) < 2 {
		return nil, errSingular
	}
	weights, rating := make([]float64, len(s.cases)), make([]float64, len(s.cases))
	for i := range s.cases {
		weights[i], rating[i] = s.cases[i].weight(), s.cases[i].Rating
	}
	scaled := newScale(s.rows, weights)
	z := scaled.ApplyAll(s.rows)
	out := make([]model, len(choices))
	for k := 0; k < len(choices); {
		w := &waves{Seed: seed, Count: waveCount, Gamma: choices[k].Gamma, Width: len(z[0])}
		w.draw()
		basis := make([][]float64, len(z))
		for i := range z {
			basis[i] = w.basis(z[i])
		}
		r := newRidge(basis, rating, weights)
		for gamma := choices[k].Gamma; k < len(choices) && choices[k].Gamma == gamma; k++ {
			weight, err := r.fit(choices[k].Penalty)
			if err != nil {
				return nil, err
			}
			out[k] = model{Scale: scaled, Waves: w, Weight: weight}
		}
	}
	return out, nil
}

// ridge is a weighted ridge regression of y on a basis, with a constant.
type ridge struct {
	gram           *mat.SymDense
	target, middle []float64
	mean           float64
}

func newRidge(basis [][]float64, y, weights []float64) *ridge {
	var total, mean float64
	for i, w := range weights {
		total, mean = total+w, mean+w*y[i]
	}
	p := len(basis[0])
	r := &ridge{gram: mat.NewSymDense(p, nil), target: make([]float64, p), middle: make([]float64, p), mean: mean / total}
	rows := mat.NewDense(len(basis), p, nil)
	for i, b := range basis {
		rows.SetRow(i, b)
		for j, v := range b {
			r.middle[j] += weights[i] * v / total
		}
	}
	for i := range basis {
		row, root := rows.RawRowView(i), math.Sqrt(weights[i])
		for j := range row {
			row[j] = root * (row[j] - r.middle[j])
			r.target[j] += root * (y[i] - r.mean) * row[j]
		}
	}
	r.gram.SymOuterK(1, rows.T())
	return r
}

// fit gives a weight for each column of the basis, and the constant last.
func (r *ridge) fit(penalty float64) ([]float64, error) {
	p := len(r.target)
	a := mat.NewSymDense(p, nil)
	a.CopySym(r.gram)
	for j := range p {
		a.SetSym(j, j, a.At(j, j)+penalty)
	}
	beta, err := solve(a, r.target)
	if err != nil {
		return nil, err
	}
	constant := r.mean
	for j, b := range beta {
		constant -= b * r.middle[j]
	}
	return append(beta, constant), nil
}

// loss of a raw score on cases that the model has not seen, by what the rung may
// know of them.
func (n Name) loss(raw float64, c *Case) float64 {
	switch n {
	case Unlabelled:
		if c.Label == nodule.Normal {
			raw = -raw
		}
		return math.Max(-raw, 0) + math.Log1p(math.Exp(-math.Abs(raw)))
	case Rated:
		if c.Unrated {
			return 0
		}
		return c.weight() * (raw - c.Rating) * (raw - c.Rating)
	}
	return 0
}

// learn makes a rung of cases: models that leave out one group each, from which
// follow the choice and the calibration, and one of all.
func (n Name) learn(s *set, seed uint64) (*Rung, error) {
	groups := map[int]bool{}
	for i := range s.cases {
		groups[groupOf(s.cases[i].Patient)] = true
	}
	if len(groups) < 2 {
		return nil, coded.New(CodeTooFew, "train rungs", "the patients are too few to hold some out; name a larger set", nil)
	}
	choices := n.choices()
	losses, raws := make([]float64, len(choices)), make([][]float64, len(choices))
	held := make([][]model, len(choices))
	for k := range raws {
		raws[k] = make([]float64, len(s.cases))
	}
	for g := 1; g <= nodule.PlannedFolds; g++ {
		if !groups[g] {
			continue
		}
		fits, err := n.fit(s.pick(func(i int) bool { return groupOf(s.cases[i].Patient) != g }), choices, seed)
		if err != nil {
			return nil, err
		}
		for k := range fits {
			held[k] = append(held[k], fits[k])
			var sum, weight [2]float64 // normals and others count the same
			for i := range s.cases {
				c := &s.cases[i]
				if groupOf(c.Patient) != g {
					continue
				}
				raws[k][i] = fits[k].raw(s.rows[i])
				class := 0
				if c.Label == nodule.Normal && n == Unlabelled {
					class = 1
				}
				sum[class], weight[class] = sum[class]+n.loss(raws[k][i], c), weight[class]+1
			}
			for class := range sum {
				if weight[class] > 0 {
					losses[k] += sum[class] / weight[class]
				}
			}
		}
	}
	best := 0
	for k, l := range losses {
		if l < losses[best] {
			best = k
		}
	}
	fits, err := n.fit(s, choices[best:best+1], seed)
	if err != nil {
		return nil, err
	}
	r := &Rung{Name: n, Choice: choices[best], Model: fits[0], Held: held[best]}
	r.Calibration, err = calibrate(raws[best], s.cases)
	return r, err
}
