package dicomio

import (
	"math"
	"sort"
)

// Vec is a point or direction in patient coordinates (LPS), in mm, ordered x, y, z.
//
// It is not gonum's spatial/r3.Vec: an array can be indexed by its axis and is
// an array in JSON, and r3.Norm, which takes hypotenuses, rounds differently.
type Vec [3]float64

// Add is v + w.
func (v Vec) Add(w Vec) Vec { return Vec{v[0] + w[0], v[1] + w[1], v[2] + w[2]} }

// Sub is v - w.
func (v Vec) Sub(w Vec) Vec { return Vec{v[0] - w[0], v[1] - w[1], v[2] - w[2]} }

// Scale is f times v.
func (v Vec) Scale(f float64) Vec { return Vec{v[0] * f, v[1] * f, v[2] * f} }

// Dot is the dot product.
func (v Vec) Dot(w Vec) float64 { return v[0]*w[0] + v[1]*w[1] + v[2]*w[2] }

// Norm is the length.
func (v Vec) Norm() float64 { return math.Sqrt(v.Dot(v)) }

// Cross is the cross product v × w.
func (v Vec) Cross(w Vec) Vec {
	return Vec{v[1]*w[2] - v[2]*w[1], v[2]*w[0] - v[0]*w[2], v[0]*w[1] - v[1]*w[0]}
}

func (v Vec) unit() Vec { return v.Scale(1 / v.Norm()) }
func (v Vec) near(w Vec, e float64) bool {
	return math.Abs(v[0]-w[0]) <= e && math.Abs(v[1]-w[1]) <= e && math.Abs(v[2]-w[2]) <= e
}

// Geometry maps voxel indices to patient coordinates. Voxel indices are
// ordered z, y, x (slice, row, column) and are continuous: index 0 is the
// centre of the first voxel.
type Geometry struct {
	Slices, Rows, Cols int
	Origin             Vec        // centre of voxel (0,0,0), LPS mm
	ColStep            Vec        // from one column to the next (x + 1), mm
	RowStep            Vec        // from one row to the next (y + 1), mm
	Line               Vec        // unit vector from the first slice origin to the last: the true line, tilt included
	Normal             Vec        // unit normal of the slices
	Offsets            []float64  // distance of every slice from the first, along Line, mm; ascending
	SpacingMM          [3]float64 // z (median, along the normal), y, x
	TiltDeg            float64    // angle between Normal and Line; 0 where origins leave Line otherwise than a tilt does
	Missing            []Gap      // runs of missing slices
}

// Gap is a run of missing slices between two slices that exist.
type Gap struct {
	After int // index of the slice before the gap
	Count int // how many slices are missing
}

// ToLPS gives the patient coordinates, in mm, of a continuous voxel index
// ordered z, y, x. Between slices it follows Offsets, so that irregular
// spacing and tilt are exact; beyond the first and last slice it goes on along
// Line at the median spacing.
//
// It is equation C.7.6.2.1-1 of DICOM PS3.3 with the origins of the slices laid on
// Line. A series is refused where an origin lies farther from it, within its plane,
// than 0.5 mm or half a pixel, whichever is more.
func (g Geometry) ToLPS(zyx [3]float64) Vec {
	p := g.Origin.Add(g.Line.Scale(g.offset(zyx[0])))
	return p.Add(g.RowStep.Scale(zyx[1])).Add(g.ColStep.Scale(zyx[2]))
}

// ToVoxel is the inverse of ToLPS: the continuous voxel index, ordered z, y, x,
// of a point in patient coordinates. A geometry whose steps do not span space
// gives NaN.
func (g Geometry) ToVoxel(p Vec) (zyx [3]float64) {
	// p - Origin = x ColStep + y RowStep + o Line, solved by Cramer's rule.
	d := p.Sub(g.Origin)
	c := g.RowStep.Cross(g.Line)
	det := g.ColStep.Dot(c)
	if det == 0 {
		return [3]float64{math.NaN(), math.NaN(), math.NaN()}
	}
	x := d.Dot(c) / det
	y := d.Dot(g.Line.Cross(g.ColStep)) / det
	o := d.Dot(g.ColStep.Cross(g.RowStep)) / det
	return [3]float64{g.index(o), y, x}
}

// InGap tells whether the slice index z lies strictly inside a run of missing
// slices, where a value would be a guess.
func (g Geometry) InGap(z float64) bool {
	for _, m := range g.Missing {
		if z > float64(m.After) && z < float64(m.After+1) {
			return true
		}
	}
	return false
}

// offset is the distance along Line of slice index z.
func (g Geometry) offset(z float64) float64 {
	last := len(g.Offsets) - 1
	switch {
	case last < 0:
		return z * g.step()
	case z <= 0:
		return g.Offsets[0] + z*g.step()
	case z >= float64(last):
		return g.Offsets[last] + (z-float64(last))*g.step()
	case math.IsNaN(z):
		return z
	}
	i := int(z)
	return g.Offsets[i] + (z-float64(i))*(g.Offsets[i+1]-g.Offsets[i])
}

// index is the slice index at distance o along Line.
func (g Geometry) index(o float64) float64 {
	last := len(g.Offsets) - 1
	switch {
	case last < 0:
		return o / g.step()
	case o <= g.Offsets[0]:
		return (o - g.Offsets[0]) / g.step()
	case o >= g.Offsets[last]:
		return float64(last) + (o-g.Offsets[last])/g.step()
	case math.IsNaN(o):
		return o
	}
	i := sort.SearchFloat64s(g.Offsets, o)
	if g.Offsets[i] == o {
		return float64(i)
	}
	return float64(i-1) + (o-g.Offsets[i-1])/(g.Offsets[i]-g.Offsets[i-1])
}

// step is the median spacing along Line, used beyond the ends.
func (g Geometry) step() float64 {
	if c := g.Line.Dot(g.Normal); g.SpacingMM[0] > 0 && c > 0 {
		return g.SpacingMM[0] / c
	}
	if n := len(g.Offsets); n > 1 {
		return (g.Offsets[n-1] - g.Offsets[0]) / float64(n-1)
	}
	return 1
}
