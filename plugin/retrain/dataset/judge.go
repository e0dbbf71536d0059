package dataset

import (
	"fmt"
	"math"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/nodule"
)

// Enough says whether the data are enough for a purpose.
type Enough struct {
	For   string `json:"for"`
	Needs string `json:"needs"`
	Has   string `json:"has"`
	OK    bool   `json:"ok"`
}

const (
	usualAUROC = 0.85 // at which intervals are told
	fineHalf   = 0.05 // half of a 95 % interval that tells models apart that differ by what matters
	noisy      = 0.1  // share of nodules read by several on which they disagree that is worth a warning
)

// judge says what the data are enough for, and what to look at.
func (c *Card) judge() {
	train, calibration, test := c.Sides[0], c.Sides[2], c.Sides[3]
	others := c.Counts.Nodules - c.Counts.Normals
	add := func(what, needs, has string, ok bool) {
		c.Enough = append(c.Enough, Enough{what, needs, has, ok})
	}
	add("'nodulescope train': a detector", "a normal nodule on the training side, another one on the validation or calibration side",
		fmt.Sprintf("%d and %d", train.Normals, c.Sides[1].Normals+calibration.Normals), train.Normals > 0 && c.Sides[1].Normals+calibration.Normals > 0)
	add("its probability and threshold (recalibration)", fmt.Sprintf("%d normals and %d anomalies on the calibration side", detector.MinCalibration, detector.MinCalibration),
		fmt.Sprintf("%d and %d", calibration.Normals, calibration.Anomalies), calibration.Normals >= detector.MinCalibration && calibration.Anomalies >= detector.MinCalibration)
	add("'nodulescope rungs': the headline", fmt.Sprintf("%d normals, %d other nodules, of these at least one anomaly", rungs.MinNormals, rungs.MinNormals),
		fmt.Sprintf("%d, %d, %d", c.Counts.Normals, others, c.Counts.Anomalies), c.Counts.Normals >= rungs.MinNormals && others >= rungs.MinNormals && c.Counts.Anomalies > 0)
	add("'nodulescope outline': outlines, cross-validated", fmt.Sprintf("patients in all %d folds; some hundred nodules", nodule.PlannedFolds),
		fmt.Sprintf("%d patients, %d nodules", c.Counts.Patients, c.Counts.Nodules), c.Counts.Patients >= 4*nodule.PlannedFolds && c.Counts.Nodules >= 200)
	half := halfWidth(usualAUROC, test.Normals, test.Anomalies)
	has, needs := "a class is missing on the test side", fmt.Sprintf("both classes on the test side; an interval of ± %.2f", fineHalf)
	if !math.IsNaN(half) {
		has = fmt.Sprintf("%d normals and %d anomalies: ± %.2f at an AUROC of %.2f", test.Normals, test.Anomalies, half, usualAUROC)
		if half > fineHalf {
			needs += fmt.Sprintf(", about %.0f decided nodules in all", math.Ceil(float64(c.Counts.Normals+c.Counts.Anomalies)*half*half/(fineHalf*fineHalf)/10)*10)
		}
	}
	add("'nodulescope evaluate': to tell models apart on the test side", needs, has, half <= fineHalf)
	c.warn()
}

func (c *Card) warn() {
	c.Warnings = []string{}
	say := func(format string, args ...any) { c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...)) }
	switch {
	case c.Counts.Normals+c.Counts.Anomalies == 0:
		say("Nobody has decided that a nodule is suspicious or looks benign: nothing can be trained or measured on this alone.")
	case c.Counts.Normals == 0:
		say("One class only: no nodule looks benign to a reader. Detectors learn from these.")
	case c.Counts.Anomalies == 0:
		say("One class only: no nodule is suspicious to a reader. A detector can be trained, but neither calibrated nor measured.")
	}
	if decided := c.Counts.Normals + c.Counts.Anomalies; decided > 0 && decided < 100 {
		say("%d nodules are decided. That is enough to try the commands; a model that replaces another one needs more, see what the data are enough for.", decided)
	}
	if c.Noise.Several > 0 && float64(c.Noise.Disagree) > noisy*float64(c.Noise.Several) {
		say("Readers disagree on %d of the %d nodules that several have read: look at them again before training.", c.Noise.Disagree, c.Noise.Several)
	}
	if c.Renamed > 0 {
		say("%d patients have one id and birth date and two names: check that each is one person.", c.Renamed)
	}
	for _, x := range c.Exclusions {
		if x.Code == string(CodePatientConflict) {
			say("Two patients share an id: %d nodules of such ids are left out (%s).", x.Nodules, x.Code)
		}
	}
	if n := c.Outlined[maskThreshold]; n > 0 {
		say("%d nodules are outlined by threshold, not by the network: their masks are coarse.", n)
	}
}
