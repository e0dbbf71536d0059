package dataset

import (
	"cmp"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/dicomio"
)

// samePlaceMM is the distance within which two candidates are one nodule, however
// small: what detectors differ by between reconstructions.
const samePlaceMM = 3.0

// candidate is a nodule of a result, before it is known whether it is one of
// another.
type candidate struct {
	row
	all []opinion // on it, and on those that were joined to it
}

// sizeMM is the diameter of its outline, or the one that was given; 0: unknown.
func (c *candidate) sizeMM() float64 {
	if o := c.nodule.Outline; o != nil && o.Measurements != nil {
		return o.Measurements.DiameterMM
	}
	return c.nodule.DiameterMM
}

// same tells whether two candidates of one frame of reference are one nodule: they
// are within 3 mm, or the middle of the smaller lies in the other and the middle of
// the other in it.
func (c *candidate) same(d *candidate) bool {
	a, b := dicomio.Vec(c.nodule.PositionLPS), dicomio.Vec(d.nodule.PositionLPS)
	gap := a.Sub(b)
	return math.Sqrt(gap.Dot(gap)) <= max(samePlaceMM, min(c.sizeMM(), d.sizeMM())/2)
}

// join takes those that are one nodule together, with all decisions on them. The
// one that stays has decisions, thin slices, few warnings.
func (p *Plan) join(all []*candidate) []*candidate {
	undecided := func(c *candidate) int {
		if len(c.all) > 0 {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(undecided(a), undecided(b)), cmp.Compare(a.scan.series.Geometry.SpacingMM[0], b.scan.series.Geometry.SpacingMM[0]),
			cmp.Compare(len(a.scan.series.Warnings), len(b.scan.series.Warnings)), cmp.Compare(a.scan.name, b.scan.name), cmp.Compare(a.result.Identity, b.result.Identity),
			cmp.Compare(a.nodule.ID, b.nodule.ID))
	})
	var kept []*candidate
	for _, c := range all {
		at := slices.IndexFunc(kept, c.same)
		if at < 0 {
			kept = append(kept, c)
			continue
		}
		kept[at].all = append(kept[at].all, c.all...)
		p.out.nodule(CodeDuplicate, len(c.all) > 0)
	}
	return kept
}
