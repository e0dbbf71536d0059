package nodule

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
)

// PreprocessingVersion names everything between a scan and a patch: the grid and
// its interpolation, the HU window, and that every voxel with data counts.
// Detectors carry the version that they were trained with.
const PreprocessingVersion = "lps1mm-trilinear/hu-1000..400/whole28/v3"

// CoreVersion is the preprocessing of detectors that see the core of a patch alone
// (Patch.Core), its height and radius in mm. They score on.
const CoreVersion = "lps1mm-trilinear/hu-1000..400/core6x12/v1"

// PatchVersions are the versions that a detector may carry.
func PatchVersions() []string { return []string{PreprocessingVersion, CoreVersion} }

// KnowsPatches says whether a list of versions has one of patches.
func KnowsPatches(versions []string) bool {
	return slices.ContainsFunc(versions, func(v string) bool { return slices.Contains(PatchVersions(), v) })
}

// The HU window that becomes 0..1, and the value of voxels that do not count.
const (
	WindowLow  = -1000.0
	WindowHigh = 400.0
	Outside    = 0.0 // of a core
)

// The core of a patch around its centre, and the share of it that must have data
// for a patch to be scored.
const (
	coreHalfHeight  = 3.0  // |dz| < 3 mm: six planes
	coreRadius      = 12.0 // dy² + dx² <= 12² mm²
	minSupportShare = 0.25
)

const patchCentre = (PatchSize - 1) / 2.0

// Offset is where a patch starts in its cube, z, y, x, each 0 to 4.
type Offset [3]int

// CentralOffset places the patch's centre on the candidate.
func CentralOffset() Offset { return Offset{2, 2, 2} }

// MakePatch takes the patch of a cube that starts at an offset. It is the one
// function for training and for serving.
//
// HU are floored at -1024, the window -1000..400 is mapped to 0..1 and what lies
// beyond is clamped. The support is where the cube is valid, the same for every
// diameter on purpose: its shape must not tell a network how large the nodule is.
// Elsewhere a voxel has the value of what lies next to it, as in [Whole].
//
// It panics where the cube has not 32³ voxels or the offset is out of range.
func MakePatch(cube *Cube, at Offset) Patch {
	if len(cube.HU) != CubeVoxels || len(cube.Valid) != CubeVoxels {
		panic(fmt.Sprintf("nodule: a cube has %d HU and %d flags, want %d", len(cube.HU), len(cube.Valid), CubeVoxels))
	}
	for _, o := range at {
		if o < 0 || o > CubeSize-PatchSize {
			panic(fmt.Sprintf("nodule: patch offset %v is not within 0..%d", at, CubeSize-PatchSize))
		}
	}
	p := Patch{Voxels: make([]float32, PatchVoxels), Support: make([]float32, PatchVoxels)}
	voxels, support := Whole(cube)
	for z := range PatchSize {
		for y := range PatchSize {
			from, to := ((z+at[0])*CubeSize+y+at[1])*CubeSize+at[2], (z*PatchSize+y)*PatchSize
			copy(p.Voxels[to:to+PatchSize], voxels[from:])
			copy(p.Support[to:to+PatchSize], support[from:])
		}
	}
	return p
}

// Central is the patch that is scored: the one centred on the candidate.
func Central(cube *Cube) Patch { return MakePatch(cube, CentralOffset()) }

// Core is the patch of detectors with CoreVersion: the support is its core alone,
// |dz| < 3 mm and dy² + dx² <= 12² mm² around the patch's own centre (index 13.5).
// Elsewhere voxels are Outside.
func (p Patch) Core() Patch {
	out := Patch{Voxels: make([]float32, PatchVoxels), Support: make([]float32, PatchVoxels)}
	for _, i := range coreVoxels() {
		if p.Support[i] != 0 {
			out.Voxels[i], out.Support[i] = p.Voxels[i], p.Support[i]
		}
	}
	return out
}

// As is the patch as a detector with a version sees it.
func (p Patch) As(version string) Patch {
	if version == CoreVersion {
		return p.Core()
	}
	return p
}

// coreVoxels are the indices of the voxels of the core, ascending.
var coreVoxels = sync.OnceValue(func() []int {
	var core []int
	for i := range PatchVoxels {
		if inCore(i/(PatchSize*PatchSize), i/PatchSize%PatchSize, i%PatchSize) {
			core = append(core, i)
		}
	}
	return core
})

// CoreVoxels are the indices of the voxels of the core, ascending.
func CoreVoxels() []int { return slices.Clone(coreVoxels()) }

// CoreCount is the number of voxels of the core: the largest possible support.
func CoreCount() int { return len(coreVoxels()) }

// SupportCount is the number of voxels that count.
func (p Patch) SupportCount() int {
	n := 0
	for _, s := range p.Support {
		if s != 0 {
			n++
		}
	}
	return n
}

// CheckSupport refuses a patch with CodeSupportTooSmall where less than a
// quarter of its core has data.
func (p Patch) CheckSupport() error {
	n, core := 0, CoreCount()
	for _, i := range coreVoxels() {
		if p.Support[i] != 0 {
			n++
		}
	}
	if float64(n) < minSupportShare*float64(core) {
		return &Error{Code: CodeSupportTooSmall, Op: "check patch", Hint: fmt.Sprintf(
			"%d of the %d voxels around the candidate have data and %.0f %% are needed; the scan does not cover it",
			n, core, 100*minSupportShare)}
	}
	return nil
}

// Digest is the SHA-256 of the voxels, then the support, as little-endian
// float32. It seeds the sampling of a score.
func (p Patch) Digest() [32]byte {
	buf := make([]byte, 0, 4*(len(p.Voxels)+len(p.Support)))
	for _, s := range [2][]float32{p.Voxels, p.Support} {
		for _, v := range s {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
	}
	return sha256.Sum256(buf)
}

func inCore(z, y, x int) bool {
	dz, dy, dx := float64(z)-patchCentre, float64(y)-patchCentre, float64(x)-patchCentre
	return math.Abs(dz) < coreHalfHeight && dy*dy+dx*dx <= coreRadius*coreRadius
}

// normalise maps HU to 0..1. What is not a number is taken for air.
func normalise(hu float32) float32 {
	v := max(float64(hu), InvalidHU) // the floor of modality HU
	v = (v - WindowLow) / (WindowHigh - WindowLow)
	if !(v > 0) {
		return 0
	}
	return float32(min(v, 1))
}
