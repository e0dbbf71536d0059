package outline

import (
	"math"

	"github.com/nodulescope/nodulescope/nodule"
)

// OnPatch are the voxels of the middle of the candidate's own cube, [28,28,28]
// at 1 mm as figure.Scan shows it, that are the nodule's; nil where none was found.
func (f *Finding) OnPatch() []bool {
	if !f.Found() {
		return nil
	}
	const half = (nodule.PatchSize - 1) / 2.0
	in := make([]bool, nodule.PatchVoxels)
	for i := range in {
		at, inside := 0, true
		for a, stride := range [3]int{nodule.PatchSize * nodule.PatchSize, nodule.PatchSize, 1} {
			v := math.Round((float64(i/stride%nodule.PatchSize)-half-f.ShiftMM[a])/f.SpacingMM + middle)
			inside = inside && v >= 0 && v < edge
			at = at*edge + int(v)
		}
		in[i] = inside && f.Outline.Mask[at]
	}
	return in
}
