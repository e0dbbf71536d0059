package plugin

import (
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/nodule"
)

// Applicability names a limit of use that a nodule or its series touches: the
// score stands, but reference nodules like it were few or none. The names are
// part of the message schema.
const (
	ApplySpacingCoarse    = "slice_spacing_coarse"      // above 3 mm
	ApplySpacingIrregular = "irregular_spacing"         // above 0.2 mm
	ApplyTilt             = "gantry_tilt"               // above 0.5 degrees
	ApplyPartlyOutside    = "cube_partly_outside"       // some of the cube has no data
	ApplyMissingSlices    = "missing_slices_near"       // slices are missing within the cube
	ApplyDiameter         = "diameter_outside_training" // known, and not 3 to 13 mm: what the normals of the shipped detector have
	ApplyDiameterUnknown  = "diameter_unknown"
)

// Limits of the codes above. The diameters are those that define a nodule: a
// smaller one is a micronodule, a larger one a mass.
const (
	coarseSpacingMM = 3.0
	minDiameterMM   = 3.0
	maxDiameterMM   = 13.0
)

// applicability lists the limits that a nodule touches, in the order above.
func applicability(s *dicomio.Series, r nodule.CutResult) []string {
	var codes []string
	add := func(touched bool, code string) {
		if touched {
			codes = append(codes, code)
		}
	}
	g := s.Geometry
	// Positions are decimal strings: 3 mm may come as 3.0000001.
	add(g.SpacingMM[0] > coarseSpacingMM+1e-3, ApplySpacingCoarse)
	add(warned(s, dicomio.CodeIrregularSpacing), ApplySpacingIrregular)
	add(warned(s, dicomio.CodeGantryTilt), ApplyTilt)
	add(r.PaddingPct > 0, ApplyPartlyOutside)
	add(gapNear(g, r.Candidate.PositionLPS), ApplyMissingSlices)
	d := r.Candidate.DiameterMM
	add(d != 0 && (d < minDiameterMM || d > maxDiameterMM), ApplyDiameter)
	add(d == 0, ApplyDiameterUnknown)
	return codes
}

func warned(s *dicomio.Series, code dicomio.Code) bool {
	for _, w := range s.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

// gapNear tells whether a run of missing slices reaches into the cube around a
// point.
func gapNear(g dicomio.Geometry, centre dicomio.Vec) bool {
	const half = nodule.CubeSize / 2
	var low, high float64
	for corner := range 8 {
		p := centre
		for axis := range p {
			if corner>>axis&1 == 0 {
				p[axis] -= half
			} else {
				p[axis] += half
			}
		}
		z := g.ToVoxel(p)[0]
		if corner == 0 {
			low, high = z, z
		}
		low, high = min(low, z), max(high, z)
	}
	for _, gap := range g.Missing {
		if float64(gap.After) < high && float64(gap.After+1) > low {
			return true
		}
	}
	return false
}
