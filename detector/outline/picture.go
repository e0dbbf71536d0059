package outline

import (
	"math"

	"github.com/nodulescope/nodulescope/nodule"
)

// OnPatch are the voxels of the middle of the candidate's own cube, [28,28,28]
// at 1 mm as figure.Scan shows it, that are the nodule's; nil where none was found.
func (f *Finding) OnPatch() []bool { return f.onto(nodule.PatchSize) }

// OnCube are the voxels of the candidate's own cube, [32,32,32] at 1 mm, that are
// the nodule's; nil where none was found. What lies beyond the cube is cut off.
func (f *Finding) OnCube() []bool { return f.onto(nodule.CubeSize) }

// onto takes the outline to a cube of size³ voxels of 1 mm around the candidate.
func (f *Finding) onto(size int) []bool {
	if !f.Found() {
		return nil
	}
	half := float64(size-1) / 2
	in := make([]bool, size*size*size)
	for i := range in {
		at, inside := 0, true
		for a, stride := range [3]int{size * size, size, 1} {
			v := math.Round((float64(i/stride%size)-half-f.ShiftMM[a])/f.SpacingMM + middle)
			inside = inside && v >= 0 && v < edge
			at = at*edge + int(v)
		}
		in[i] = inside && f.Outline.Mask[at]
	}
	return in
}
