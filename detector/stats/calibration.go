package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrSeparated says that a value separates the classes: a regression on it has
// no finite slope.
var ErrSeparated = errors.New("stats: the probabilities separate the classes or are all equal: no calibration slope")

// CalibrationFit is the logistic regression of the label on the logit of a
// probability (Cox 1958): logit P(anomaly) = Intercept + Slope*logit(p). A
// perfect probability has slope 1 and intercept 0; a slope below 1 says that
// probabilities are too extreme. InTheLarge is the intercept where the slope is
// held at 1: above 0, probabilities are too low on the whole.
type CalibrationFit struct {
	Slope        float64 `json:"slope"`
	SlopeSE      float64 `json:"slope_se"`
	Intercept    float64 `json:"intercept"`
	InterceptSE  float64 `json:"intercept_se"`
	InTheLarge   float64 `json:"in_the_large"`
	InTheLargeSE float64 `json:"in_the_large_se"`
}

// FitCalibration maximises the likelihood, without a penalty. Standard errors
// are those of the observed information. Probabilities are kept within 1e-9
// and 1-1e-9. Where there is no maximum the error is ErrSeparated.
func FitCalibration(p []float64, anomalous []bool) (CalibrationFit, error) {
	if err := checkScores(p, anomalous); err != nil {
		return CalibrationFit{}, err
	}
	x := make([]float64, len(p))
	for i, v := range p {
		if v < 0 || v > 1 {
			return CalibrationFit{}, fmt.Errorf("stats: %g is no probability", v)
		}
		v = math.Min(math.Max(v, 1e-9), 1-1e-9)
		x[i] = math.Log(v / (1 - v))
	}
	var c CalibrationFit
	both, err := regression{x: x, y: anomalous}.fit()
	if err != nil {
		return CalibrationFit{}, err
	}
	c.Intercept, c.Slope, c.InterceptSE, c.SlopeSE = both.w[0], both.w[1], both.se[0], both.se[1]
	large, err := regression{x: x, y: anomalous, slope: 1, hold: true}.fit()
	if err != nil {
		return CalibrationFit{}, err
	}
	c.InTheLarge, c.InTheLargeSE = large.w[0], large.se[0]
	return c, nil
}

// Brier is the mean squared difference of probability and label.
func Brier(p []float64, anomalous []bool) float64 {
	var sum float64
	for i, v := range p {
		if anomalous[i] {
			v = 1 - v
		}
		sum += v * v
	}
	return sum / float64(len(p))
}

// ReliabilityBin compares the probabilities of about equally many nodules with
// how many of them are anomalies.
type ReliabilityBin struct {
	Low      float64    `json:"low"` // smallest probability
	High     float64    `json:"high"`
	Mean     float64    `json:"mean"`
	Observed Proportion `json:"observed"`
}

// Reliability sorts nodules by probability into at most bins groups of equal
// count. Equal probabilities stay in one group, so that there may be fewer.
func Reliability(p []float64, anomalous []bool, bins int) []ReliabilityBin {
	order := ascending(p)
	bins = min(bins, len(order))
	var ends []int
	for k := 1; k <= bins; k++ {
		end := k * len(order) / bins
		for end < len(order) && p[order[end]] == p[order[end-1]] {
			end++
		}
		ends = append(ends, end)
	}
	var out []ReliabilityBin
	start := 0
	for _, end := range slices.Compact(ends) {
		if end <= start {
			continue
		}
		b := ReliabilityBin{Low: p[order[start]], High: p[order[end-1]]}
		hits := 0
		for _, i := range order[start:end] {
			b.Mean += p[i] / float64(end-start)
			if anomalous[i] {
				hits++
			}
		}
		b.Observed = Wilson(hits, end-start)
		out = append(out, b)
		start = end
	}
	return out
}

// ECE is the expected calibration error: how far the probabilities of a group
// are from how many of it are anomalies, on average over the nodules.
func ECE(bins []ReliabilityBin) float64 {
	var sum, n float64
	for _, b := range bins {
		sum += float64(b.Observed.Of) * math.Abs(b.Mean-b.Observed.Value)
		n += float64(b.Observed.Of)
	}
	return sum / n
}
