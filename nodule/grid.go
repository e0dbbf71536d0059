package nodule

import (
	"fmt"
	"math"
	"sort"

	"github.com/nodulescope/nodulescope/dicomio"
)

// snap is the distance in voxels below which an index counts as whole: it keeps
// rounding from pulling in a neighbour of weight 1e-12.
const snap = 1e-6

// grid maps LPS mm to voxel indices. Column, row and distance along the line of
// the slices are affine in the point; only distance to slice index is piecewise.
type grid struct {
	geo dicomio.Geometry
	inv [3]dicomio.Vec // rows: distance along Line (mm), row index, column index
	end float64        // spacing along Line beyond the first and last slice, mm
}

func newGrid(g dicomio.Geometry) (*grid, error) {
	bad := func(format string, args ...any) (*grid, error) {
		return nil, &Error{Code: CodeGeometryInvalid, Op: "prepare cutter", Hint: fmt.Sprintf(format, args...)}
	}
	if g.Slices < 2 || g.Rows < 2 || g.Cols < 2 {
		return bad("the volume has %d x %d x %d voxels; at least 2 along every axis are needed", g.Slices, g.Rows, g.Cols)
	}
	if len(g.Offsets) != g.Slices {
		return bad("%d slice positions for %d slices", len(g.Offsets), g.Slices)
	}
	if g.Offsets[0] != 0 {
		return bad("the first slice is %g mm from the origin, want 0", g.Offsets[0])
	}
	for i, o := range g.Offsets {
		if math.IsNaN(o) || math.IsInf(o, 0) || i > 0 && o <= g.Offsets[i-1] {
			return bad("slice positions do not ascend at slice %d", i)
		}
	}
	// Solve p - Origin = t*Line + y*RowStep + x*ColStep by Cramer's rule: the
	// rows of the inverse are cross products over the determinant.
	l, r, c := g.Line, g.RowStep, g.ColStep
	rc := r.Cross(c)
	det := l.Dot(rc)
	if size := l.Norm() * r.Norm() * c.Norm(); math.IsNaN(det) || math.IsInf(det, 0) || !(math.Abs(det) > 1e-6*size) {
		return bad("the directions of slices, rows and columns do not span a volume")
	}
	cl, lr := c.Cross(l), l.Cross(r)
	m := &grid{geo: g}
	for i := range 3 {
		m.inv[0][i], m.inv[1][i], m.inv[2][i] = rc[i]/det, cl[i]/det, lr[i]/det
	}
	// The spacing beyond the ends is the geometry's to choose: ask it.
	before := g.ToVoxel(g.Origin.Sub(l))
	if m.end = -1 / before[0]; !(m.end > 0) || math.IsInf(m.end, 0) {
		return bad("the spacing of the slices is unknown")
	}
	return m, nil
}

// affine returns distance along the line, row and column of a point.
func (m *grid) affine(p dicomio.Vec) [3]float64 {
	d := p.Sub(m.geo.Origin)
	return [3]float64{m.inv[0].Dot(d), m.inv[1].Dot(d), m.inv[2].Dot(d)}
}

// slice turns a distance along the line into a continuous slice index,
// extrapolated beyond either end.
func (m *grid) slice(t float64) float64 {
	off := m.geo.Offsets
	last := len(off) - 1
	switch {
	case t <= off[0]:
		return (t - off[0]) / m.end
	case t >= off[last]:
		return float64(last) + (t-off[last])/m.end
	}
	i := sort.SearchFloat64s(off, t) - 1 // off[i] < t <= off[i+1]
	return float64(i) + (t-off[i])/(off[i+1]-off[i])
}

// cell finds the lower neighbour and the weight of the upper one along an axis
// of n voxels. Half a voxel beyond the border counts as the border.
func cell(v float64, n int) (lo int, w float64, ok bool) {
	if !(v >= -0.5-snap && v <= float64(n)-0.5+snap) {
		return 0, 0, false
	}
	v = max(0, min(v, float64(n-1)))
	if r := math.Round(v); math.Abs(v-r) < snap {
		return int(r), 0, true
	}
	lo = int(v)
	return lo, v - float64(lo), true
}
