package phantom

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
)

// Defaults of a Spec: a chest CT as a scanner of the LIDC years would write it.
const (
	DefaultSlices  = 130
	DefaultMatrix  = 512
	DefaultZMM     = 2.5
	DefaultPixelMM = 0.7
	DefaultNoiseHU = 18
	DefaultCount   = 6
)

// maxVoxels bounds what a Spec may ask for: 1000 slices of 1024².
const maxVoxels = 1000 << 20

// maxNodules is what fits a pair of lungs with room to spare, and well below
// the 512 nodules of a job.
const maxNodules = 64

// Spec says what a phantom is made of. Equal specs give equal phantoms, down
// to the bytes of the files and their UIDs. The zero value is useful. A phantom
// has at most 1000 slices of 1024² voxels.
type Spec struct {
	Seed   uint64 `json:"seed"`
	Slices int    `json:"slices"` // 0: 130
	Rows   int    `json:"rows"`   // 0: 512
	Cols   int    `json:"cols"`   // 0: Rows, if that is given, else 512

	// SpacingMM is the distance between voxel centres, ordered z, y, x; z
	// along the normal of the slices. A component of 0 is 2.5 mm for z and
	// 0.7 mm for y and x.
	SpacingMM [3]float64 `json:"spacing_mm"`

	// TiltDeg leans the gantry about the x axis, while the table still moves
	// along z: the slices are sheared against each other. -30..30 degrees.
	TiltDeg float64 `json:"tilt_deg"`

	// NoiseHU is the standard deviation of the reconstruction noise, in HU.
	// 0 is 18 HU (soft kernel 11, sharp 50); a negative value is no noise.
	NoiseHU float64 `json:"noise_hu"`

	// Kernel is that of the reconstruction: how sharp borders are and what the
	// noise looks like. Its usual noise is taken where NoiseHU is 0.
	Kernel Kernel `json:"kernel,omitempty"`

	// FollowUp, where set, makes a later scan of the same patient.
	FollowUp *FollowUp `json:"follow_up,omitempty"`

	// PaddingValue, where set, is the stored value of the pixels outside the
	// circle of reconstruction, and is declared as PixelPaddingValue.
	// -31744..32767; no other pixel has that value.
	PaddingValue *int `json:"padding_value,omitempty"`

	// Nodules are the nodules to put in. Where a diameter is 0, a usual one of
	// its kind is taken; where a position is the origin (in the mediastinum),
	// a place in the lungs is drawn. Where Nodules is empty, Count nodules of
	// all kinds in turn are drawn.
	Nodules []Nodule `json:"nodules,omitempty"`

	// Count is the number of nodules to draw where Nodules is empty. 0 is 6,
	// one of each kind; a negative value is none.
	Count int `json:"count"`
}

// FollowUp is a scan of the patient of the same spec without it: the same
// anatomy and places, other noise, UIDs and date.
type FollowUp struct {
	VolumeFactor float64 `json:"volume_factor"` // volume of every nodule now, divided by that of the first scan, 0.1 to 10; 1: unchanged
	Days         int     `json:"days"`          // since then, 1 to 3650
}

// Small is a phantom that is rendered in a fraction of a second, for tests: 48
// slices of 96² at 2.5 mm and 3.6 mm, through the middle of the chest, with
// three nodules whose 32 mm cubes lie inside the scan.
func Small(seed uint64) Spec {
	return Spec{
		Seed: seed, Slices: 48, Rows: 96, Cols: 96, SpacingMM: [3]float64{2.5, 3.6, 3.6},
		Nodules: []Nodule{{Kind: Solid}, {Kind: GroundGlass}, {Kind: Spiculated}},
	}
}

// withDefaults fills in what was left out. Applied twice it changes nothing.
func (s Spec) withDefaults() Spec {
	if s.Slices == 0 {
		s.Slices = DefaultSlices
	}
	if s.Rows == 0 {
		s.Rows = DefaultMatrix
		if s.Cols != 0 {
			s.Rows = s.Cols
		}
	}
	if s.Cols == 0 {
		s.Cols = s.Rows
	}
	for i, mm := range [3]float64{DefaultZMM, DefaultPixelMM, DefaultPixelMM} {
		if s.SpacingMM[i] == 0 {
			s.SpacingMM[i] = mm
		}
	}
	switch {
	case s.NoiseHU == 0:
		s.NoiseHU = kernels[s.Kernel].usualNoise
	case s.NoiseHU < 0:
		s.NoiseHU = -1
	}
	s.Nodules = append([]Nodule(nil), s.Nodules...)
	if len(s.Nodules) == 0 {
		if s.Count == 0 {
			s.Count = DefaultCount
		}
		for i := range max(min(s.Count, maxNodules+1), 0) {
			s.Nodules = append(s.Nodules, Nodule{Kind: kinds[i%len(kinds)]})
		}
	}
	s.Count = len(s.Nodules)
	if s.Count == 0 {
		s.Count = -1
	}
	return s
}

// validate checks a spec with its defaults filled in.
func (s Spec) validate() error {
	switch {
	case s.Slices < 2 || s.Slices > 2000:
		return fmt.Errorf("%d slices; ask for 2 to 2000", s.Slices)
	case s.Rows < 16 || s.Rows > 2048 || s.Cols < 16 || s.Cols > 2048:
		return fmt.Errorf("a matrix of %d x %d; ask for 16 to 2048 rows and columns", s.Rows, s.Cols)
	case s.Slices*s.Rows*s.Cols > maxVoxels:
		return fmt.Errorf("%d voxels are above the limit of %d; ask for fewer slices or a smaller matrix", s.Slices*s.Rows*s.Cols, maxVoxels)
	case !(math.Abs(s.TiltDeg) <= 30):
		return fmt.Errorf("a tilt of %g degrees; ask for -30 to 30", s.TiltDeg)
	case !(s.NoiseHU <= 200):
		return fmt.Errorf("noise of %g HU; ask for at most 200", s.NoiseHU)
	case s.PaddingValue != nil && (*s.PaddingValue < minHU-rescaleIntercept || *s.PaddingValue > math.MaxInt16):
		return fmt.Errorf("padding value %d; ask for %d to %d", *s.PaddingValue, minHU-rescaleIntercept, math.MaxInt16)
	case !s.Kernel.known():
		return fmt.Errorf("kernel %.20q is not known; use %s, %s or %s", string(s.Kernel), Standard, Soft, Sharp)
	case s.FollowUp != nil && !(s.FollowUp.VolumeFactor >= 0.1 && s.FollowUp.VolumeFactor <= 10):
		return fmt.Errorf("volumes times %g; ask for 0.1 to 10", s.FollowUp.VolumeFactor)
	case s.FollowUp != nil && (s.FollowUp.Days < 1 || s.FollowUp.Days > 3650):
		return fmt.Errorf("a scan %d days later; ask for 1 to 3650", s.FollowUp.Days)
	case len(s.Nodules) > maxNodules:
		return fmt.Errorf("more than %d nodules; ask for fewer", maxNodules)
	}
	for _, mm := range s.SpacingMM {
		if !(mm >= 0.2 && mm <= 20) {
			return fmt.Errorf("a spacing of %g mm; ask for 0.2 to 20", mm)
		}
	}
	for i, n := range s.Nodules {
		if err := n.validate(); err != nil {
			return fmt.Errorf("nodule %d: %w", i+1, err)
		}
	}
	return nil
}

// digest identifies the phantom; the UIDs are derived from it. The version is
// raised whenever the same spec gives other pixels.
func (s Spec) digest() ([sha256.Size]byte, error) {
	b, err := json.Marshal(struct {
		Version int
		Spec    Spec
	}{1, s})
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("spec: %w", err)
	}
	return sha256.Sum256(b), nil
}
