package measure

import (
	"cmp"
	"math"
	"slices"
)

type vec [3]float64 // z, y, x in mm

func (a vec) minus(b vec) vec { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }

func (a vec) dot(b vec) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// turned has z and x exchanged.
func (a vec) turned() vec { return vec{a[2], a[1], a[0]} }

// axes sets the axes and their uncertainty.
func (g *grid) axes(m *Measurements) {
	planes, sides := make([][]vec, g.Shape[0]), make([][]vec, g.Shape[2])
	var all []vec
	for _, i := range g.in {
		at := g.pos[i]
		for k, d := range six {
			j, ok := g.step(i, d)
			if ok && g.mask[j] {
				continue
			}
			out := 0.0
			if ok {
				out = min(float64(g.prob[j]), 0.5)
			}
			// Where the probability is 0.5 between the two centres; for a mask, where its
			// share of 3×3×3 voxels is, kept within a quarter voxel of halfway: the
			// steps of a mask alone would make a longest distance too long.
			t := 0.5
			if p := float64(g.prob[i]); !g.binary {
				t = (p - 0.5) / (p - out)
			} else if in, beside := g.share(i), g.share(j); ok && in > beside {
				t = min(max((in-0.5)/(in-beside), 0.25), 0.75)
			}
			var p vec
			for a := range p {
				p[a] = (float64(at[a]) + t*float64(d[a])) * g.SpacingMM[a]
			}
			all = append(all, p)
			if k >= 2 { // within the plane
				planes[at[0]] = append(planes[at[0]], p)
			} else {
				sides[at[2]] = append(sides[at[2]], p.turned())
			}
		}
	}
	corners := map[vec]bool{}
	for _, points := range sides {
		for _, p := range hull(points) {
			corners[p.turned()] = true
		}
	}
	for _, points := range planes {
		points = hull(points)
		for _, p := range points {
			corners[p] = true
		}
		if a, b, l := furthest(points); l > m.LongAxisMM {
			m.LongAxisMM, m.ShortAxisMM = l, chord(points, a, b, l)
		}
	}
	m.MeanAxisMM = (m.LongAxisMM + m.ShortAxisMM) / 2
	m.AxisUncertaintyMM = math.Sqrt(g.SpacingMM[1] * g.SpacingMM[2])
	if !g.binary {
		m.AxisUncertaintyMM /= 2
	}

	all = outermost(all, corners)
	a, b, l := furthest(all)
	m.LongAxis3DMM = l
	if l == 0 {
		return
	}
	along := b.minus(a)
	for i, p := range all { // onto the plane perpendicular to it
		f := p.dot(along) / (l * l)
		all[i] = p.minus(vec{f * along[0], f * along[1], f * along[2]})
	}
	_, _, m.ShortAxis3DMM = furthest(all)
}

// share is the share of 3×3×3 voxels around i that the mask has.
func (g *grid) share(i int) float64 {
	n := one(g.mask[i])
	for _, d := range twentysix {
		if j, ok := g.step(i, d); ok && g.mask[j] {
			n++
		}
	}
	return float64(n) / 27
}

// furthest are the two points that lie furthest apart, and their distance.
func furthest(points []vec) (a, b vec, length float64) {
	best := 0.0
	for i, p := range points {
		for _, q := range points[:i] {
			if d := p.minus(q); d.dot(d) > best {
				best, a, b = d.dot(d), p, q
			}
		}
	}
	return a, b, math.Sqrt(best)
}

// outermost bounds the pairs: it keeps the corners, and of more than 1,000 points
// those that lie outermost in 500 directions and their opposites, at most 0.2 % short.
func outermost(points []vec, corners map[vec]bool) []vec {
	many := len(points) > 1000
	points = slices.DeleteFunc(points, func(p vec) bool { return !corners[p] })
	if !many {
		return points
	}
	keep := map[int]bool{}
	for _, d := range spread(500) {
		lo, hi := 0, 0
		least, most := math.Inf(1), math.Inf(-1)
		for i, p := range points {
			v := p.dot(d)
			if v < least {
				least, lo = v, i
			}
			if v > most {
				most, hi = v, i
			}
		}
		keep[lo], keep[hi] = true, true
	}
	var out []vec
	for i, p := range points {
		if keep[i] {
			out = append(out, p)
		}
	}
	return out
}

// hull is the convex hull of points of one plane, in order around it (Andrew's
// monotone chain).
func hull(points []vec) []vec {
	if len(points) < 3 {
		return points
	}
	slices.SortFunc(points, func(a, b vec) int { return cmp.Or(cmp.Compare(a[2], b[2]), cmp.Compare(a[1], b[1])) })
	var out []vec
	half := func(ps []vec) {
		start := len(out)
		for _, p := range ps {
			for len(out) >= start+2 {
				a, b := out[len(out)-1].minus(out[len(out)-2]), p.minus(out[len(out)-2])
				if a[2]*b[1]-a[1]*b[2] > 0 {
					break
				}
				out = out[:len(out)-1]
			}
			out = append(out, p)
		}
		out = out[:len(out)-1]
	}
	half(points)
	slices.Reverse(points)
	half(points)
	return out
}

// chord is the longest chord of a convex polygon perpendicular to a-b, of length
// l. The length of chords changes linearly between corners, so the longest ends in one.
func chord(polygon []vec, a, b vec, l float64) float64 {
	u := b.minus(a)
	u = vec{0, u[1] / l, u[2] / l}
	v := vec{0, -u[2], u[1]}
	best := 0.0
	for _, c := range polygon {
		t := c.dot(u)
		low, high := c.dot(v), c.dot(v)
		for i, p := range polygon {
			q := polygon[(i+1)%len(polygon)]
			tp, tq := p.dot(u), q.dot(u)
			if tp == tq || t < min(tp, tq) || t > max(tp, tq) {
				continue
			}
			y := p.dot(v) + (t-tp)/(tq-tp)*(q.dot(v)-p.dot(v))
			low, high = min(low, y), max(high, y)
		}
		best = max(best, high-low)
	}
	return best
}
