package rungs

import (
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/nodule"
)

// Sensitivity is that of the operating point, among 4-5 of the calibration.
const Sensitivity = 0.90

// calibrationReaders is how many readers must have rated a nodule for its label
// to calibrate, where enough have.
const calibrationReaders = 3

// Calibration is how a raw score becomes what a reader sees. It is fitted on the
// scores of nodules by models that have not seen their patients.
type Calibration struct {
	Logistic   stats.Logistic `json:"logistic"`
	Covariance [3]float64     `json:"covariance"` // of intercept and slope: var a, cov, var b
	Prevalence float64        `json:"prevalence"`
	Normals    int            `json:"normals"`
	Anomalies  int            `json:"anomalies"`
	Readers    int            `json:"readers"`   // that rated each, at least; 0: any
	Threshold  float64        `json:"threshold"` // above it a nodule is flagged
	Reference  []float64      `json:"reference"` // raw scores of normals, ascending

	// What the threshold does there.
	AtThreshold struct {
		Sensitivity stats.Proportion `json:"sensitivity"`
		Specificity stats.Proportion `json:"specificity"`
	} `json:"at_threshold"`
}

func calibrate(raws []float64, cases []Case) (Calibration, error) {
	var c Calibration
	pick := func(readers int) (raw []float64, anomalous []bool) {
		c.Normals, c.Anomalies, c.Readers = 0, 0, readers
		for i := range cases {
			if cases[i].Label == nodule.Indeterminate || cases[i].Readers < readers {
				continue
			}
			anomaly := cases[i].Label == nodule.Anomaly
			if raw, anomalous = append(raw, raws[i]), append(anomalous, anomaly); anomaly {
				c.Anomalies++
			} else {
				c.Normals++
			}
		}
		return raw, anomalous
	}
	few := func() bool { return min(c.Normals, c.Anomalies) < detector.MinCalibration }
	raw, anomalous := pick(calibrationReaders)
	if few() {
		raw, anomalous = pick(0)
	}
	if few() {
		return c, coded.New(CodeTooFew, "calibrate rungs", "fewer than 20 nodules of a class; name a larger set", nil)
	}
	var err error
	if c.Logistic, err = stats.FitLogistic(raw, anomalous); err != nil {
		return c, err
	}
	if c.Threshold, err = stats.AtSensitivity(raw, anomalous, Sensitivity); err != nil {
		return c, err
	}
	c.Prevalence = float64(c.Anomalies) / float64(c.Normals+c.Anomalies)
	var hit, right int
	var h00, h01, h11 float64
	for i, r := range raw {
		switch {
		case anomalous[i] && r > c.Threshold:
			hit++
		case !anomalous[i] && r <= c.Threshold:
			right++
		}
		q := c.Logistic.Probability(r)
		q *= 1 - q
		h00, h01, h11 = h00+q, h01+q*r, h11+q*r*r
	}
	c.AtThreshold.Sensitivity, c.AtThreshold.Specificity = stats.Wilson(hit, c.Anomalies), stats.Wilson(right, c.Normals)
	if det := h00*h11 - h01*h01; det > 0 {
		c.Covariance = [3]float64{h11 / det, -h01 / det, h00 / det}
	}
	for i := range cases {
		if cases[i].Label == nodule.Normal {
			c.Reference = append(c.Reference, raws[i])
		}
	}
	slices.Sort(c.Reference)
	return c, nil
}

// logitSE is the standard error of the calibrated logit of a raw score that has
// an error of its own.
func (c *Calibration) logitSE(raw, rawSE float64) float64 {
	v := c.Covariance[0] + 2*raw*c.Covariance[1] + raw*raw*c.Covariance[2]
	return math.Sqrt(max(v, 0) + c.Logistic.Slope*c.Logistic.Slope*rawSE*rawSE)
}

// percentile of a raw score among the reference, ties half, 0 to 100.
func (c *Calibration) percentile(raw float64) float64 {
	d := detector.Calibration{Reference: c.Reference}
	return d.Percentile(raw)
}

// high is the raw score above which a nodule is beyond 97.5 % of the normals and
// flagged.
func (c *Calibration) high() float64 {
	k := min(len(c.Reference)*39/40, len(c.Reference)-1)
	return max(c.Threshold, c.Reference[k])
}
