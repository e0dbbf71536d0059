package nodule

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/dicomio"
)

// checkGap refuses a candidate with CodeGapInNodule where a run of missing slices
// reaches into the nodule: into the sphere of its diameter, or into the core of a
// patch, of which a network would see a part filled with air.
func (c *Cutter) checkGap(cand Candidate) error {
	g := &c.grid.geo
	if len(g.Missing) == 0 {
		return nil
	}
	core := coreHalfHeight*math.Abs(g.Normal[2]) + coreRadius*math.Hypot(g.Normal[0], g.Normal[1])
	radius := max(cand.DiameterMM/2, core)
	at := c.alongNormal(cand.PositionLPS)
	if gap := c.gapWithin(at-radius, at+radius); gap != nil {
		return &Error{Code: CodeGapInNodule, Op: "cut cube", Hint: fmt.Sprintf(
			"%s missing within %.1f mm of the candidate's centre, where its nodule is; send the missing images",
			slicesAre(*gap), radius)}
	}
	return nil
}

// CheckOutline refuses a nodule with CodeGapInNodule where a run of missing slices
// reaches into its outline, or ends at it: what is missing may be of the nodule.
// mask [32,32,32] are the voxels of a cube around a point that are the nodule's,
// spacingMM apart; a cube of another size is a mistake of the caller.
func (c *Cutter) CheckOutline(around dicomio.Vec, spacingMM float64, mask []bool) error {
	g := &c.grid.geo
	if len(g.Missing) == 0 {
		return nil
	}
	if len(mask) != CubeVoxels {
		panic("nodule: a cube has 32³ voxels")
	}
	low, high := math.Inf(1), math.Inf(-1)
	middle := c.alongNormal(around)
	for i, in := range mask {
		if !in {
			continue
		}
		off := dicomio.Vec{float64(i % CubeSize), float64(i / CubeSize % CubeSize), float64(i / (CubeSize * CubeSize))}
		at := off.Sub(dicomio.Vec{centre, centre, centre}).Scale(spacingMM).Dot(g.Normal)
		low, high = min(low, at), max(high, at)
	}
	// A voxel beside the last one has no data where the gap begins within it.
	if gap := c.gapWithin(middle+low-spacingMM, middle+high+spacingMM); gap != nil {
		return &Error{Code: CodeGapInNodule, Op: "outline nodule", Hint: fmt.Sprintf(
			"%s missing within the outline of the nodule or next to it; send the missing images", slicesAre(*gap))}
	}
	return nil
}

// alongNormal is how far a point is from the first slice, in mm.
func (c *Cutter) alongNormal(p dicomio.Vec) float64 {
	g := &c.grid.geo
	return c.grid.affine(p)[0] * g.Line.Dot(g.Normal)
}

// gapWithin is a run of missing slices that reaches between two distances along
// the normal, or nil.
func (c *Cutter) gapWithin(low, high float64) *dicomio.Gap {
	g := &c.grid.geo
	along := g.Line.Dot(g.Normal) // of the normal, per mm of the line
	for i, gap := range g.Missing {
		if gap.After < 0 || gap.After+1 >= len(g.Offsets) {
			continue
		}
		if high > g.Offsets[gap.After]*along+snap && low < g.Offsets[gap.After+1]*along-snap {
			return &g.Missing[i]
		}
	}
	return nil
}

func slicesAre(gap dicomio.Gap) string {
	if gap.Count == 1 {
		return "1 slice is"
	}
	return fmt.Sprintf("%d slices are", gap.Count)
}
