package phantom

import (
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/dicomio"
)

// maxMask bounds the voxels of a mask.
const maxMask = 1 << 26

// Mask says which voxel centres of a grid along the patient axes lie in a nodule
// as it is rendered, spicules included: [z,y,x], z to the head, y to the back, x
// to the patient's left. origin is the centre of voxel (0, 0, 0), spacing in mm
// and size in z, y, x. It refuses an unknown nodule, a spacing that is not above 0
// and more than 2²⁶ voxels.
func (p *Phantom) Mask(id string, origin dicomio.Vec, spacing [3]float64, size [3]int) ([]bool, error) {
	i := slices.IndexFunc(p.nodules, func(n Nodule) bool { return n.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("phantom: there is no nodule %.64q", id)
	}
	voxels := 1
	for a, n := range size {
		if n < 1 || n > maxMask/voxels || !(spacing[a] > 0) || math.IsInf(spacing[a], 0) || !(math.Abs(origin[a]) < 1e6) {
			return nil, fmt.Errorf("phantom: a mask of %v voxels, %v mm apart; ask for a finite grid of at most %d", size, spacing, maxMask)
		}
		voxels *= n
	}
	mask := make([]bool, 0, voxels)
	for z := range size[0] {
		for y := range size[1] {
			for x := range size[2] {
				mask = append(mask, p.inside(i, origin.Add(vec{float64(x) * spacing[2], float64(y) * spacing[1], float64(z) * spacing[0]})))
			}
		}
	}
	return mask, nil
}

// Volume is that of a nodule in mm³, as Mask counts it on a grid of a twelfth of its
// radius: within 1 %. It is 0 for an unknown nodule.
func (p *Phantom) Volume(id string) float64 {
	i := slices.IndexFunc(p.nodules, func(n Nodule) bool { return n.ID == id })
	if i < 0 {
		return 0
	}
	return p.volume(i)
}

func (p *Phantom) volume(i int) float64 {
	b := &p.painted.bodies[i]
	step := b.r / 12
	n, in := int(math.Ceil(b.reach/step)), 0
	for z := -n; z <= n; z++ {
		for y := -n; y <= n; y++ {
			for x := -n; x <= n; x++ {
				if p.inside(i, b.at.Add(vec{float64(x) * step, float64(y) * step, float64(z) * step})) {
					in++
				}
			}
		}
	}
	return float64(in) * step * step * step
}

// inside says whether a nodule fills half of a point or more.
func (p *Phantom) inside(i int, q vec) bool {
	share, _ := p.painted.bodies[i].sample(q)
	return share >= 0.5 && share*p.within(q) >= 0.5
}
