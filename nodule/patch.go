package nodule

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// PreprocessingVersion names everything between a scan and a patch: the grid and
// its interpolation, the HU window, and the core of the support (height and
// radius in mm). Detectors carry the version that they were trained with.
const PreprocessingVersion = "lps1mm-trilinear/hu-1000..400/core6x12/v1"

// The HU window that becomes 0..1, and the value of voxels that do not count.
const (
	WindowLow  = -1000.0
	WindowHigh = 400.0
	Outside    = 0.0
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
// beyond is clamped. The support is the core of the patch, |dz| < 3 mm and
// dy² + dx² <= 12² mm² around the patch's own centre (index 13.5), where the
// cube is valid. It is the same for every diameter on purpose: its shape must
// not tell a network how large the nodule is. Elsewhere voxels are Outside.
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
	for z := range PatchSize {
		for y := range PatchSize {
			for x := range PatchSize {
				src := ((z+at[0])*CubeSize+y+at[1])*CubeSize + x + at[2]
				if inCore(z, y, x) && cube.Valid[src] {
					i := (z*PatchSize+y)*PatchSize + x
					p.Voxels[i], p.Support[i] = normalise(cube.HU[src]), 1
				}
			}
		}
	}
	return p
}

// Central is the patch that is scored: the one centred on the candidate.
func Central(cube *Cube) Patch { return MakePatch(cube, CentralOffset()) }

// CoreCount is the number of voxels of the core: the largest possible support.
func CoreCount() int {
	n := 0
	for i := range PatchVoxels {
		if inCore(i/(PatchSize*PatchSize), i/PatchSize%PatchSize, i%PatchSize) {
			n++
		}
	}
	return n
}

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
	n, core := p.SupportCount(), CoreCount()
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
