package stats

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// Logistic maps a score to a probability: 1/(1 + exp(-(Intercept +
// Slope*score))).
type Logistic struct {
	Intercept float64 `json:"intercept"`
	Slope     float64 `json:"slope"`
}

// Probability of being anomalous, 0..1.
func (l Logistic) Probability(score float64) float64 {
	return 1 / (1 + math.Exp(-(l.Intercept + l.Slope*score)))
}

// ridge is the weight of the penalty on the slope of the standardised score,
// per nodule: it keeps the fit finite where one score separates the classes.
const ridge = 1e-3

// FitLogistic maximises the likelihood of the labels given the scores, without
// reweighting: the prevalence of the sample is the prevalence of the fit. Both
// classes must be there and the scores finite and not all equal.
func FitLogistic(scores []float64, anomalous []bool) (Logistic, error) {
	if err := checkScores(scores, anomalous); err != nil {
		return Logistic{}, err
	}
	mean, std := stat.MeanStdDev(scores, nil)
	if !(std > 0) {
		return Logistic{}, errors.New("stats: all scores are equal")
	}
	x := make([]float64, len(scores))
	for i, s := range scores {
		x[i] = (s - mean) / std
	}
	f, err := regression{x: x, y: anomalous, ridge: ridge * float64(len(x))}.fit()
	if err != nil {
		return Logistic{}, fmt.Errorf("stats: fit logistic regression: %w", err)
	}
	slope := f.w[1] / std
	return Logistic{Intercept: f.w[0] - slope*mean, Slope: slope}, nil
}

// FitSlope is FitLogistic where it is known at which score the probability is one
// half: only the slope is fitted, and each score counts by its weight. se is the
// standard error of the slope.
func FitSlope(scores []float64, anomalous []bool, weights []float64, half float64) (l Logistic, se float64, err error) {
	if err := checkScores(scores, anomalous); err != nil {
		return l, 0, err
	}
	scale, total := 0.0, 0.0
	for i, s := range scores {
		scale, total = scale+weights[i]*(s-half)*(s-half), total+weights[i]
	}
	scale = math.Sqrt(scale / total)
	if !(scale > 0) || math.IsInf(scale, 0) {
		return l, 0, errors.New("stats: all scores are equal")
	}
	x := make([]float64, len(scores))
	for i, s := range scores {
		x[i] = (s - half) / scale
	}
	f, err := regression{x: x, y: anomalous, weight: weights, through: true, ridge: ridge * total}.fit()
	if err != nil {
		return l, 0, fmt.Errorf("stats: fit slope: %w", err)
	}
	slope := f.w[1] / scale
	return Logistic{Intercept: -slope * half, Slope: slope}, f.se[1] / scale, nil
}

// regression is a logistic regression of y on one variable, fitted by Newton's
// method with step halving. (gonum has no regression for classes, and its BFGS
// gives no information matrix, from which the standard errors come.)
type regression struct {
	x       []float64
	y       []bool
	weight  []float64 // nil: 1 each
	slope   float64   // to start at
	hold    bool      // the slope stays where it starts
	through bool      // the intercept stays 0
	ridge   float64   // weight of slope²/2 in the loss; 0: none
}

// fitted are intercept and slope with their standard errors.
type fitted struct{ w, se [2]float64 }

// flatSE is a standard error of a likelihood that has no maximum.
const flatSE = 1e4

// loss is the negative log-likelihood with its penalty.
func (r regression) loss(w [2]float64) float64 {
	f := r.ridge * w[1] * w[1] / 2
	for i, v := range r.x {
		t := w[0] + w[1]*v
		if r.y[i] {
			t = -t
		}
		f += r.of(i) * (math.Max(t, 0) + math.Log1p(math.Exp(-math.Abs(t))))
	}
	return f
}

// of is the weight of row i.
func (r regression) of(i int) float64 {
	if r.weight == nil {
		return 1
	}
	return r.weight[i]
}

// slopes are the gradient g and the Hessian h00, h01, h11 of the loss.
func (r regression) slopes(w [2]float64) (g [2]float64, h00, h01, h11 float64) {
	g[1], h11 = r.ridge*w[1], r.ridge
	for i, v := range r.x {
		q := 1 / (1 + math.Exp(-(w[0] + w[1]*v)))
		d := q
		if r.y[i] {
			d--
		}
		d, q = r.of(i)*d, r.of(i)*q*(1-q)
		g[0], g[1] = g[0]+d, g[1]+d*v
		h00, h01, h11 = h00+q, h01+q*v, h11+q*v*v
	}
	if r.hold {
		g[1], h01, h11 = 0, 0, 1
	}
	if r.through {
		g[0], h00, h01 = 0, 1, 0
	}
	return g, h00, h01, h11
}

// fit is the maximum of the likelihood; ErrSeparated where there is none.
func (r regression) fit() (fitted, error) {
	w := [2]float64{0, r.slope}
	for range 200 {
		g, h00, h01, h11 := r.slopes(w)
		det := h00*h11 - h01*h01
		if !(det > 1e-12*h00*h11) {
			return fitted{}, ErrSeparated
		}
		step := [2]float64{(h11*g[0] - h01*g[1]) / det, (h00*g[1] - h01*g[0]) / det}
		if g[0]*step[0]+g[1]*step[1] < 1e-12 { // one more step is exact; beyond, rounding rules
			f := fitted{[2]float64{w[0] - step[0], w[1] - step[1]}, [2]float64{math.Sqrt(h11 / det), math.Sqrt(h00 / det)}}
			if f.se[0] > flatSE || f.se[1] > flatSE {
				return fitted{}, ErrSeparated // a slope on its way to infinity
			}
			return f, nil
		}
		before := r.loss(w)
		for share := 1.0; share > 1e-10; share /= 2 {
			next := [2]float64{w[0] - share*step[0], w[1] - share*step[1]}
			if r.loss(next) <= before*(1+1e-12) {
				w = next
				break
			}
		}
	}
	return fitted{}, ErrSeparated
}
