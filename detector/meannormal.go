package detector

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/nodule"
)

// MeanPatch is the mean of the cores of the central patches of nodules, voxel by voxel over
// those whose support has the voxel; 0 where none has.
func MeanPatch(samples []nodule.Sample) []float32 {
	sum, n := make([]float64, nodule.PatchVoxels), make([]float64, nodule.PatchVoxels)
	for i := range samples {
		p := nodule.Central(samples[i].Cube()).Core()
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
	for _, j := range nodule.CoreVoxels() {
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
	core := nodule.CoreVoxels()
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
