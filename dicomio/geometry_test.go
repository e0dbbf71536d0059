package dicomio_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// oblique is an orthonormal pair of directions that is along no axis.
var obliqueRow, obliqueCol = [3]float64{0.8, 0.6, 0}, [3]float64{-0.36, 0.48, 0.8}

func shapes() map[string]dicomtest.Spec {
	return map[string]dicomtest.Spec{
		"axial":           {Slices: 6, Origin: [3]float64{-120, -130, -300}},
		"tilt":            {Slices: 6, TiltDeg: 18.5, Origin: [3]float64{-120, -130, -300}},
		"tilt back":       {Slices: 6, TiltDeg: -12},
		"oblique":         {Slices: 6, RowDir: obliqueRow, ColDir: obliqueCol, Spacing: [3]float64{1.25, 0.5, 0.9}},
		"feet":            {Slices: 6, ColDir: [3]float64{0, -1, 0}},
		"coronal":         {Slices: 6, RowDir: [3]float64{1, 0, 0}, ColDir: [3]float64{0, 0, -1}},
		"sagittal":        {Slices: 6, RowDir: [3]float64{0, 1, 0}, ColDir: [3]float64{0, 0, -1}, Spacing: [3]float64{1.1, 0.6, 0.8}},
		"prone":           {Slices: 6, RowDir: [3]float64{-1, 0, 0}, ColDir: [3]float64{0, -1, 0}},
		"feet first":      {Slices: 6, RowDir: [3]float64{-1, 0, 0}, ColDir: [3]float64{0, 1, 0}, Skip: []int{2}},
		"decubitus left":  {Slices: 6, RowDir: [3]float64{0, -1, 0}, ColDir: [3]float64{1, 0, 0}},
		"decubitus right": {Slices: 6, RowDir: [3]float64{0, 1, 0}, ColDir: [3]float64{-1, 0, 0}, Jitter: map[int]float64{3: 0.5}},
		"irregular":       {Slices: 6, Jitter: map[int]float64{1: 0.7, 4: -0.4}, TiltDeg: 10},
		"missing":         {Slices: 12, Skip: []int{3, 4, 8}, TiltDeg: 5},
	}
}

func TestTransformsAreInverse(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, spec := range shapes() {
		g := open(t, spec).Geometry
		for range 2000 {
			in := [3]float64{rng.Float64()*20 - 6, rng.Float64()*60 - 20, rng.Float64()*60 - 20}
			out := g.ToVoxel(g.ToLPS(in))
			for i := range in {
				if math.Abs(in[i]-out[i]) > 1e-9 {
					t.Fatalf("%s: %v comes back as %v", name, in, out)
				}
			}
		}
	}
}

// TestVoxelsLieWhereTheirSlicesSay: the transform against equation
// C.7.6.2.1-1 with the values that were written into each file.
func TestVoxelsLieWhereTheirSlicesSay(t *testing.T) {
	for name, spec := range shapes() {
		s := open(t, spec)
		row, col := spec.RowDir, spec.ColDir
		if row == ([3]float64{}) {
			row = [3]float64{1, 0, 0}
		}
		if col == ([3]float64{}) {
			sin, cos := math.Sincos(spec.TiltDeg * math.Pi / 180)
			col = [3]float64{0, cos, -sin}
		}
		dy, dx := s.Geometry.SpacingMM[1], s.Geometry.SpacingMM[2]
		for z, sl := range s.Slices {
			got := s.Geometry.ToLPS([3]float64{float64(z), 3, 11})
			for i := range got {
				want := sl.Origin[i] + row[i]*11*dx + col[i]*3*dy
				if math.Abs(got[i]-want) > 1e-6 {
					t.Fatalf("%s: slice %d axis %d: %v, want %v", name, z, i, got[i], want)
				}
			}
		}
	}
}

func TestSpacingIsColumnsThenRows(t *testing.T) {
	g := open(t, dicomtest.Spec{Spacing: [3]float64{2, 0.5, 0.9}}).Geometry
	if g.SpacingMM != [3]float64{2, 0.5, 0.9} || g.RowStep != (dicomio.Vec{0, 0.5, 0}) || g.ColStep != (dicomio.Vec{0.9, 0, 0}) {
		t.Errorf("spacing %v, row step %v, column step %v", g.SpacingMM, g.RowStep, g.ColStep)
	}
}

func TestBeyondTheEnds(t *testing.T) {
	// The gap beside the last slice must not stretch what lies beyond it.
	g := open(t, dicomtest.Spec{Slices: 8, Skip: []int{5, 6}}).Geometry
	if p := g.ToLPS([3]float64{6, 0, 0}); math.Abs(p[2]-20) > 1e-9 {
		t.Errorf("one slice beyond the last lies at %v, want z 20", p)
	}
	if p := g.ToLPS([3]float64{-2, 0, 0}); math.Abs(p[2]+5) > 1e-9 {
		t.Errorf("two slices before the first lie at %v, want z -5", p)
	}
}

func TestInGap(t *testing.T) {
	g := dicomio.Geometry{Missing: []dicomio.Gap{{After: 2, Count: 3}}}
	for z, want := range map[float64]bool{1.9: false, 2: false, 2.001: true, 2.5: true, 3: false, 3.5: false, math.NaN(): false} {
		if g.InGap(z) != want {
			t.Errorf("slice index %v: %v", z, !want)
		}
	}
}

func TestDegenerateGeometryGivesNaN(t *testing.T) {
	if v := (dicomio.Geometry{}).ToVoxel(dicomio.Vec{1, 2, 3}); !math.IsNaN(v[0]) || !math.IsNaN(v[2]) {
		t.Errorf("got %v", v)
	}
	g := open(t, dicomtest.Spec{}).Geometry
	if v := g.ToVoxel(dicomio.Vec{0, 0, math.NaN()}); !math.IsNaN(v[0]) {
		t.Errorf("NaN becomes slice %v", v[0])
	}
	if p := g.ToLPS([3]float64{math.NaN(), 0, 0}); !math.IsNaN(p[2]) {
		t.Errorf("NaN becomes %v", p)
	}
}
