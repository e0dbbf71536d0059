package nodule

import (
	"math"

	"github.com/nodulescope/nodulescope/dicomio"
)

// area is what a contour encloses in one slice: a box of w x h pixels at x0, y0.
type area struct {
	z, x0, y0, w, h int
	in              []bool
}

func newArea(z int, contour [][2]int) *area {
	x0, y0, x1, y1 := contour[0][0], contour[0][1], contour[0][0], contour[0][1]
	for _, p := range contour {
		x0, y0, x1, y1 = min(x0, p[0]), min(y0, p[1]), max(x1, p[0]), max(y1, p[1])
	}
	return &area{z: z, x0: x0, y0: y0, w: x1 - x0 + 1, h: y1 - y0 + 1}
}

// cost is the work of filling: the box and the rows that the edges cross.
func (a *area) cost(contour [][2]int) int {
	n := a.w*a.h + len(contour)
	for i, p := range contour {
		q := contour[(i+1)%len(contour)]
		n += max(p[1]-q[1], q[1]-p[1])
	}
	return n
}

// fill marks the pixels within the contour by the even-odd rule and takes the
// contour's own pixels out, which lie outside the nodule. A contour so small
// that nothing is left counts as its own pixels.
func (a *area) fill(contour [][2]int) {
	a.in = make([]bool, a.w*a.h)
	for i, p := range contour {
		q := contour[(i+1)%len(contour)]
		if p[1] > q[1] {
			p, q = q, p
		}
		for y := p[1]; y < q[1]; y++ { // half open: a vertex is crossed once
			x := float64(p[0]) + float64(q[0]-p[0])*float64(y-p[1])/float64(q[1]-p[1])
			// The crossing flips every pixel from there to the right; here the first.
			if first := int(math.Ceil(x)) - a.x0; first < a.w {
				j := (y-a.y0)*a.w + first
				a.in[j] = !a.in[j]
			}
		}
	}
	for y := range a.h {
		inside := false
		for x := range a.w {
			j := y*a.w + x
			inside = inside != a.in[j]
			a.in[j] = inside
		}
	}
	left := a.count()
	for _, p := range contour {
		if j := (p[1]-a.y0)*a.w + p[0] - a.x0; a.in[j] {
			a.in[j] = false
			left--
		}
	}
	if left == 0 {
		for _, p := range contour {
			a.in[(p[1]-a.y0)*a.w+p[0]-a.x0] = true
		}
	}
}

func (a *area) count() int {
	n := 0
	for _, v := range a.in {
		if v {
			n++
		}
	}
	return n
}

// centroid returns pixel count, mean row and mean column.
func (a *area) centroid() (n, y, x float64) {
	for i, v := range a.in {
		if v {
			n++
			y += float64(a.y0 + i/a.w)
			x += float64(a.x0 + i%a.w)
		}
	}
	return n, y / n, x / n
}

func (a *area) overlaps(b *area) bool {
	if a.z != b.z {
		return false
	}
	for y := max(a.y0, b.y0); y < min(a.y0+a.h, b.y0+b.h); y++ {
		for x := max(a.x0, b.x0); x < min(a.x0+a.w, b.x0+b.w); x++ {
			if a.in[(y-a.y0)*a.w+x-a.x0] && b.in[(y-b.y0)*b.w+x-b.x0] {
				return true
			}
		}
	}
	return false
}

// mark is one reader's nodule.
type mark struct {
	reader int
	areas  []*area
	centre dicomio.Vec // LPS mm
	volume float64     // mm³
}

// measure computes centroid and volume of the voxels; a slice is as thick as
// half the way to either neighbour.
func (m *mark) measure(g *dicomio.Geometry) {
	perMM := g.ColStep.Cross(g.RowStep).Norm() // area of a pixel, mm²
	slant := g.Line.Dot(g.Normal)              // distance along the normal per mm of the line
	if slant < 0 {
		slant = -slant
	}
	for _, a := range m.areas {
		n, y, x := a.centroid()
		lo, hi := max(a.z-1, 0), min(a.z+1, g.Slices-1)
		thick := (g.Offsets[hi] - g.Offsets[lo]) / float64(hi-lo) * slant
		v := n * perMM * thick
		p := g.ToLPS([3]float64{float64(a.z), y, x})
		for i := range m.centre {
			m.centre[i] += v * p[i]
		}
		m.volume += v
	}
	for i := range m.centre {
		m.centre[i] /= m.volume
	}
}

// same tells whether two marks overlap or are closer than the smaller radius,
// and how far apart their centres are.
func (m *mark) same(o *mark) (float64, bool) {
	d := m.centre.Sub(o.centre).Norm()
	if d < sphereDiameter(min(m.volume, o.volume))/2 {
		return d, true
	}
	for _, a := range m.areas {
		for _, b := range o.areas {
			if a.overlaps(b) {
				return d, true
			}
		}
	}
	return d, false
}
