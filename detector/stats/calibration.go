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
	if err := CheckScores(p, anomalous); err != nil {
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
	both, err := newton(x, anomalous, [2]float64{0, 0}, false)
	if err != nil {
		return CalibrationFit{}, err
	}
	c.Intercept, c.Slope, c.InterceptSE, c.SlopeSE = both.w[0], both.w[1], both.se[0], both.se[1]
	large, err := newton(x, anomalous, [2]float64{0, 1}, true)
	if err != nil {
		return CalibrationFit{}, err
	}
	c.InTheLarge, c.InTheLargeSE = large.w[0], large.se[0]
	return c, nil
}

// flatSE is a standard error of a likelihood that has no maximum.
const flatSE = 1e4

type fitted struct{ w, se [2]float64 }

// newton fits intercept w[0] and, unless it is held, slope w[1].
func newton(x []float64, y []bool, w [2]float64, hold bool) (fitted, error) {
	loss := func(w [2]float64) (f float64) {
		for i, v := range x {
			t := w[0] + w[1]*v
			if y[i] {
				t = -t
			}
			f += math.Max(t, 0) + math.Log1p(math.Exp(-math.Abs(t)))
		}
		return f
	}
	for range 200 {
		var g0, g1, h00, h01, h11 float64
		for i, v := range x {
			q := 1 / (1 + math.Exp(-(w[0] + w[1]*v)))
			d := q
			if y[i] {
				d--
			}
			q *= 1 - q
			g0, g1 = g0+d, g1+d*v
			h00, h01, h11 = h00+q, h01+q*v, h11+q*v*v
		}
		if hold {
			g1, h01, h11 = 0, 0, 1
		}
		det := h00*h11 - h01*h01
		if !(det > 1e-12*h00*h11) {
			return fitted{}, ErrSeparated
		}
		step := [2]float64{(h11*g0 - h01*g1) / det, (h00*g1 - h01*g0) / det}
		if g0*step[0]+g1*step[1] < 1e-12 { // one more step is exact; beyond, rounding rules
			f := fitted{[2]float64{w[0] - step[0], w[1] - step[1]}, [2]float64{math.Sqrt(h11 / det), math.Sqrt(h00 / det)}}
			if f.se[0] > flatSE || f.se[1] > flatSE {
				return fitted{}, ErrSeparated // a slope on its way to infinity
			}
			return f, nil
		}
		before := loss(w)
		for share := 1.0; share > 1e-10; share /= 2 {
			next := [2]float64{w[0] - share*step[0], w[1] - share*step[1]}
			if loss(next) <= before*(1+1e-12) {
				w = next
				break
			}
		}
	}
	return fitted{}, ErrSeparated
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
	order := Ascending(p)
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
