package scoring

import (
	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// Models are what scores and outlines a series together: a result names all of
// them.
type Models struct {
	Detectors []detector.Detector
	Outliner  *outline.Outliner // nil: nodules are not outlined
	Rungs     *rungs.Rungs      // nil: they have no headline
}

// Digests names all of them, detectors first.
func (m Models) Digests() []string {
	var list []string
	for _, d := range m.Detectors {
		list = append(list, d.Digest())
	}
	if m.Outliner != nil {
		list = append(list, m.Outliner.Digest())
	}
	if m.Rungs != nil {
		list = append(list, m.Rungs.Digest())
	}
	return list
}

// CheckDetectors refuses, with code settings_invalid, none, one without a name
// or digest, and one that is given twice. op names it in the error.
func CheckDetectors(op string, detectors []detector.Detector) error {
	if len(detectors) == 0 {
		return coded.New(codeSettings, op, "no detector is given; at least one is needed", nil)
	}
	seen := map[string]bool{}
	for _, d := range detectors {
		if d == nil || d.Name() == "" || d.Digest() == "" {
			return coded.New(codeSettings, op, "a detector has no name or no digest", nil)
		}
		if seen[d.Digest()] {
			return coded.New(codeSettings, op, "a detector is given twice", nil)
		}
		seen[d.Digest()] = true
	}
	return nil
}

// Describe lists detectors as a result and /version name them.
func Describe(detectors []detector.Detector) []bus.Model {
	models := make([]bus.Model, 0, len(detectors))
	for _, d := range detectors {
		m := bus.Model{Name: d.Name(), Digest: d.Digest(), Calibration: "uncalibrated"}
		if c, ok := d.(interface{ Calibration() detector.Calibration }); ok {
			cal := c.Calibration()
			m.Calibration, m.Prevalence, m.Threshold, m.DiameterMM = cal.Name(), cal.Prevalence, cal.Threshold, cal.DiameterMM
			if at := cal.AtThreshold; at != nil {
				sensitivity, specificity := share(at.Sensitivity), share(at.Specificity)
				m.Sensitivity, m.Specificity = &sensitivity, &specificity
			}
		}
		models = append(models, m)
	}
	return models
}

// DescribeOutliner is the outliner as a result and /version name it; nil where
// there is none.
func DescribeOutliner(o *outline.Outliner) *bus.Outliner {
	if o == nil {
		return nil
	}
	return &bus.Outliner{Name: outline.Name, Digest: o.Digest(), Preprocessing: o.Preprocessing()}
}
