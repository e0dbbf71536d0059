package outline

import "github.com/nodulescope/nodulescope/nodule"

// thresholdHU is half-way between lung (about -850 HU) and soft tissue (50 HU).
const thresholdHU = -400

// Threshold outlines a nodule without a network: voxels of more than -400 HU,
// opened with a cross of seven voxels, which cuts off thin vessels, as far as
// they hang together with what is next to the middle of the cube. Where opening
// leaves nothing there, the nodule is thinner than the cross: what was before is
// taken. Probability is nil.
func Threshold(cube *nodule.Cube) *Outline {
	above := make([]bool, voxels)
	for i, hu := range cube.HU {
		above[i] = cube.Valid[i] && hu > thresholdHU
	}
	if o := outlineOf(nil, grow(shrink(above))); o.Voxels > 0 {
		return o
	}
	return outlineOf(nil, above)
}

// shrink keeps the voxels whose six neighbours are all in the set; beyond the
// cube all are.
func shrink(in []bool) []bool {
	out := make([]bool, voxels)
	for i, ok := range in {
		out[i] = ok
		eachNeighbour(i, func(j int) { out[i] = out[i] && (j < 0 || in[j]) })
	}
	return out
}

// grow adds the six neighbours of every voxel.
func grow(in []bool) []bool {
	out := make([]bool, voxels)
	for i, ok := range in {
		out[i] = ok
		eachNeighbour(i, func(j int) { out[i] = out[i] || j >= 0 && in[j] })
	}
	return out
}
