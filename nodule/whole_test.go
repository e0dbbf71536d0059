package nodule

import (
	"math"
	"testing"
)

// ramp is a cube whose HU grow along z, whole.
func ramp() *Cube {
	c := &Cube{HU: make([]float32, CubeVoxels), Valid: make([]bool, CubeVoxels)}
	for i := range c.HU {
		c.HU[i], c.Valid[i] = -1000+40*float32(i/(CubeSize*CubeSize)), true
	}
	return c
}

// TestWholeCountsEveryVoxel: what has data counts, wherever it lies, and has the
// window of a patch.
func TestWholeCountsEveryVoxel(t *testing.T) {
	c := ramp()
	c.HU[0], c.HU[1], c.HU[2] = -3000, 3000, float32(math.NaN())
	voxels, support := Whole(c)
	for i, s := range support {
		if s != 1 {
			t.Fatalf("voxel %d does not count", i)
		}
	}
	if voxels[0] != 0 || voxels[1] != 1 || voxels[2] != 0 {
		t.Errorf("beyond the window: %v", voxels[:3])
	}
	p := Central(c)
	at := (14*PatchSize+14)*PatchSize + 14
	if same := ((14+2)*CubeSize+14+2)*CubeSize + 14 + 2; p.Voxels[at] != voxels[same] {
		t.Errorf("the window differs from that of a patch: %g and %g", p.Voxels[at], voxels[same])
	}
}

// TestGapIsNoAir: missing slices do not count, and hold what lies around them.
func TestGapIsNoAir(t *testing.T) {
	c, whole := ramp(), ramp()
	plane := CubeSize * CubeSize
	for i := 10 * plane; i < 13*plane; i++ {
		c.HU[i], c.Valid[i] = InvalidHU, false
	}
	for i := 29 * plane; i < CubeVoxels; i++ { // the scan ends
		c.HU[i], c.Valid[i] = InvalidHU, false
	}
	for y := range CubeSize { // and begins, at the side of one plane
		i := 20*plane + y*CubeSize
		c.HU[i], c.Valid[i] = InvalidHU, false
	}
	want, _ := Whole(whole)
	got, support := Whole(c)
	for i := range got {
		z := i / plane
		switch {
		case (support[i] == 1) != c.Valid[i]:
			t.Fatalf("plane %d: support %g where valid is %v", z, support[i], c.Valid[i])
		case z < 29 && math.Abs(float64(got[i]-want[i])) > 1e-6:
			t.Fatalf("plane %d: %g, want %g: the ramp goes on through a gap", z, got[i], want[i])
		case z >= 29 && got[i] != want[28*plane]:
			t.Fatalf("plane %d: %g, want the last plane's %g", z, got[i], want[28*plane])
		}
	}
}

// TestColumnWithoutData takes what lies beside it.
func TestColumnWithoutData(t *testing.T) {
	c := ramp()
	for z := range CubeSize {
		i := (z*CubeSize+5)*CubeSize + 7
		c.HU[i], c.Valid[i] = InvalidHU, false
	}
	got, _ := Whole(c)
	want, _ := Whole(ramp())
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > 1e-6 {
			t.Fatalf("voxel %d: %g, want %g", i, got[i], want[i])
		}
	}
	for i := range c.Valid {
		c.Valid[i] = false
	}
	got, support := Whole(c)
	for i := range got {
		if got[i] != 0 || support[i] != 0 {
			t.Fatal("a cube without data holds something")
		}
	}
}
