package nodule

// WholeVersion names the preprocessing that uses the whole cube: the grid and its
// interpolation, the HU window, and that every voxel with data counts. Detectors
// and outlines carry the version that they were trained with.
const WholeVersion = "lps1mm-trilinear/hu-1000..400/whole/v2"

// Whole is a cube as a network sees it, voxels and support [32,32,32] (z, y, x):
// HU of the window -1000..400 mapped to 0..1, clamped, and support 1 wherever the
// scan has data. A voxel without data, in a gap of the series or beyond its
// border, has support 0 and the value of what lies next to it, never that of
// air: along z the two nearest voxels with data, weighed by distance, or the one
// that there is; then so along y and x.
//
// It panics where the cube has not 32³ voxels.
func Whole(cube *Cube) (voxels, support []float32) {
	if len(cube.HU) != CubeVoxels || len(cube.Valid) != CubeVoxels {
		panic("nodule: a cube has 32³ voxels")
	}
	voxels, support = make([]float32, CubeVoxels), make([]float32, CubeVoxels)
	known := make([]bool, CubeVoxels)
	missing := 0
	for i, ok := range cube.Valid {
		if ok {
			voxels[i], support[i], known[i] = normalise(cube.HU[i]), 1, true
		} else {
			missing++
		}
	}
	for _, stride := range [3]int{CubeSize * CubeSize, CubeSize, 1} { // z, y, x
		if missing == 0 {
			break
		}
		for i := range CubeVoxels {
			if i/stride%CubeSize == 0 {
				missing -= continueLine(voxels, known, i, stride)
			}
		}
	}
	return voxels, support
}

// continueLine fills what is not known of one line of 32 voxels from what is, and
// returns how many it filled.
func continueLine(voxels []float32, known []bool, start, stride int) (filled int) {
	before := -1 // the last known
	for k := 0; k <= CubeSize; k++ {
		if k < CubeSize && !known[start+k*stride] {
			continue
		}
		if k == CubeSize && before < 0 {
			return 0 // none known
		}
		for j := before + 1; j < k; j++ {
			at := &voxels[start+j*stride]
			switch {
			case before < 0:
				*at = voxels[start+k*stride]
			case k == CubeSize:
				*at = voxels[start+before*stride]
			default:
				w := float32(j-before) / float32(k-before)
				*at = (1-w)*voxels[start+before*stride] + w*voxels[start+k*stride]
			}
			filled++
		}
		before = k
	}
	for k := range CubeSize {
		known[start+k*stride] = true
	}
	return filled
}
