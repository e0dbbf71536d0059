package scoring

import (
	"math"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
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
	ApplyLossy            = "lossy_compression"         // pixels were compressed with loss
	ApplyPartlyOutside    = "cube_partly_outside"       // some of the cube has no data
	ApplyMissingSlices    = "missing_slices_near"       // slices are missing within the cube
	ApplyDiameter         = "diameter_outside_training" // known, and outside what the training normals of one of the detectors have
	ApplyDiameterUnknown  = "diameter_unknown"
	ApplyDiameterDiffers  = "diameter_differs_from_outline" // the one given and the outline's, by more than a factor of 1.5
	ApplyOutsideTraining  = string(rungs.OutsideRange)      // of the headline: it is no ground to call the nodule normal
)

// coarseSpacingMM is the limit of ApplySpacingCoarse.
const coarseSpacingMM = 3.0

// diameters are those that the training normals of every detector cover. A
// detector that does not say is taken for one whose file does not say.
func diameters(detectors []detector.Detector) (low, high float64) {
	high = math.Inf(1)
	for _, d := range detectors {
		var c detector.Calibration
		if known, ok := d.(interface{ Calibration() detector.Calibration }); ok {
			c = known.Calibration()
		}
		l, h := c.DiameterRange()
		low, high = max(low, l), min(high, h)
	}
	return low, high
}

// applicability lists the limits that a nodule touches, in the order above.
// low and high bound the diameters that the detectors were trained on.
func applicability(s *dicomio.Series, r nodule.CutResult, low, high float64) []string {
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
	add(warned(s, dicomio.CodeLossy), ApplyLossy)
	add(r.PaddingPct > 0, ApplyPartlyOutside)
	add(gapNear(g, r.Candidate.PositionLPS), ApplyMissingSlices)
	d := r.Candidate.DiameterMM
	add(d != 0 && (d < low || d > high), ApplyDiameter)
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
	for i, p := range nodule.Corners(centre, half) {
		z := g.ToVoxel(p)[0]
		if i == 0 {
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
