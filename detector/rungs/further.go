package rungs

import (
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// further is what a rung has learned beyond what it knew.
type further struct {
	chosen   bool // to change at all
	choice   choice
	model    model
	held     []model
	raws     []float64 // of each case, by the model that has not seen its patient
	gain, se float64   // of the loss of a held-out case
}

// steps are how far a rung may go from what it knew, the nearest first: penalties
// on what changes, and for normals-only how many normals the old ones count for.
func (n Name) steps() []float64 {
	switch n {
	case NormalsOnly:
		return []float64{437, 150, 50, 15}
	case Unlabelled:
		return []float64{3, 1, 0.3, 0.1, 0.03, 0.01}
	}
	return []float64{300, 100, 30, 10, 3, 1}
}

// further makes the rung learn of a set. Each group of patients in turn is held
// out; the model that lacks a group, which the rung has kept, goes on without it.
func (r *Rung) further(s *set) (*further, error) {
	steps := r.Name.steps()
	old, err := r.crossed(s)
	if err != nil {
		return nil, err
	}
	raws := make([][]float64, len(steps))
	losses := make([][]float64, len(steps)) // of each case
	held := make([][]model, len(steps))
	before := make([]float64, len(s.cases))
	for k := range steps {
		raws[k], losses[k] = make([]float64, len(s.cases)), make([]float64, len(s.cases))
	}
	for g := 1; g <= nodule.PlannedFolds; g++ {
		base := &r.Held[g-1]
		fits, err := r.Name.onward(base, s.pick(func(i int) bool { return groupOf(s.cases[i].Patient) != g }), steps)
		if err != nil {
			return nil, err
		}
		for k := range fits {
			held[k] = append(held[k], fits[k])
		}
		for i := range s.cases {
			if groupOf(s.cases[i].Patient) != g {
				continue
			}
			before[i] = r.Name.missed(base, s, i)
			for k := range fits {
				raws[k][i], losses[k][i] = fits[k].raw(s.rows[i]), r.Name.missed(&fits[k], s, i)
			}
		}
	}
	f := &further{raws: old}
	best := -1
	for k := range steps {
		if gain, se := gained(before, losses[k], s.cases); gain > 2*se && gain > f.gain {
			best, f.gain, f.se = k, gain, se
		}
	}
	if best < 0 {
		return f, nil
	}
	all, err := r.Name.onward(&r.Model, s, steps[best:best+1])
	if err != nil {
		return nil, err
	}
	f.chosen, f.choice, f.model, f.held, f.raws = true, choice{Penalty: steps[best], Gamma: r.Choice.Gamma}, all[0], held[best], raws[best]
	return f, nil
}

// missed is the loss of a model on case i, by what the rung may know of it.
func (n Name) missed(m *model, s *set, i int) float64 {
	if n != NormalsOnly {
		return n.loss(m.raw(s.rows[i]), &s.cases[i])
	}
	if s.cases[i].Label != nodule.Normal {
		return 0
	}
	sum := 0.0 // how improbable a normal is, each feature by itself
	for k, v := range s.rows[i] {
		if sd := m.Scale.SD[k]; sd > 0 {
			z := (v - m.Scale.Mean[k]) / sd
			sum += z*z/2 + math.Log(sd)
		}
	}
	return sum
}

// gained is the mean by which the loss of a case fell, normals and others the same
// together, and its standard error by patient.
func gained(before, after []float64, cases []Case) (gain, se float64) {
	var n [2]float64
	class := func(i int) int {
		if cases[i].Label == nodule.Normal {
			return 0
		}
		return 1
	}
	for i := range cases {
		n[class(i)]++
	}
	of := map[string]float64{}
	var names []string
	for i := range cases {
		if _, ok := of[cases[i].Patient]; !ok {
			names = append(names, cases[i].Patient)
		}
		of[cases[i].Patient] += (before[i] - after[i]) / (2 * n[class(i)])
	}
	for _, name := range names {
		gain += of[name]
	}
	mean := gain / float64(len(names))
	for _, name := range names {
		se += (of[name] - mean) * (of[name] - mean)
	}
	return gain, math.Sqrt(se)
}

// onward makes a model for each step: the base and what the cases have beyond it.
func (n Name) onward(base *model, s *set, steps []float64) ([]model, error) {
	out := make([]model, len(steps))
	for k := range steps {
		out[k] = model{Scale: base.Scale.reach(s.rows), Waves: base.Waves, Weight: slices.Clone(base.Weight)}
	}
	if n == NormalsOnly {
		normals := s.pick(func(i int) bool { return s.cases[i].Label == nodule.Normal })
		if len(normals.rows) < 2 {
			return nil, errSingular
		}
		site := newScale(normals.rows, ones(len(normals.rows)))
		for k, old := range steps {
			out[k].Scale.mix(site, float64(len(normals.rows)), old)
		}
		return out, nil
	}
	if n == Rated {
		s = s.pick(func(i int) bool { return !s.cases[i].Unrated })
	}
	if len(s.rows) < 2 {
		return nil, errSingular
	}
	basis, beyond, weights, other := make([][]float64, len(s.rows)), make([]float64, len(s.rows)), make([]float64, len(s.rows)), make([]bool, len(s.rows))
	for i, x := range s.rows {
		basis[i] = out[0].basis(out[0].Scale.Apply(x))
		beyond[i] = stats.Linear(base.Weight, basis[i])
		weights[i], other[i] = 1, s.cases[i].Label != nodule.Normal
		if n == Rated {
			beyond[i], weights[i] = s.cases[i].Rating-beyond[i], s.cases[i].weight()
		}
	}
	fit := func(step float64) ([]float64, error) {
		return stats.MultiLogistic{X: basis, Y: other, W: stats.Balanced(weights, other), Ridge: step, Offset: beyond}.Fit(), nil
	}
	if n == Rated {
		fit = newRidge(basis, beyond, weights).fit
	}
	for k, step := range steps {
		more, err := fit(step)
		if err != nil {
			return nil, err
		}
		for j, w := range more {
			out[k].Weight[j] += w
		}
	}
	return out, nil
}

// reach is the scale with a range that has the rows, too.
func (s *scale) reach(rows [][]float64) scale {
	out := scale{stats.Scale{Low: slices.Clone(s.Low), High: slices.Clone(s.High), Mean: slices.Clone(s.Mean), SD: slices.Clone(s.SD)}}
	for _, r := range rows {
		for k, v := range r {
			out.Low[k], out.High[k] = min(out.Low[k], v), max(out.High[k], v)
		}
	}
	return out
}

// mix moves mean and deviation towards those of n rows, where the old ones count
// as many as old rows.
func (s *scale) mix(site scale, n, old float64) {
	for k := range s.Mean {
		apart := site.Mean[k] - s.Mean[k]
		share := n / (n + old)
		variance := (1-share)*s.SD[k]*s.SD[k] + share*site.SD[k]*site.SD[k] + share*(1-share)*apart*apart
		s.Mean[k] += share * apart
		if s.SD[k] > 0 {
			s.SD[k] = math.Sqrt(variance)
		}
	}
}
