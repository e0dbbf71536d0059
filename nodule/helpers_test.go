package nodule

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

// volume is a series in memory whose HU are a function of position.
type volume struct {
	geo     dicomio.Geometry
	hu      func(p dicomio.Vec) float64
	pad     func(z, y, x int) bool // nil: none
	fail    map[int]error          // slices that cannot be decoded
	mu      sync.Mutex
	decoded map[int]int // how often every slice was decoded
}

func (v *volume) HU(ctx context.Context, first, count int) (*dicomio.Block, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	b := &dicomio.Block{First: first, Count: count, Rows: v.geo.Rows, Cols: v.geo.Cols}
	for z := first; z < first+count; z++ {
		if z < 0 || z >= v.geo.Slices {
			return nil, fmt.Errorf("slice %d of %d", z, v.geo.Slices)
		}
		if err := v.fail[z]; err != nil {
			return nil, err
		}
	}
	if v.decoded == nil {
		v.decoded = map[int]int{}
	}
	for z := first; z < first+count; z++ {
		v.decoded[z]++
		for y := range v.geo.Rows {
			for x := range v.geo.Cols {
				p := v.geo.ToLPS([3]float64{float64(z), float64(y), float64(x)})
				b.HU = append(b.HU, float32(v.hu(p)))
				b.Padding = append(b.Padding, v.pad != nil && v.pad(z, y, x))
			}
		}
	}
	return b, nil
}

// box builds a geometry around the origin of the patient.
func box(slices, rows, cols int, col, row, line dicomio.Vec, offsets []float64) dicomio.Geometry {
	n := unit(col).Cross(unit(row))
	g := dicomio.Geometry{Slices: slices, Rows: rows, Cols: cols, ColStep: col, RowStep: row, Line: unit(line), Normal: n, Offsets: offsets}
	mid := g.ToLPS([3]float64{float64(slices-1) / 2, float64(rows-1) / 2, float64(cols-1) / 2})
	for i := range g.Origin {
		g.Origin[i] -= mid[i]
	}
	g.SpacingMM = [3]float64{(offsets[slices-1] - offsets[0]) / float64(slices-1) * g.Line.Dot(n), row.Norm(), col.Norm()}
	return g
}

// axial is a plain volume of 1 mm slices and 1 mm pixels.
func axial(slices, rows, cols int) dicomio.Geometry {
	return box(slices, rows, cols, dicomio.Vec{1, 0, 0}, dicomio.Vec{0, 1, 0}, dicomio.Vec{0, 0, 1}, even(slices, 1))
}

func even(n int, step float64) []float64 {
	o := make([]float64, n)
	for i := range o {
		o[i] = float64(i) * step
	}
	return o
}

func unit(v dicomio.Vec) dicomio.Vec {
	n := v.Norm()
	return dicomio.Vec{v[0] / n, v[1] / n, v[2] / n}
}

func scale(v dicomio.Vec, s float64) dicomio.Vec { return dicomio.Vec{v[0] * s, v[1] * s, v[2] * s} }

// linear is a field that trilinear interpolation must reproduce exactly.
func linear(p dicomio.Vec) float64 { return 3*p[0] - 5*p[1] + 7*p[2] + 11 }

// cubePoint is the LPS position of voxel i of a cube around c.
func cubePoint(c dicomio.Vec, i int) dicomio.Vec {
	return dicomio.Vec{
		c[0] + float64(i%CubeSize) - 15.5,
		c[1] + float64(i/CubeSize%CubeSize) - 15.5,
		c[2] + float64(i/CubeSize/CubeSize) - 15.5,
	}
}

func newCutter(t *testing.T, v *volume, opts CutOptions) *Cutter {
	t.Helper()
	c, err := NewCutter(v.geo, v, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantCode(t *testing.T, err error, code Code) {
	t.Helper()
	if err == nil || CodeOf(err) != code {
		t.Fatalf("error is %v with code %q, want %q", err, CodeOf(err), code)
	}
}

func closeTo(a, b, tol float64) bool { return math.Abs(a-b) <= tol }
