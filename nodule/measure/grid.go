package measure

import (
	"math"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// grid is a checked cube with the mask that is measured.
type grid struct {
	Cube
	prob   []float32
	mask   []bool
	in     []int // indices of the mask's voxels
	n      int
	voxel  float64 // mm³
	binary bool    // prob is 0 or 1 everywhere
	pos    [][3]int32
}

func newGrid(c Cube, prob []float32) (*grid, error) {
	refuse := func(hint string) (*grid, error) {
		return nil, coded.New(CodeMeasureInvalid, "measure nodule", hint, nil)
	}
	size := 1
	for a := range 3 {
		if c.Shape[a] < 1 || c.Shape[a] > maxVoxels || size*c.Shape[a] > maxVoxels {
			return refuse("the cube has no voxels or too many; cut it smaller")
		}
		size *= c.Shape[a]
		if s := c.SpacingMM[a]; !(s >= 0.01 && s <= 100) {
			return refuse("the voxel spacing must be 0.01 to 100 mm")
		}
	}
	if len(c.HU) != size || len(prob) != size || c.Valid != nil && len(c.Valid) != size {
		return refuse("HU, data flags and outline must have as many voxels as the shape says")
	}
	g := &grid{Cube: c, prob: prob, binary: true, voxel: c.SpacingMM[0] * c.SpacingMM[1] * c.SpacingMM[2]}
	over := make([]bool, size)
	g.pos = make([][3]int32, size)
	for i := range g.pos {
		g.pos[i] = [3]int32{int32(i / (c.Shape[1] * c.Shape[2])), int32(i / c.Shape[2] % c.Shape[1]), int32(i % c.Shape[2])}
	}
	for i, p := range prob {
		if !(p >= 0 && p <= 1) {
			return refuse("a probability is not between 0 and 1")
		}
		if h := float64(c.HU[i]); g.valid(i) && (math.IsNaN(h) || math.IsInf(h, 0)) {
			return refuse("a voxel with data is no number of HU")
		}
		g.binary = g.binary && (p == 0 || p == 1)
		over[i] = p >= 0.5
	}
	for _, part := range g.components(over, 26) {
		if len(part) > len(g.in) {
			g.in = part
		}
	}
	if g.n = len(g.in); g.n == 0 {
		return nil, coded.New(CodeMaskEmpty, "measure nodule", "the outline is empty: no voxel reaches a probability of 0.5; check the outline", nil)
	}
	g.mask = make([]bool, size)
	for _, i := range g.in {
		g.mask[i] = true
	}
	return g, nil
}

func (g *grid) valid(i int) bool { return g.Valid == nil || g.Valid[i] }

// step is the index d away from i, and false outside the cube.
func (g *grid) step(i int, d [3]int) (int, bool) {
	p := &g.pos[i]
	z, y, x := int(p[0])+d[0], int(p[1])+d[1], int(p[2])+d[2]
	if uint(z) >= uint(g.Shape[0]) || uint(y) >= uint(g.Shape[1]) || uint(x) >= uint(g.Shape[2]) {
		return 0, false
	}
	return (z*g.Shape[1]+y)*g.Shape[2] + x, true
}

var (
	six       = [][3]int{{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}}
	twentysix = func() (out [][3]int) {
		for k := range 27 {
			if k != 13 {
				out = append(out, [3]int{k/9 - 1, k/3%3 - 1, k%3 - 1})
			}
		}
		return out
	}()
)

// components are the connected parts of set, by 6 or 26 neighbours.
func (g *grid) components(set []bool, neighbours int) (parts [][]int) {
	near := six
	if neighbours == 26 {
		near = twentysix
	}
	seen := make([]bool, len(set))
	for i := range set {
		if !set[i] || seen[i] {
			continue
		}
		part := []int{i}
		seen[i] = true
		for k := 0; k < len(part); k++ {
			for _, d := range near {
				if j, ok := g.step(part[k], d); ok && set[j] && !seen[j] {
					seen[j] = true
					part = append(part, j)
				}
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// eroded are the voxels of set whose six neighbours are in it too; what lies
// outside the cube counts as in it if outside is set.
func (g *grid) eroded(set []bool, outside bool) []bool {
	out := make([]bool, len(set))
	for i := range set {
		out[i] = set[i]
		for _, d := range six {
			if !out[i] {
				break
			}
			j, ok := g.step(i, d)
			out[i] = ok && set[j] || !ok && outside
		}
	}
	return out
}

// volume sets volume and uncertainty; SurfaceMM2 must be set.
func (g *grid) volume(m *Measurements, count float64) {
	if g.binary {
		m.VolumeMM3, m.VolumeUncertaintyMM3 = count, m.SurfaceMM2*math.Cbrt(g.voxel)/2
		return
	}
	var sum float64
	var low, high int
	seen := make([]bool, len(g.prob))
	add := func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		sum += float64(g.prob[i])
		if g.prob[i] >= 0.3 {
			low++
		}
		if g.prob[i] >= 0.7 {
			high++
		}
	}
	for _, i := range g.in {
		add(i)
		for _, d := range twentysix {
			if j, ok := g.step(i, d); ok {
				add(j)
			}
		}
	}
	m.VolumeMM3 = sum * g.voxel
	m.VolumeUncertaintyMM3 = max(float64(low-high)*g.voxel/2, g.voxel)
}
