package nodule

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

// TestGapInNodule: missing slices refuse a nodule that they cross, whatever the
// tilt, and change nothing of one that they do not.
func TestGapInNodule(t *testing.T) {
	for name, row := range map[string]dicomio.Vec{"straight": {0, 1, 0}, "tilted": {0, math.Cos(0.3), math.Sin(0.3)}} {
		whole := box(40, 96, 96, dicomio.Vec{1, 0, 0}, row, dicomio.Vec{0, 0, 1}, even(40, 2))
		off := slices.Concat(whole.Offsets[:15], whole.Offsets[17:])
		gapped := whole
		gapped.Slices, gapped.Offsets, gapped.Missing = 38, off, []dicomio.Gap{{After: 14, Count: 2}}
		from, to := whole.Offsets[14]*row[1], whole.Offsets[17]*row[1] // along the normal
		normal := dicomio.Vec{0, -row[2], row[1]}
		for _, c := range []struct{ at, diameter float64 }{
			{to + 2.9, 0}, {to + 3.1, 0}, {to + 2.9, 2}, {to + 4.9, 10}, {to + 5.1, 10}, {from - 3.1, 0}, {to + 6.3, 0}, {to + 6.5, 0}, {to + 6.5, 13.1}, {from - 9.9, 20}, {from - 10.1, 20}, {(from + to) / 2, 1},
		} {
			cand := Candidate{ID: "a", DiameterMM: c.diameter}
			base := whole.ToLPS([3]float64{0, 47.5, 47.5})
			cand.PositionLPS = base.Add(normal.Scale(c.at + whole.Origin.Sub(base).Dot(normal)))
			cube, err := newCutter(t, &volume{geo: gapped, hu: linear}, CutOptions{MaxPaddingPct: 60}).Cut(context.Background(), cand)
			r := max(c.diameter/2, 3*row[1]+12*row[2])
			if want := c.at+r > from && c.at-r < to; want {
				if CodeOf(err) != CodeGapInNodule {
					t.Errorf("%s: %.1f mm, diameter %g: %v", name, c.at, c.diameter, err)
				}
				continue
			}
			full, fullErr := newCutter(t, &volume{geo: whole, hu: linear}, CutOptions{MaxPaddingPct: 60}).Cut(context.Background(), cand)
			if err != nil || fullErr != nil {
				t.Errorf("%s: %.1f mm, diameter %g: %v, %v", name, c.at, c.diameter, err, fullErr)
				continue
			}
			a, b := Central(cube).Core(), Central(full).Core()
			for i := range a.Voxels {
				if a.Support[i] != b.Support[i] || !closeTo(float64(a.Voxels[i]), float64(b.Voxels[i]), 1e-5) {
					t.Fatalf("%s: %.1f mm, diameter %g: a gap outside the core changes voxel %d", name, c.at, c.diameter, i)
				}
			}
		}
	}
}

// TestGapInOutline: missing slices refuse a nodule whose outline they cross or
// touch, in cubes of any voxels, and no other.
func TestGapInOutline(t *testing.T) {
	whole := axial(40, 64, 64)
	whole.Missing = []dicomio.Gap{{After: 20, Count: 2}}
	for z := 21; z < 40; z++ {
		whole.Offsets[z] += 2 * whole.SpacingMM[0]
	}
	c := newCutter(t, &volume{geo: whole, hu: linear}, CutOptions{})
	from, to := whole.ToLPS([3]float64{20, 32, 32}), whole.ToLPS([3]float64{21, 32, 32})
	mask := make([]bool, CubeVoxels) // 9 voxels high
	for z := 12; z < 21; z++ {
		mask[(z*CubeSize+16)*CubeSize+16] = true
	}
	up := dicomio.Vec{0, 0, 1}
	for _, spacing := range []float64{1, 2} {
		low, high := -3.5*spacing, 4.5*spacing // of the voxels' centres
		for _, tt := range []struct {
			at   dicomio.Vec
			want bool
		}{
			{from.Sub(up.Scale(high + 1.1*spacing)), false}, {from.Sub(up.Scale(high + 0.9*spacing)), true},
			{from.Add(to).Scale(0.5), true},
			{to.Sub(up.Scale(low - 1.1*spacing)), false}, {to.Sub(up.Scale(low - 0.9*spacing)), true},
		} {
			if err := c.CheckOutline(tt.at, spacing, mask); (CodeOf(err) == CodeGapInNodule) != tt.want || err != nil && !tt.want {
				t.Errorf("voxels of %g mm around %v: %v", spacing, tt.at, err)
			}
		}
	}
}
