package outline

import (
	"math"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// TestRegion: what hangs on a nodule is left out, and faint ones are found.
func TestRegion(t *testing.T) {
	for name, tt := range map[string]struct {
		nodule, other func(z, y, x float64) bool
		hu            float32
	}{
		"alone":           {ball(5), nil, 0},
		"small":           {ball(2), nil, 0},
		"mass":            {ball(12), nil, 0},
		"ground glass":    {ball(6), nil, -620},
		"on a vessel":     {ball(4), func(z, y, _ float64) bool { return z*z+y*y <= 2 }, 0},
		"at the wall":     {ball(3), func(_, _, x float64) bool { return x > 3.5 }, 0},
		"beside the wall": {ball(2.5), func(_, _, x float64) bool { return x > 5 }, 0},
	} {
		c, mask := lung(tt.nodule)
		for i := range c.HU {
			z, y, x := float64(i/1024)-middle, float64(i/32%32)-middle, float64(i%32)-middle
			switch {
			case mask[i]:
				c.HU[i] = tt.hu
			case tt.other != nil && tt.other(z, y, x):
				c.HU[i] = 30
			}
		}
		o := Region(c)
		if d := agreement(o.Mask, o.Voxels, o.Voxels, mask).Dice; d < 0.7 {
			t.Errorf("%s: Dice %.2f, %d voxels", name, d, o.Voxels)
		}
	}
}

// TestRegionOfNothing: no outline, and no panic.
func TestRegionOfNothing(t *testing.T) {
	for name, hu := range map[string]float32{"air": -1000, "tissue": 40, "no number": float32(math.NaN())} {
		c := &nodule.Cube{HU: make([]float32, voxels), Valid: make([]bool, voxels)}
		for i := range c.HU {
			c.HU[i], c.Valid[i] = hu, true
		}
		if o := Region(c); name != "tissue" && o.Voxels > 0 {
			t.Errorf("%s: %d voxels", name, o.Voxels)
		}
		clear(c.Valid)
		if o := Region(c); o.Voxels > 0 {
			t.Errorf("no data: %d voxels", o.Voxels)
		}
	}
}

func TestDistances(t *testing.T) {
	set := make([]bool, voxels)
	places := [][3]int{{3, 4, 5}, {20, 9, 31}, {31, 31, 0}}
	for _, p := range places {
		set[(p[0]*edge+p[1])*edge+p[2]] = true
	}
	d := Distances(set, 2)
	for i := range d {
		want := math.Inf(1)
		for _, p := range places {
			want = min(want, 2*apart(i, (p[0]*edge+p[1])*edge+p[2]))
		}
		if math.Abs(d[i]-want) > 1e-9 {
			t.Fatalf("voxel %d: %g, want %g", i, d[i], want)
		}
	}
	if d := Distances(make([]bool, voxels), 1); d[0] != edge {
		t.Errorf("of nothing: %g", d[0])
	}
}
