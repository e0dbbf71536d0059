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
	order  []uint16   // voxels of the cube, by lower slice
	start  []int      // of every slice's run in order, and the end
	need   []bool     // slices that carry weight
}

// at returns the voxels whose lower slice is k.
func (p *plan) at(k int) []uint16 { return p.order[p.start[k]:p.start[k+1]] }

// place returns line, row and column of voxel v of the cube.
func (c *Cutter) place(p *plan, v int) (t, y, x float64) {
	i, j, k := float64(v/(CubeSize*CubeSize)), float64(v/CubeSize%CubeSize), float64(v%CubeSize)
	s := &c.step
	return p.origin[0] + i*s[0][0] + j*s[1][0] + k*s[2][0],
		p.origin[1] + i*s[0][1] + j*s[1][1] + k*s[2][1],
		p.origin[2] + i*s[0][2] + j*s[1][2] + k*s[2][2]
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
	lower := make([]int32, CubeVoxels) // lower slice of every voxel, -1 outside
	for v := range CubeVoxels {
		p.cube.HU[v] = InvalidHU
		lower[v] = -1
		t, y, x := c.place(p, v)
		z := c.grid.slice(t)
		lo, w, ok := cell(z, g.Slices)
		_, _, okY := cell(y, g.Rows)
		_, _, okX := cell(x, g.Cols)
		if !ok || !okY || !okX || w > 0 && len(g.Missing) > 0 && g.InGap(z) {
			continue
		}
		lower[v] = int32(lo)
		p.start[lo+1]++
		p.need[lo] = true
		if w > 0 {
			p.need[lo+1] = true
		}
		p.first = min(p.first, lo)
	}
	for k := range g.Slices {
		p.start[k+1] += p.start[k]
	}
	p.order = make([]uint16, p.start[g.Slices])
	next := append([]int(nil), p.start...)
	for v, k := range lower {
		if k >= 0 {
			p.order[next[k]] = uint16(v)
			next[k]++
		}
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
	for _, v := range p.at(k) {
		t, y, x := c.place(p, int(v))
		_, wz, _ := cell(c.grid.slice(t), g.Slices)
		y0, wy, _ := cell(y, g.Rows)
		x0, wx, _ := cell(x, g.Cols)
		if hu, ok := trilinear(&pair, g.Cols, y0, x0, wz, wy, wx); ok {
			p.cube.HU[v], p.cube.Valid[v] = float32(hu), true
		}
	}
	return nil
}

// trilinear weighs the eight neighbours; those of no weight are not read. It
// fails where a neighbour is padding or not finite.
func trilinear(pair *[2]plane, cols, y0, x0 int, wz, wy, wx float64) (float64, bool) {
	sum := 0.0
	for dz := range 2 {
		a := weight(dz, wz)
		if a == 0 {
			continue
		}
		for dy := range 2 {
			b := a * weight(dy, wy)
			if b == 0 {
				continue
			}
			for dx := range 2 {
				w := b * weight(dx, wx)
				if w == 0 {
					continue
				}
				i := (y0+dy)*cols + x0 + dx
				if pair[dz].pad != nil && pair[dz].pad[i] {
					return 0, false
				}
				sum += w * float64(pair[dz].hu[i])
			}
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
