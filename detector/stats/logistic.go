package stats

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
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

// ridge is the weight of the penalty on the slope of the standardised score:
// it keeps the fit finite where one score separates the classes.
const ridge = 1e-3

// FitLogistic maximises the likelihood of the labels given the scores, without
// reweighting: the prevalence of the sample is the prevalence of the fit. Both
// classes must be there and the scores finite and not all equal.
func FitLogistic(scores []float64, anomalous []bool) (Logistic, error) {
	if err := CheckScores(scores, anomalous); err != nil {
		return Logistic{}, err
	}
	mean, std := stat.MeanStdDev(scores, nil)
	if !(std > 0) {
		return Logistic{}, errors.New("stats: all scores are equal")
	}
	n := float64(len(scores))
	problem := optimize.Problem{
		Func: func(w []float64) float64 {
			f := ridge * w[1] * w[1] / 2
			for i, s := range scores {
				t := w[0] + w[1]*(s-mean)/std
				if anomalous[i] {
					t = -t
				}
				f += (math.Max(t, 0) + math.Log1p(math.Exp(-math.Abs(t)))) / n
			}
			return f
		},
		Grad: func(g, w []float64) {
			g[0], g[1] = 0, ridge*w[1]
			for i, s := range scores {
				x := (s - mean) / std
				d := 1 / (1 + math.Exp(-(w[0] + w[1]*x)))
				if anomalous[i] {
					d--
				}
				g[0] += d / n
				g[1] += d * x / n
			}
		},
	}
	r, err := optimize.Minimize(problem, []float64{0, 0}, &optimize.Settings{GradientThreshold: 1e-8}, &optimize.BFGS{})
	// A line search that finds nothing better stands at the maximum as well as
	// rounding lets it: that is an error only where the slope says otherwise.
	if err != nil && (r == nil || !flat(problem.Grad, r.X)) {
		return Logistic{}, fmt.Errorf("stats: fit logistic regression: %w", err)
	}
	slope := r.X[1] / std
	return Logistic{Intercept: r.X[0] - slope*mean, Slope: slope}, nil
}

func flat(grad func(g, w []float64), w []float64) bool {
	g := make([]float64, len(w))
	grad(g, w)
	return floats.Norm(g, math.Inf(1)) < 1e-5
}

func CheckScores(scores []float64, anomalous []bool) error {
	if len(scores) != len(anomalous) {
		return fmt.Errorf("stats: %d scores and %d labels", len(scores), len(anomalous))
	}
	pos := 0
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("stats: score %d is not finite", i)
		}
		if anomalous[i] {
			pos++
		}
	}
	if pos == 0 || pos == len(scores) {
		return fmt.Errorf("stats: %d of %d nodules are anomalies: both classes are needed", pos, len(scores))
	}
	return nil
}
