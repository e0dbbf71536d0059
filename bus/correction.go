package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/nodule/measure"
)

// How a reader made an outline, as DICOM calls it (Segment Algorithm Type, PS3.3
// C.8.20.2).
const (
	Semiautomatic = "semiautomatic" // the network's outline or a region that grew, changed or accepted
	Manual        = "manual"        // every voxel by hand
)

// Limits of what a reader draws.
const (
	MaxDistances = 20

	maskEdge     = 32 // voxels along each axis: that of the cubes of outlines
	maskVoxels   = maskEdge * maskEdge * maskEdge
	maxRunsBytes = 16 << 10 // an outline has some hundred
	maxPlaceMM   = 1e4
)

// Correction is the outline of a nodule as a reader drew it, in place of the
// network's.
type Correction struct {
	Method string `json:"method"` // "semiautomatic" or "manual"

	// SpacingMM and CentreLPS are those of the cube of 32 × 32 × 32 voxels that Runs
	// fills, see Outline.
	SpacingMM float64    `json:"spacing_mm"`
	CentreLPS [3]float64 `json:"centre_lps_mm"`

	// Runs are the lengths of the runs of voxels, z, y, x, outside and inside the
	// nodule by turns, the first outside (it alone may be 0): each an unsigned LEB128
	// number. Base64 in JSON, at most 16 KiB before that.
	Runs []byte `json:"runs"`

	Measurements *measure.Measurements `json:"measurements,omitempty"` // of it, rounded
}

// Distance is one that a reader measured.
type Distance struct {
	FromLPS  [3]float64 `json:"from_lps_mm"`
	ToLPS    [3]float64 `json:"to_lps_mm"`
	LengthMM float64    `json:"length_mm"` // to 0.1 mm

	// Plane is where it was drawn: a line along an edge of the voxels lies in two.
	// Empty: not known, as before there was this field.
	Plane Plane `json:"plane,omitempty"`
}

// Plane is one in which a reader looks at a series.
type Plane string

// Planes of the body.
const (
	Axial    Plane = "axial"
	Coronal  Plane = "coronal"
	Sagittal Plane = "sagittal"
)

// NewDistance measures from one point to another, mm.
func NewDistance(from, to [3]float64) Distance {
	d := Distance{FromLPS: from, ToLPS: to}
	sum := 0.0
	for axis := range from {
		sum += (to[axis] - from[axis]) * (to[axis] - from[axis])
	}
	d.LengthMM = math.Round(math.Sqrt(sum)*10) / 10
	return d
}

// MaskRuns are the runs of a mask of 32 × 32 × 32 voxels, as [Correction] has
// them.
func MaskRuns(mask []bool) []byte {
	var out []byte
	inside, run := false, uint64(0)
	for _, in := range mask {
		if in != inside {
			out = binary.AppendUvarint(out, run)
			inside, run = in, 0
		}
		run++
	}
	return binary.AppendUvarint(out, run)
}

// Mask are the voxels of a correction that are the nodule's, [32,32,32], z, y, x.
// Its error says what is wrong with Runs: a mask of another size, an empty one, or
// one that was not written as [MaskRuns] writes it.
func (c *Correction) Mask() ([]bool, error) {
	if len(c.Runs) > maxRunsBytes {
		return nil, fmt.Errorf("the outline is too ragged: its runs take more than %d KiB", maxRunsBytes>>10)
	}
	mask := make([]bool, 0, maskVoxels)
	inside, filled := false, false
	for rest := c.Runs; len(rest) > 0; inside = !inside {
		n, used := binary.Uvarint(rest)
		first := len(rest) == len(c.Runs)
		switch {
		case used <= 0 || used > 1 && rest[used-1] == 0:
			return nil, errors.New("the runs of the outline are no LEB128 numbers")
		case n == 0 && !first:
			return nil, errors.New("a run of the outline has no voxel")
		case n > uint64(maskVoxels-len(mask)):
			return nil, fmt.Errorf("the outline has more than %d³ voxels", maskEdge)
		}
		filled = filled || inside
		for range n {
			mask = append(mask, inside)
		}
		rest = rest[used:]
	}
	switch {
	case len(mask) != maskVoxels:
		return nil, fmt.Errorf("the outline has %d voxels, not %d³", len(mask), maskEdge)
	case !filled:
		return nil, errors.New("the outline is empty: no voxel is in it")
	}
	return mask, nil
}

// hint says what is wrong with a correction, nothing where all is well or there is
// none.
func (c *Correction) hint() string {
	switch {
	case c == nil:
		return ""
	case c.Method != Semiautomatic && c.Method != Manual:
		return `the method of an outline is "semiautomatic" or "manual"`
	case !(c.SpacingMM > 0 && c.SpacingMM <= 10) || !placed(c.CentreLPS):
		return "an outline has a spacing of up to 10 mm and a place"
	}
	if _, err := c.Mask(); err != nil {
		return err.Error()
	}
	return ""
}

// CheckDrawn says what is wrong with what a reader drew, nothing where all is
// well.
func CheckDrawn(c *Correction, distances []Distance) (hint string) {
	if hint := c.hint(); hint != "" {
		return hint
	}
	if len(distances) > MaxDistances {
		return fmt.Sprintf("%d distances, at most %d", len(distances), MaxDistances)
	}
	for i, d := range distances {
		if !slices.Contains([]Plane{"", Axial, Coronal, Sagittal}, d.Plane) {
			return fmt.Sprintf("distance %d lies in no plane: axial, coronal or sagittal", i+1)
		}
		if !placed(d.FromLPS) || !placed(d.ToLPS) || NewDistance(d.FromLPS, d.ToLPS).LengthMM != d.LengthMM || d.LengthMM == 0 {
			return fmt.Sprintf("distance %d has no length, or one that is not that between its ends", i+1)
		}
	}
	return ""
}

// placed says whether a position can be one of a patient.
func placed(p [3]float64) bool {
	for _, v := range p {
		if !(math.Abs(v) <= maxPlaceMM) {
			return false
		}
	}
	return true
}

// OutlinePlace is where an outline of a nodule is drawn: the cube of its network's,
// or where it has none, one of 1 mm around the candidate.
func (n *ResultNodule) OutlinePlace() (spacingMM float64, centreLPS [3]float64) {
	if o := n.Outline; o != nil && o.Found {
		return o.SpacingMM, o.CentreLPS
	}
	return 1, n.PositionLPS
}
