package phantom

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Stored values are HU + 1024, as most scanners write them.
const (
	rescaleIntercept = -1024
	minHU            = math.MinInt16
	maxHU            = 4095 + rescaleIntercept
)

// subSlices is how many planes within the thickness of a slice are averaged
// for what is small: vessels, airways, nodules.
const subSlices = 3

// paint holds what is painted over the anatomy, found by slice.
type paint struct {
	trees
	bodies []body
	slices []slicePaint
}

// slicePaint lists what touches one slice.
type slicePaint struct {
	vessels, airways, bodies []box
}

// box is the part of a slice that an object may touch.
type box struct {
	index          int
	y0, y1, x0, x1 int // rows y0..y1-1, columns x0..x1-1
}

func newPaint(g dicomio.Geometry, t trees, bodies []body) paint {
	p := paint{trees: t, bodies: bodies, slices: make([]slicePaint, g.Slices)}
	edge := pixelEdge(g)
	for i := range t.vessels {
		s := &t.vessels[i]
		p.enter(g, s.a, s.b, max(s.ra, s.rb)+edge, i, func(s *slicePaint) *[]box { return &s.vessels })
	}
	for i := range t.airways {
		a := &t.airways[i]
		p.enter(g, a.a, a.b, max(a.ra, a.rb)+a.wall+edge, i, func(s *slicePaint) *[]box { return &s.airways })
	}
	for i := range bodies {
		b := &bodies[i]
		p.enter(g, b.at, b.at, b.reach+edge, i, func(s *slicePaint) *[]box { return &s.bodies })
	}
	return p
}

// enter puts an object that lies within reach of the line from a to b into
// the lists of the slices it touches. Voxel indices are affine in position.
func (p *paint) enter(g dicomio.Geometry, a, b vec, reach float64, index int, list func(*slicePaint) *[]box) {
	va, vb := g.ToVoxel(a), g.ToVoxel(b)
	cos := g.Normal[2]
	size := [3]int{g.Slices, g.Rows, g.Cols}
	var from, to [3]int
	for k, r := range [3]float64{reach/g.SpacingMM[0] + 0.5, reach / (g.SpacingMM[1] * cos), reach / g.SpacingMM[2]} {
		from[k] = int(max(0, math.Ceil(min(va[k], vb[k])-r)))
		to[k] = int(min(float64(size[k]-1), math.Floor(max(va[k], vb[k])+r))) + 1
		if from[k] >= to[k] {
			return
		}
	}
	for z := from[0]; z < to[0]; z++ {
		l := list(&p.slices[z])
		*l = append(*l, box{index, from[1], to[1], from[2], to[2]})
	}
}

// pixelEdge is the width of a border in the plane of a slice, mm.
func pixelEdge(g dicomio.Geometry) float64 { return max(0.9, 0.9*max(g.SpacingMM[1], g.SpacingMM[2])) }

// Slice renders slice z into dst: HU of [Rows, Cols], row by row. Slices may
// be rendered in any order and at the same time. A z outside the scan or a
// dst of another size than Rows x Cols panics.
func (p *Phantom) Slice(z int, dst []int16) {
	g := &p.geometry
	if z < 0 || z >= g.Slices || len(dst) != g.Rows*g.Cols {
		panic(fmt.Sprintf("phantom: Slice(%d) into %d values of a phantom of %d slices of %d x %d", z, len(dst), g.Slices, g.Rows, g.Cols))
	}
	hu := make([]float32, len(dst))
	p.base(z, hu)
	p.overlay(z, hu)
	k := kernels[p.spec.Kernel]
	k.apply(hu, g.Rows, g.Cols)
	if p.spec.NoiseHU > 0 {
		addNoise(hu, g.Rows, g.Cols, p.spec.NoiseHU, k.noise, p.noise(z))
	}
	p.quantise(hu, dst)
}

// base renders the anatomy.
func (p *Phantom) base(z int, hu []float32) {
	g := &p.geometry
	edge := pixelEdge(*g)
	for y := range g.Rows {
		at := g.ToLPS([3]float64{float64(z), float64(y), 0})
		s := p.anatomy.section(at[2], g.SpacingMM[0])
		row := hu[y*g.Cols : (y+1)*g.Cols]
		for x := range row {
			row[x] = float32(s.at(at[0]+float64(x)*g.ColStep[0], at[1], edge))
		}
	}
}

// overlay paints vessels, airways and nodules.
func (p *Phantom) overlay(z int, hu []float32) {
	list := &p.painted.slices[z]
	edge := pixelEdge(p.geometry)
	cover := make([]float32, len(hu))
	tube := func(b box, d func(q vec) (float64, float64)) {
		p.each(z, b, func(i int, planes *[subSlices]vec) {
			var c float64
			for _, q := range planes {
				dist, r := d(q)
				// A tube thinner than a pixel never fills it.
				c += soft(dist, edge) * min(1, (2*r+0.2)/edge)
			}
			cover[i] = max(cover[i], float32(c/subSlices))
		})
	}
	blend := func(to float32) {
		for i, c := range cover {
			if c > 0 {
				hu[i] += c * (to - hu[i])
				cover[i] = 0
			}
		}
	}
	for _, b := range list.vessels {
		s := &p.painted.vessels[b.index]
		tube(b, func(q vec) (float64, float64) { return s.distance(q), s.ra })
	}
	for i := range cover { // vessels within soft tissue stay invisible
		if hu[i] > -200 {
			cover[i] = 0
		}
	}
	blend(bloodHU)
	for _, b := range list.airways {
		a := &p.painted.airways[b.index]
		tube(b, func(q vec) (float64, float64) { return a.distance(q) - a.wall, a.wall })
	}
	blend(muscleHU - 20)
	for _, b := range list.airways {
		a := &p.painted.airways[b.index]
		tube(b, func(q vec) (float64, float64) { return a.distance(q), a.ra })
	}
	blend(airHU + 20)
	for _, b := range list.bodies {
		p.paintBody(z, b, hu)
	}
}

// paintBody adds a nodule: it only makes tissue denser, and stays within the
// lung.
func (p *Phantom) paintBody(z int, b box, hu []float32) {
	n := &p.painted.bodies[b.index]
	p.each(z, b, func(i int, planes *[subSlices]vec) {
		var added float64
		for _, q := range planes {
			share, to := n.sample(q)
			if share == 0 || to <= float64(hu[i]) {
				continue
			}
			added += share * p.within(q) * (to - float64(hu[i]))
		}
		hu[i] += float32(added / subSlices)
	})
}

// within is the share of a nodule at a point that the lung lets be.
func (p *Phantom) within(q vec) float64 {
	if depth := p.anatomy.depth(q); depth < 2 {
		return soft(-1-depth, 2)
	}
	return 1
}

// each calls f with the index of every pixel of a box and its positions in
// the planes within the slice.
func (p *Phantom) each(z int, b box, f func(i int, planes *[subSlices]vec)) {
	g := &p.geometry
	var planes [subSlices]vec
	for y := b.y0; y < b.y1; y++ {
		for k := range planes {
			off := (float64(k) - (subSlices-1)/2.0) / subSlices
			planes[k] = g.ToLPS([3]float64{float64(z) + off, float64(y), float64(b.x0)})
		}
		for x := b.x0; x < b.x1; x++ {
			f(y*g.Cols+x, &planes)
			for k := range planes {
				planes[k][0] += g.ColStep[0]
			}
		}
	}
}

// outside tells whether a pixel lies outside the circle of reconstruction,
// the largest that fits the image.
func (p *Phantom) outside(y, x float64) bool {
	g := &p.geometry
	dy := (y - float64(g.Rows-1)/2) * g.SpacingMM[1]
	dx := (x - float64(g.Cols-1)/2) * g.SpacingMM[2]
	r := min(float64(g.Rows)*g.SpacingMM[1], float64(g.Cols)*g.SpacingMM[2]) / 2
	return dy*dy+dx*dx > r*r
}

// quantise rounds to whole HU within what 12 bits store, and writes padding.
func (p *Phantom) quantise(hu []float32, dst []int16) {
	for i, v := range hu {
		dst[i] = int16(math.Round(float64(max(rescaleIntercept, min(maxHU, v)))))
	}
	if p.spec.PaddingValue == nil {
		return
	}
	padding := int16(*p.spec.PaddingValue + rescaleIntercept)
	other := padding + 1
	if padding == maxHU {
		other = padding - 1
	}
	for y := range p.geometry.Rows {
		for x := range p.geometry.Cols {
			i := y*p.geometry.Cols + x
			switch {
			case p.outside(float64(y), float64(x)):
				dst[i] = padding
			case dst[i] == padding:
				dst[i] = other
			}
		}
	}
}
