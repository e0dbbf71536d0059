package nodule

import (
	"context"
	"math"

	"github.com/nodulescope/nodulescope/dicomio"
)

// centre is the index of a candidate along every axis of its cube.
const centre = (CubeSize - 1) / 2.0

// plan lists which voxels of a cube lie between which slices, so that a cube is
// filled slice by slice and no more than two slices are needed at a time.
type plan struct {
	result *CutResult
	cube   *Cube
	origin [3]float64 // line (mm), row, column of voxel (0,0,0)
	first  int        // lowest slice that is needed
	order  []run      // by lower slice
	start  []int      // of every slice's part of order, and the end
	need   []bool     // slices that carry weight
	cols   *[CubeSize]between
}

// run is voxels of one row of a cube that have the same lower slice.
type run struct {
	row      uint16 // z*CubeSize+y
	from, to uint8  // x, without the last
}

// at returns the runs whose lower slice is k.
func (p *plan) at(k int) []run { return p.order[p.start[k]:p.start[k+1]] }

// between is where a voxel of a cube lies among those of the series along one
// axis: the lower neighbour and the weight of the upper one.
type between struct {
	lo int
	w  float64
	ok bool // within the scan
}

// axis of the series along which voxels of a cube are looked at.
const (
	axisLine = iota // mm
	axisRow
	axisCol
)

// place gives the index along an axis of the voxels of a row of the cube: start
// and what is added per voxel.
func (c *Cutter) place(p *plan, row, axis int) (start, step float64) {
	s := &c.step
	i, j := float64(row/CubeSize), float64(row%CubeSize)
	return p.origin[axis] + i*s[0][axis] + j*s[1][axis], s[2][axis]
}

// betweenSlices is between along the line of the slices; what lies in a gap is
// not within the scan.
func (c *Cutter) betweenSlices(t float64) between {
	g := &c.grid.geo
	z := c.grid.slice(t)
	lo, w, ok := cell(z, g.Slices)
	return between{lo, w, ok && !(w > 0 && len(g.Missing) > 0 && g.InGap(z))}
}

// along looks at the voxels of a row along an axis, once where they are all at
// the same place.
func (c *Cutter) along(p *plan, row, axis int, out *[CubeSize]between) (same bool) {
	start, step := c.place(p, row, axis)
	one := func(v float64) between {
		switch axis {
		case axisLine:
			return c.betweenSlices(v)
		case axisRow:
			lo, w, ok := cell(v, c.grid.geo.Rows)
			return between{lo, w, ok}
		default:
			lo, w, ok := cell(v, c.grid.geo.Cols)
			return between{lo, w, ok}
		}
	}
	if step == 0 {
		out[0] = one(start)
		for x := 1; x < CubeSize; x++ {
			out[x] = out[0]
		}
		return true
	}
	for x := range out {
		out[x] = one(start + float64(x)*step)
	}
	return false
}

func (c *Cutter) plan(pos dicomio.Vec) *plan {
	g := &c.grid.geo
	corner := centre * c.opts.SpacingMM
	p := &plan{
		cube:   &Cube{HU: make([]float32, CubeVoxels), Valid: make([]bool, CubeVoxels)},
		origin: c.grid.affine(dicomio.Vec{pos[0] - corner, pos[1] - corner, pos[2] - corner}),
		first:  g.Slices,
		start:  make([]int, g.Slices+1),
		need:   make([]bool, g.Slices),
	}
	for v := range p.cube.HU {
		p.cube.HU[v] = InvalidHU
	}
	var line, rows, cols [CubeSize]between
	if c.step[0][axisCol] == 0 && c.step[1][axisCol] == 0 { // the same in every row
		p.cols = new([CubeSize]between)
		c.along(p, 0, axisCol, p.cols)
		cols = *p.cols
	}
	var runs []run
	var lower []int // of runs
	for row := range CubeSize * CubeSize {
		c.along(p, row, axisLine, &line)
		c.along(p, row, axisRow, &rows)
		if p.cols == nil {
			c.along(p, row, axisCol, &cols)
		}
		open := false // a run goes on
		for x := range CubeSize {
			if !line[x].ok || !rows[x].ok || !cols[x].ok {
				open = false
				continue
			}
			lo := line[x].lo
			if open = open && lower[len(lower)-1] == lo; open {
				runs[len(runs)-1].to++
			} else {
				runs, lower = append(runs, run{uint16(row), uint8(x), uint8(x + 1)}), append(lower, lo)
				p.start[lo+1]++
				p.first = min(p.first, lo)
				open = true
			}
			p.need[lo] = true
			if line[x].w > 0 {
				p.need[lo+1] = true
			}
		}
	}
	for k := range g.Slices {
		p.start[k+1] += p.start[k]
	}
	p.order = make([]run, len(runs))
	next := append([]int(nil), p.start...)
	for i, r := range runs {
		p.order[next[lower[i]]] = r
		next[lower[i]]++
	}
	return p
}

// fill interpolates the voxels of p between slices k and k+1.
func (c *Cutter) fill(ctx context.Context, src *planes, p *plan, k int) error {
	g := &c.grid.geo
	pair := [2]plane{src.get(ctx, k)}
	if pair[0].err != nil {
		return pair[0].err
	}
	if k+1 < g.Slices && p.need[k+1] {
		pair[1] = src.get(ctx, k+1)
		if pair[1].err != nil {
			return pair[1].err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var line, rows, cols [CubeSize]between
	if p.cols != nil {
		cols = *p.cols
	}
	for _, r := range p.at(k) {
		same := c.along(p, int(r.row), axisLine, &line)
		same = c.along(p, int(r.row), axisRow, &rows) && same
		if p.cols == nil {
			c.along(p, int(r.row), axisCol, &cols)
		}
		from, to := int(r.from), int(r.to)
		hu, valid := p.cube.HU[int(r.row)*CubeSize:][:CubeSize], p.cube.Valid[int(r.row)*CubeSize:][:CubeSize]
		var lines [4]weighted
		n := 0
		for x := from; x < to; x++ {
			if x == from || !same {
				n = gather(&pair, g.Cols, rows[x], line[x].w, &lines)
			}
			if v, ok := bilinear(lines[:n], cols[x]); ok {
				hu[x], valid[x] = float32(v), true
			}
		}
	}
	return nil
}

// weighted is a row of a slice and its weight.
type weighted struct {
	hu  []float32
	pad []bool // nil: nothing is padding
	w   float64
}

// gather finds the rows of two slices that a voxel is interpolated from; those of
// no weight are left out.
func gather(pair *[2]plane, cols int, y between, wz float64, lines *[4]weighted) (n int) {
	for dz := range 2 {
		a := weight(dz, wz)
		if a == 0 {
			continue
		}
		for dy := range 2 {
			b := a * weight(dy, y.w)
			if b == 0 {
				continue
			}
			from := (y.lo + dy) * cols
			lines[n] = weighted{hu: pair[dz].hu[from : from+cols], w: b}
			if pair[dz].pad != nil {
				lines[n].pad = pair[dz].pad[from : from+cols]
			}
			n++
		}
	}
	return n
}

// bilinear weighs the neighbours of a voxel in every row; those of no weight are
// not read. It fails where a neighbour is padding or not finite.
func bilinear(lines []weighted, x between) (float64, bool) {
	sum, w0 := 0.0, 1-x.w
	for i := range lines {
		l := &lines[i]
		if w := l.w * w0; w != 0 {
			if l.pad != nil && l.pad[x.lo] {
				return 0, false
			}
			sum += w * float64(l.hu[x.lo])
		}
		if w := l.w * x.w; w != 0 {
			if l.pad != nil && l.pad[x.lo+1] {
				return 0, false
			}
			sum += w * float64(l.hu[x.lo+1])
		}
	}
	return sum, !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

func weight(d int, w float64) float64 {
	if d == 0 {
		return 1 - w
	}
	return w
}
