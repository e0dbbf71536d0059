package phantom

import (
	"math"
	"math/rand/v2"
)

// treeSpec says how a tree fills a lung.
type treeSpec struct {
	root     vec
	radius   float64 // of the trunk, mm
	exponent float64 // radius of a branch = radius * (its share of the tips)^exponent; 1/3 is Murray's law
	tip      float64 // smallest radius, mm
}

// grow builds a tree from a root to every target: a branch runs part of the
// way towards the centre of the targets that it serves, the targets are split
// across their longest extent, and each half gets a branch of its own. It is
// the volume-filling idea of airway models, reduced to what a picture needs.
func grow(spec treeSpec, targets []vec, rng *rand.Rand) []segment {
	g := grower{spec: spec, total: float64(len(targets)), rng: rng}
	g.branch(spec.root, targets, spec.radius)
	return g.segments
}

type grower struct {
	spec     treeSpec
	total    float64
	rng      *rand.Rand
	segments []segment
}

func (g *grower) radius(tips int) float64 {
	return max(g.spec.tip, g.spec.radius*math.Pow(float64(tips)/g.total, g.spec.exponent))
}

func (g *grower) branch(from vec, targets []vec, r float64) {
	switch len(targets) {
	case 0:
		return
	case 1:
		g.bend(from, targets[0], r, g.spec.tip)
		return
	}
	var centre, lo, hi vec
	lo, hi = targets[0], targets[0]
	for _, t := range targets {
		centre = centre.Add(t)
		for i := range t {
			lo[i], hi[i] = min(lo[i], t[i]), max(hi[i], t[i])
		}
	}
	centre = centre.Scale(1 / float64(len(targets)))
	to := from.Add(centre.Sub(from).Scale(0.35 + 0.15*g.rng.Float64()))
	next := g.radius(len(targets))
	g.bend(from, to, r, next)

	axis := 0
	for i := range 3 {
		if hi[i]-lo[i] > hi[axis]-lo[axis] {
			axis = i
		}
	}
	left := make([]vec, 0, len(targets))
	right := make([]vec, 0, len(targets)/2)
	for _, t := range targets {
		if t[axis] < centre[axis] {
			left = append(left, t)
		} else {
			right = append(right, t)
		}
	}
	if len(left) == 0 || len(right) == 0 { // targets on one spot
		half := len(targets) / 2
		left, right = targets[:half], targets[half:]
	}
	g.branch(to, left, g.radius(len(left)))
	g.branch(to, right, g.radius(len(right)))
}

// bend adds two segments with a slight knee, as vessels are not straight.
func (g *grower) bend(a, b vec, ra, rb float64) {
	length := b.Sub(a).Norm()
	knee := a.Add(b).Scale(0.5).Add(direction(g.rng).Scale(0.08 * length))
	rm := (ra + rb) / 2
	g.segments = append(g.segments, segment{a, knee, ra, rm}, segment{knee, b, rm, rb})
}

// airway is a bronchus: the segment is its lumen.
type airway struct {
	segment
	wall float64 // thickness, mm
}

// trees are the vessels and airways of both lungs.
type trees struct {
	vessels []segment
	airways []airway
}

// newTrees fills both lungs. Arteries and bronchi start together at the hilum
// and follow the same targets; veins run to the left atrium.
func newTrees(a *anatomy, rng *rand.Rand) trees {
	var t trees
	carina := vec{2, 14, 38}
	trachea := []segment{{vec{0, 8, 190}, carina, 8.5, 8}}
	for _, side := range [2]float64{-1, 1} {
		hilum := vec{side * 40, 18, 6}
		targets := a.targets(side, 900, rng)
		t.vessels = append(t.vessels, grow(treeSpec{vec{side * 34, 4, 10}, 7, 0.35, 0.45}, targets, rng)...)
		t.vessels = append(t.vessels, grow(treeSpec{vec{side * 30, 10, -16}, 6.5, 0.36, 0.4}, a.targets(side, 500, rng), rng)...)
		trachea = append(trachea, segment{carina, hilum, 6.5, 5})
		var few []vec
		for i := 0; i < len(targets); i += 10 {
			few = append(few, targets[i])
		}
		for _, s := range grow(treeSpec{hilum, 5, 0.45, 0.5}, few, rng) {
			if s.ra > 0.75 {
				t.airways = append(t.airways, airway{s, 0.4 + 0.16*s.ra})
			}
		}
	}
	for _, s := range trachea {
		t.airways = append(t.airways, airway{s, 1.5})
	}
	return t
}
