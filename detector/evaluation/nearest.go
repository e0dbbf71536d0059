package evaluation

import (
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/nodule"
)

// meanDistance is the mean squared difference of a patch from the mean normal
// over the support of the patch; nil support counts every voxel. NaN where
// nothing counts.
func meanDistance(p nodule.Patch, mean []float32) float64 {
	var sum, n float64
	for j, v := range p.Voxels {
		if w := weightOf(p.Support, j); w > 0 {
			d := float64(v - mean[j])
			sum, n = sum+w*d*d, n+w
		}
	}
	return sum / n
}

func weightOf(support []float32, j int) float64 {
	if support == nil {
		return 1
	}
	return float64(support[j])
}

// nearestNormals is the mean distance of a patch to its k nearest among
// normals: k-nearest-neighbours on pixels. A distance is the root of the mean
// squared difference over the voxels that count in both; normals that share no
// voxel with the patch are passed over. Patches may have any size, the same for
// all. NaN where there are fewer than k.
func nearestNormals(p nodule.Patch, normals []nodule.Patch, k int) float64 {
	var distances []float64
	for i := range normals {
		q := &normals[i]
		var sum, n float64
		for j, v := range p.Voxels {
			if w := weightOf(p.Support, j) * weightOf(q.Support, j); w > 0 {
				d := float64(v - q.Voxels[j])
				sum, n = sum+w*d*d, n+w
			}
		}
		if n > 0 {
			distances = append(distances, math.Sqrt(sum/n))
		}
	}
	if k < 1 || len(distances) < k {
		return math.NaN()
	}
	slices.Sort(distances)
	var sum float64
	for _, d := range distances[:k] {
		sum += d
	}
	return sum / float64(k)
}

// nearestK is k of the row of nearest normals.
const nearestK = 5

// nearest finds the nearest training normals of nodules. Only the voxels of the
// core are kept: the others never count.
type nearest struct {
	core     []int
	patches  []nodule.Patch
	patients []string
}

func newNearest(normals []nodule.Sample) *nearest {
	n := &nearest{core: nodule.CoreVoxels()}
	for i := range normals {
		n.patches = append(n.patches, n.pack(nodule.Central(normals[i].Cube())))
		n.patients = append(n.patients, normals[i].Patient)
	}
	return n
}

func (n *nearest) pack(p nodule.Patch) nodule.Patch {
	q := nodule.Patch{Voxels: make([]float32, len(n.core)), Support: make([]float32, len(n.core))}
	for i, j := range n.core {
		q.Voxels[i], q.Support[i] = p.Voxels[j], p.Support[j]
	}
	return q
}

// distance leaves out the normals of the nodule's own patient.
func (n *nearest) distance(p nodule.Patch, patient string) float64 {
	others := make([]nodule.Patch, 0, len(n.patches))
	for i, q := range n.patches {
		if n.patients[i] != patient {
			others = append(others, q)
		}
	}
	return nearestNormals(n.pack(p), others, nearestK)
}
