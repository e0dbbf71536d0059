package rungs

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
)

// TrainOptions of Train. The zero value is right but for what it tells of the data.
type TrainOptions struct {
	Seed        uint64  // of the basis and of the simulated diameters
	Noise       float64 // of the simulated diameters; 0: DiameterNoise
	Data        string  // digest of the data set
	Attribution string
	Outline     string // what outlined: OutlineThreshold, OutlineNetwork or OutlineReaders
	Network     string // digest of the network that outlined, where it was one
	Progress    func(done, total int)
}

// Train fits all rungs on all cases: without a diameter, and where every case has
// one, also with that of a simulated detector. Patients of nodule.HeldOutPatients
// are left out. Its errors have the codes of this package, or those of features.
func Train(ctx context.Context, cases []Case, o TrainOptions) (*Rungs, error) {
	cases, err := usable(cases)
	if err != nil {
		return nil, err
	}
	if o.Noise == 0 {
		o.Noise = DiameterNoise
	}
	given := true
	for i := range cases {
		given = given && cases[i].DiameterMM > 0
	}
	out := &Rungs{Format: formatVersion, Outline: o.Outline, Network: o.Network, Data: o.Data, Attribution: o.Attribution, Seed: o.Seed}
	for _, f := range features.All() {
		out.Features = append(out.Features, f.Name)
	}
	out.Plain = fitPlain(newSet(cases, false, 0, 0))
	variants := []bool{false, true}
	if !given {
		variants = variants[:1]
	}
	for _, diameter := range variants {
		for _, n := range Names() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			r, err := n.learn(newSet(cases, diameter, o.Noise, o.Seed), o.Seed)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", n, err)
			}
			r.Diameter = diameter
			if out.Rungs = append(out.Rungs, *r); o.Progress != nil {
				o.Progress(len(out.Rungs), len(variants)*len(Names()))
			}
		}
	}
	b, err := out.Encode()
	out.digest = digest.Of(b)
	return out, err
}

// TakeDiameter says whether there are rungs that take a diameter.
func (r *Rungs) TakeDiameter() bool {
	return slices.ContainsFunc(r.Rungs, func(g Rung) bool { return g.Diameter })
}

// Threshold above which the rung of a score flags a nodule; NaN: there is none.
func (r *Rungs) Threshold(s *Score) float64 {
	for i := range r.Rungs {
		if g := &r.Rungs[i]; g.Name == s.Rung && g.Diameter == s.Diameter {
			return g.Calibration.Threshold
		}
	}
	return math.NaN()
}

// Answer is what all rungs say of a nodule.
type Answer struct {
	Headline Score   `json:"headline"` // of the rung that knows most: with the diameter where it is given
	All      []Score `json:"all"`      // first without the diameter, then with it
}

// Score describes a nodule by all rungs. diameterMM is what the detector gave; 0:
// nothing. A feature that is no number is refused with features.CodeNotFinite, an
// impossible diameter with CodeRating. It may be called by many at once.
func (r *Rungs) Score(v features.Vector, diameterMM float64) (Answer, error) {
	var a Answer
	if !(diameterMM >= 0) || math.IsInf(diameterMM, 0) {
		return a, coded.New(CodeRating, "score nodule", "the diameter is not a number of mm; leave it out", nil)
	}
	for i := range r.Rungs {
		if r.Rungs[i].Diameter && diameterMM == 0 {
			continue
		}
		s, err := r.Rungs[i].Score(v, diameterMM)
		if err != nil {
			return Answer{}, err
		}
		a.All = append(a.All, s)
		if s.Rung == Rated {
			a.Headline = s
		}
	}
	return a, nil
}
