package rungs

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

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
	Half       *float64       `json:"half"`       // raw score of a mean rating of 3, where the probability is one half; nil: the ratings do not tell
	Prevalence float64        `json:"prevalence"`
	Normals    int            `json:"normals"`
	Anomalies  int            `json:"anomalies"`
	Readers    int            `json:"readers"`   // that rated each, at least; 0: any
	Threshold  float64        `json:"threshold"` // above it a nodule is flagged
	Reference  []float64      `json:"reference"` // raw scores of normals, ascending

	AtThreshold stats.Operating `json:"at_threshold"` // what the threshold does there
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
	if half, variance, ok := halfway(raws, cases); ok {
		c.Half = &half
		var se float64
		all, labels, weights := labelled(raws, cases)
		if c.Logistic, se, err = stats.FitSlope(all, labels, weights, half); err != nil {
			return c, err
		}
		k, v := c.Logistic.Slope, se*se
		c.Covariance = [3]float64{half*half*v + k*k*variance, -half * v, v}
	} else if err = c.free(raw, anomalous); err != nil {
		return c, err
	}
	if c.Threshold, err = stats.AtSensitivity(raw, anomalous, Sensitivity); err != nil {
		return c, err
	}
	c.Prevalence = float64(c.Anomalies) / float64(c.Normals+c.Anomalies)
	c.AtThreshold = stats.Operate(raw, anomalous, c.Threshold)
	for i := range cases {
		if cases[i].Label == nodule.Normal {
			c.Reference = append(c.Reference, raws[i])
		}
	}
	slices.Sort(c.Reference)
	return c, nil
}

// labelled are the raw scores of all nodules that count as normal or suspicious,
// each with the weight of its readers.
func labelled(raws []float64, cases []Case) (raw []float64, anomalous []bool, weight []float64) {
	for i := range cases {
		if c := &cases[i]; c.Label != nodule.Indeterminate {
			raw, anomalous, weight = append(raw, raws[i]), append(anomalous, c.Label == nodule.Anomaly), append(weight, c.weight())
		}
	}
	return raw, anomalous, weight
}

// free fits intercept and slope.
func (c *Calibration) free(raw []float64, anomalous []bool) (err error) {
	if c.Logistic, err = stats.FitLogistic(raw, anomalous); err != nil {
		return err
	}
	var h00, h01, h11 float64
	for _, r := range raw {
		q := c.Logistic.Probability(r)
		q *= 1 - q
		h00, h01, h11 = h00+q, h01+q*r, h11+q*r*r
	}
	if det := h00*h11 - h01*h01; det > 0 {
		c.Covariance = [3]float64{h11 / det, -h01 / det, h00 / det}
	}
	return nil
}

// Of a rating of 1 to 5.
const ratingLow, ratingHigh = 1.0, 5.0

// surely is how many standard errors the ratings have to rise with the raw score.
const surely = 5

// halfway is the raw score at which the mean rating is 3, in the middle between
// what counts as normal and what counts as suspicious, with its variance: by a
// logistic regression of the share of the scale on the raw scores of all rated
// nodules. Those rated 3, and by one or two readers, tell it too; the labels alone
// leave it open, since few nodules of either class lie near it. ok is false where
// ratings do not rise with the score.
func halfway(raws []float64, cases []Case) (half, variance float64, ok bool) {
	var at, share, weight []float64
	for i := range cases {
		if c := &cases[i]; !c.Unrated {
			at, share, weight = append(at, raws[i]), append(share, (c.Rating-ratingLow)/(ratingHigh-ratingLow)), append(weight, c.weight())
		}
	}
	if len(at) < 3 {
		return 0, 0, false
	}
	mean, sd := stat.MeanStdDev(at, weight)
	if !(sd > 0) {
		return 0, 0, false
	}
	fit := stats.MultiLogistic{Ridge: 1e-6}
	for i := range at {
		z := []float64{(at[i] - mean) / sd}
		fit.X, fit.Y, fit.W = append(fit.X, z, z), append(fit.Y, true, false), append(fit.W, weight[i]*share[i], weight[i]*(1-share[i]))
	}
	b := fit.Fit() // slope, intercept
	var h00, h01, h11, spread float64
	for i := range at {
		z := (at[i] - mean) / sd
		p := stats.Sigmoid(b[1] + b[0]*z)
		q := weight[i] * p * (1 - p)
		h00, h01, h11 = h00+q, h01+q*z, h11+q*z*z
		spread += weight[i] * (share[i] - p) * (share[i] - p) / math.Max(p*(1-p), 1e-9)
	}
	det := h00*h11 - h01*h01
	spread /= float64(len(at) - 2)
	if !(det > 0) || !(b[0] > surely*math.Sqrt(spread*h00/det)) {
		return 0, 0, false
	}
	z := -b[1] / b[0]
	variance = spread * (h11 - 2*z*h01 + z*z*h00) / det / (b[0] * b[0])
	return mean + z*sd, sd * sd * variance, true
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
