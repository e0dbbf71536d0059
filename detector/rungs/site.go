package rungs

import (
	"math"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// AtPrevalence are the same rungs with probabilities for a site at which a share
// prevalence of all candidates is anomalous: the intercept of every calibration
// moves by the difference of the logits (Saerens 2002). Percentiles and flags
// stay. A share that is not between 0 and 1 is refused with CodeRating.
func (r *Rungs) AtPrevalence(prevalence float64) (*Rungs, error) {
	if !(prevalence > 0 && prevalence < 1) {
		return nil, coded.New(CodeRating, "set prevalence", "a prevalence is a share between 0 and 1, such as 0.05", nil)
	}
	out := *r
	out.prevalence, out.Rungs = prevalence, slices.Clone(r.Rungs)
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	for i := range out.Rungs {
		c := &out.Rungs[i].Calibration
		c.Logistic.Intercept += logit(prevalence) - logit(c.Prevalence)
		c.Prevalence = prevalence
	}
	return &out, nil
}

// Prevalence is what AtPrevalence was given; 0: each rung has that of its
// calibration.
func (r *Rungs) Prevalence() float64 { return r.prevalence }

// About says in words what the feature of a part is.
func (p *Part) About() string {
	for _, f := range features.All() {
		if f.Name == p.Feature {
			return f.About
		}
	}
	return "given diameter"
}

// Natural are the value of a part, the typical one and their unit, without the
// logarithm in which some features are.
func (p *Part) Natural() (value, typical float64, unit string) {
	if inner, ok := strings.CutPrefix(p.Unit, "ln(1+"); ok {
		return math.Expm1(p.Value), math.Expm1(p.Typical), strings.TrimSuffix(inner, ")")
	}
	if inner, ok := strings.CutPrefix(p.Unit, "ln "); ok {
		return math.Exp(p.Value), math.Exp(p.Typical), inner
	}
	return p.Value, p.Typical, p.Unit
}
