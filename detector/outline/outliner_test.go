package outline

import (
	"math"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// lung is a cube of air with whatever is painted in.
func lung(paint func(z, y, x float64) bool) (*nodule.Cube, []bool) {
	c := &nodule.Cube{HU: make([]float32, voxels), Valid: make([]bool, voxels)}
	mask := make([]bool, voxels)
	for i := range c.HU {
		c.HU[i], c.Valid[i] = -850, true
		if paint(float64(i/(edge*edge))-middle, float64(i/edge%edge)-middle, float64(i%edge)-middle) {
			c.HU[i], mask[i] = 40, true
		}
	}
	return c, mask
}

func ball(radius float64) func(z, y, x float64) bool {
	return func(z, y, x float64) bool { return z*z+y*y+x*x < radius*radius }
}

func agreed(o *Outline, mask []bool) Agreement { return agreement(o.Mask, o.Voxels, o.Voxels, mask) }

func TestThreshold(t *testing.T) {
	c, mask := lung(ball(6))
	if a := agreed(Threshold(c), mask); a.Dice < 0.95 || a.Change != 0 {
		t.Errorf("a ball in air: %+v", a)
	}
	vessel := func(z, y, x float64) bool { return ball(6)(z, y, x) || z*z+y*y < 2 && x > 0 }
	c, _ = lung(vessel)
	if o := Threshold(c); o.Border || o.Voxels > 1050 { // 905 without
		t.Errorf("the vessel was not cut off: %d voxels, border %v", o.Voxels, o.Border)
	}
	c, mask = lung(ball(1)) // thinner than the cross
	if a := agreed(Threshold(c), mask); a.Dice != 1 {
		t.Errorf("a nodule of 2 mm: %+v", a)
	}
	c, _ = lung(func(_, _, x float64) bool { return x > 8 })
	if o := Threshold(c); o.Voxels != 0 || o.Border {
		t.Errorf("a wall 8 mm away was taken: %d voxels", o.Voxels)
	}
	c, _ = lung(ball(20))
	if o := Threshold(c); !o.Border {
		t.Error("a mass that leaves the cube does not say so")
	}
}

// TestNearestPartIsKept: of two nodules, that of the candidate.
func TestNearestPartIsKept(t *testing.T) {
	in := make([]bool, voxels)
	at := func(z, y, x int) int { return (z*edge+y)*edge + x }
	in[at(16, 16, 18)], in[at(16, 16, 19)] = true, true
	in[at(16, 16, 12)], in[at(15, 16, 12)], in[at(14, 16, 12)] = true, true, true
	in[at(0, 0, 0)] = true
	o := outlineOf(nil, in)
	if o.Voxels != 2 || !o.Mask[at(16, 16, 18)] || o.Border {
		t.Errorf("%d voxels, border %v", o.Voxels, o.Border)
	}
	if o := outlineOf(nil, make([]bool, voxels)); o.Voxels != 0 {
		t.Error("nothing was outlined")
	}
}

// TestMovedCube: the cube of a candidate beside another shows the same place.
func TestMovedCube(t *testing.T) {
	c, _ := lung(ball(5))
	m := Move(c, [3]float64{0, 3, 0})
	at := func(z, y, x int) int { return (z*edge+y)*edge + x }
	for y := range edge - 3 {
		if i, j := at(16, y, 16), at(16, y+3, 16); m.HU[i] != c.HU[j] || !m.Valid[i] {
			t.Fatalf("row %d: %g, want %g", y, m.HU[i], c.HU[j])
		}
	}
	if m.Valid[at(16, edge-1, 16)] {
		t.Error("beyond the cube there is no data")
	}
	half := Move(c, [3]float64{0, 0, 0.5})
	if v := half.HU[at(15, 15, 20)]; math.Abs(float64(v)-(40-850)/2) > 1 { // from 20 (inside) to 21
		t.Errorf("half a voxel away: %g HU", v)
	}
}
