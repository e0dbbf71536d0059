package review

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
)

// limitLabels say in words what limit of use a nodule touches.
var limitLabels = map[string]string{
	"outside_training_range":    "Measurements beyond those of the training: the overall score is no ground to call it benign",
	"slice_spacing_coarse":      "Slices are more than 3 mm apart",
	"irregular_spacing":         "The slice spacing varies",
	"gantry_tilt":               "The gantry is tilted",
	"lossy_compression":         "The images were compressed with loss",
	"cube_partly_outside":       "Part of the cube around it lies outside the scan",
	"missing_slices_near":       "Slices are missing near the nodule",
	"diameter_outside_training": "Smaller or larger than the reference nodules",
	"diameter_unknown":          "Diameter unknown",

	"diameter_differs_from_outline": "The diameter that was given is not that of the outline",
}

// limitLabel is limitLabels with the figures, where they are known. A code that
// it does not know stands for itself.
func (s *Server) limitLabel(r *bus.Result, n *bus.ResultNodule, code string) string {
	label, known := limitLabels[code]
	if !known {
		return code
	}
	if o := n.Outline; code == "diameter_differs_from_outline" && o != nil && o.Measurements != nil {
		return fmt.Sprintf("%.1f mm given, %.1f mm by the outline: one of them is of something else", n.DiameterMM, o.Measurements.DiameterMM)
	}
	low, high, ok := s.referenceDiameters(r)
	if code != "diameter_outside_training" || !ok {
		return label
	}
	than := ""
	switch d := n.DiameterMM; {
	case d > high:
		than = "larger"
	case d > 0 && d < low:
		than = "smaller"
	default: // the detectors that run now have other references
		return label
	}
	return fmt.Sprintf("%.1f mm: %s than the reference (%.1f–%.1f mm)", n.DiameterMM, than, low, high)
}

// referenceDiameters are those, in mm, that the reference nodules of every
// detector of a result cover; ok is false where one of them is not loaded.
func (s *Server) referenceDiameters(r *bus.Result) (low, high float64, ok bool) {
	high = math.Inf(1)
	for _, m := range r.Models {
		c, loaded := s.calibrationOf(m.Digest)
		if !loaded {
			return 0, 0, false
		}
		l, h := c.DiameterRange()
		low, high = max(low, l), min(high, h)
	}
	return low, high, len(r.Models) > 0 && !math.IsInf(high, 1)
}

// calibrationOf is that of the running detector with a digest.
func (s *Server) calibrationOf(digest string) (c detector.Calibration, ok bool) {
	d, ok := s.detectorOf(digest).(interface{ Calibration() detector.Calibration })
	if ok {
		c = d.Calibration()
	}
	return c, ok
}
