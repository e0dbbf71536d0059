package detector

import (
	"errors"
	"fmt"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// MinCalibration is how many nodules of each class a calibration needs.
const MinCalibration = 20

// ErrTooFew says that there are too few nodules to calibrate.
var ErrTooFew = errors.New("detector: too few nodules to calibrate")

// Calibration is how a raw score becomes what a reader sees.
type Calibration struct {
	Logistic   *stats.Logistic `json:"logistic"`   // nil: uncalibrated
	Prevalence float64         `json:"prevalence"` // of the nodules that it was fitted on
	Normals    int             `json:"normals"`
	Anomalies  int             `json:"anomalies"`
	Threshold  float64         `json:"threshold"` // epsilon: the raw score with the largest Youden index there; above it a nodule is flagged
	Reference  []float64       `json:"reference"` // raw scores of normals outside the training set, ascending

	// AtThreshold is what the threshold does to the nodules of the calibration, on
	// which it was chosen; nil where uncalibrated, and in files written before it was
	// kept.
	AtThreshold *stats.Operating `json:"at_threshold,omitempty"`

	// Sensitive is the raw score above which 95 % of the anomalies lie there;
	// nil where uncalibrated, and in files written before it was kept.
	Sensitive *float64 `json:"sensitive,omitempty"`

	// MeanNormal is the mean patch of the training normals; nil in files
	// written before it was kept.
	MeanNormal MeanNormal `json:"mean_normal,omitempty"`

	// DiameterMM are the smallest and the largest diameter of the normals that
	// were trained on; nil in files that do not say: see DiameterRange.
	DiameterMM *[2]float64 `json:"diameter_mm,omitempty"`
}

// DiameterRange is DiameterMM, and 3 to 13 mm where the file does not say: the
// range of the first detector that shipped, which was written before files did.
func (c *Calibration) DiameterRange() (low, high float64) {
	if c.DiameterMM == nil {
		return 3, 13
	}
	return c.DiameterMM[0], c.DiameterMM[1]
}

// check refuses what no training writes.
func (c *Calibration) check() error {
	if low, high := c.DiameterRange(); !(low >= 0 && low <= high) {
		return fmt.Errorf("detector: the calibration has diameters of %g to %g mm; train the model again", low, high)
	}
	return nil
}

// Name is "natural-prevalence" or "uncalibrated".
func (c *Calibration) Name() string {
	if c.Logistic == nil {
		return "uncalibrated"
	}
	return "natural-prevalence"
}

// Percentile of a raw score among the reference normals, 0..100: the share of
// them that score lower, ties counting half.
func (c *Calibration) Percentile(raw float64) float64 {
	var below float64
	for _, r := range c.Reference {
		switch {
		case r < raw:
			below++
		case r == raw:
			below += 0.5
		}
	}
	return 100 * below / float64(len(c.Reference))
}
