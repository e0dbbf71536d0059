package nodule

import "github.com/nodulescope/nodulescope/dicomio"

// CubeSize is the edge of a cube in voxels of 1 mm; PatchSize that of a patch.
const (
	CubeSize  = 32
	PatchSize = 28
)

// CubeVoxels and PatchVoxels count the voxels of a cube and of a patch.
const (
	CubeVoxels  = CubeSize * CubeSize * CubeSize
	PatchVoxels = PatchSize * PatchSize * PatchSize
)

// Cube is a 32 mm cube around a candidate, resampled to 1 mm along the
// patient axes (or larger with larger voxels, see CutOptions). Voxel (z, y, x) is at (z*CubeSize+y)*CubeSize+x; the candidate
// lies at index 15.5 of every axis; z grows towards the head, y towards the
// back, x to the patient's left.
type Cube struct {
	HU         []float32 // [32,32,32] modality HU
	Valid      []bool    // [32,32,32] true where the scan has data
	PaddingPct float64   // share of the cube without data, percent
}

// Corners are those of the cube of a given half edge around a point, in mm
// along the patient axes.
func Corners(centre dicomio.Vec, half float64) (corners [8]dicomio.Vec) {
	for i := range corners {
		corners[i] = centre
		for axis := range centre {
			if i>>axis&1 == 0 {
				corners[i][axis] -= half
			} else {
				corners[i][axis] += half
			}
		}
	}
	return corners
}

// Patch is what a network sees: intensities normalised to 0..1, and the support,
// which alone counts. Voxel order is z, y, x.
type Patch struct {
	Voxels  []float32 // [28,28,28]
	Support []float32 // [28,28,28] 1 where the voxel counts, 0 elsewhere
}
