package outline

import (
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// TestOnPatch: whatever cube a nodule was outlined in, it is drawn where it is.
func TestOnPatch(t *testing.T) {
	const n = nodule.PatchSize
	for name, f := range map[string]Finding{
		"its own cube": {Place: Place{SpacingMM: 1}},
		"a moved one":  {Place: Place{SpacingMM: 1, ShiftMM: [3]float64{3, -2, 5}}},
		"a coarse one": {Place: Place{SpacingMM: 2, ShiftMM: [3]float64{4, 0, -6}}},
	} {
		f.Outline = &Outline{Mask: make([]bool, voxels)}
		for i := range f.Outline.Mask { // a ball of 6 mm around (2, 0, -3) mm from the candidate
			var d [3]float64
			for a, stride := range [3]int{edge * edge, edge, 1} {
				d[a] = f.SpacingMM*(float64(i/stride%edge)-middle) + f.ShiftMM[a] - [3]float64{2, 0, -3}[a]
			}
			if ball(6)(d[0], d[1], d[2]) {
				f.Outline.Mask[i] = true
				f.Outline.Voxels++
			}
		}
		wrong := 0
		for i, in := range f.OnPatch() {
			at := func(stride int) float64 { return float64(i/stride%n) - (n-1)/2.0 }
			if in != ball(6)(at(n*n)-2, at(n), at(1)+3) {
				wrong++
			}
		}
		patch, cube := 0, f.OnCube()
		for i, in := range f.OnPatch() { // the middle of the cube
			z, y, x := i/(n*n)+2, i/n%n+2, i%n+2
			if in != cube[(z*edge+y)*edge+x] {
				patch++
			}
		}
		if patch > 0 {
			t.Errorf("%s: cube and patch differ in %d voxels", name, patch)
		}
		if limit := int(450 * (f.SpacingMM - 1)); wrong > limit { // of 905 voxels: the surface of a coarse one is coarse
			t.Errorf("%s: %d voxels are wrong", name, wrong)
		}
	}
	if f := (Finding{Outline: &Outline{Mask: make([]bool, voxels)}}); f.OnPatch() != nil {
		t.Error("nothing was found")
	}
}
