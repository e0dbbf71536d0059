package detector

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/nodule"
)

// MeanPatch is the mean of the central patches of nodules, voxel by voxel over
// those whose support has the voxel; 0 where none has.
func MeanPatch(samples []nodule.Sample) []float32 {
	sum, n := make([]float64, nodule.PatchVoxels), make([]float64, nodule.PatchVoxels)
	for i := range samples {
		p := nodule.Central(samples[i].Cube())
		for j, s := range p.Support {
			sum[j] += float64(s * p.Voxels[j])
			n[j] += float64(s)
		}
	}
	mean := make([]float32, len(sum))
	for j := range sum {
		if n[j] > 0 {
			mean[j] = float32(sum[j] / n[j])
		}
	}
	return mean
}

// MeanDistance is the mean squared difference of a patch from the mean normal
// over the support of the patch; nil support counts every voxel. NaN where
// nothing counts.
func MeanDistance(p nodule.Patch, mean []float32) float64 {
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

// NearestNormals is the mean distance of a patch to its k nearest among
// normals: k-nearest-neighbours on pixels. A distance is the root of the mean
// squared difference over the voxels that count in both; normals that share no
// voxel with the patch are passed over. Patches may have any size, the same for
// all. NaN where there are fewer than k.
func NearestNormals(p nodule.Patch, normals []nodule.Patch, k int) float64 {
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

// NearestK is k of the row of nearest normals.
const NearestK = 5

// nearest finds the nearest training normals of nodules. Only the voxels of the
// core are kept: the others never count.
type nearest struct {
	core     []int
	patches  []nodule.Patch
	patients []string
}

func newNearest(normals []nodule.Sample) *nearest {
	n := &nearest{core: coreVoxels()}
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
	return NearestNormals(n.pack(p), others, NearestK)
}

// coreVoxels are the indices of the voxels of a patch that can count.
var coreVoxels = sync.OnceValue(func() []int {
	cube := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	for i := range cube.Valid {
		cube.Valid[i] = true
	}
	var core []int
	for j, s := range nodule.Central(cube).Support {
		if s > 0 {
			core = append(core, j)
		}
	}
	return core
})

// MeanNormal is the mean patch of the training normals, [28,28,28], as a model
// file keeps it, so that the row of the mean image can be given for data that
// the program has never seen. In JSON: the voxels of the core in order,
// little-endian float32, base64.
type MeanNormal []float32

// MarshalJSON writes the voxels of the core.
func (m MeanNormal) MarshalJSON() ([]byte, error) {
	if len(m) == 0 {
		return []byte("null"), nil
	}
	if len(m) != nodule.PatchVoxels {
		return nil, fmt.Errorf("detector: a mean patch of %d voxels, want %d", len(m), nodule.PatchVoxels)
	}
	var b []byte
	for _, j := range coreVoxels() {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m[j]))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(b))
}

// UnmarshalJSON reads what MarshalJSON wrote. Another number of voxels, and
// values outside 0..1, are refused.
func (m *MeanNormal) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("detector: mean normal: %w", err)
	}
	if text == nil {
		*m = nil
		return nil
	}
	core := coreVoxels()
	if len(*text) > 8*len(core) {
		return errors.New("detector: mean normal: too long; train the model again")
	}
	b, err := base64.StdEncoding.DecodeString(*text)
	if err != nil || len(b) != 4*len(core) {
		return fmt.Errorf("detector: mean normal: %d bytes, want %d; train the model again", len(b), 4*len(core))
	}
	out := make(MeanNormal, nodule.PatchVoxels)
	for i, j := range core {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("detector: mean normal: voxel %d is %g, not within 0 to 1; train the model again", i, v)
		}
		out[j] = v
	}
	*m = out
	return nil
}
