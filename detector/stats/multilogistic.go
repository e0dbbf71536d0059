package stats

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// MultiLogistic is a logistic regression on several variables, with a penalty on
// the weights and none on the intercept.
type MultiLogistic struct {
	X     [][]float64 // rows of equal length, standardised
	Y     []bool
	W     []float64 // weight of each row
	Ridge float64   // of w²/2, per unit of weight

	// Offset is what the logit of each row has beside the weights; nil: nothing.
	Offset []float64
}

// Balanced are weights of rows, scaled so that both classes have the same sum,
// one half.
func Balanced(weights []float64, y []bool) []float64 {
	var sum [2]float64
	class := func(i int) int {
		if y[i] {
			return 1
		}
		return 0
	}
	for i, w := range weights {
		sum[class(i)] += w
	}
	balanced := make([]float64, len(weights))
	for i, w := range weights {
		balanced[i] = w / (2 * sum[class(i)])
	}
	return balanced
}

// Fit returns weights, the intercept last, by Newton's method with step halving.
// With a penalty there is one minimum; it is found for any data that is finite.
func (l MultiLogistic) Fit() []float64 {
	p := len(l.X[0]) + 1
	beta, total := make([]float64, p), 0.0
	for _, w := range l.W {
		total += w
	}
	penalty := l.Ridge * total
	for range 100 {
		g, h := l.slopes(beta, penalty)
		var step mat.VecDense
		var c mat.Cholesky
		if !c.Factorize(h) || c.SolveVecTo(&step, g) != nil {
			break // flat to rounding: no better place can be found
		}
		descent := mat.Dot(g, &step)
		if descent < 1e-10*total {
			break
		}
		before, next := l.loss(beta, penalty), make([]float64, p)
		for share := 1.0; share > 1e-8; share /= 2 {
			for k := range next {
				next[k] = beta[k] - share*step.AtVec(k)
			}
			if l.loss(next, penalty) <= before {
				copy(beta, next)
				break
			}
		}
	}
	return beta
}

// Linear is the value of weights at x, intercept last.
func Linear(beta, x []float64) float64 {
	t := beta[len(x)]
	for k, v := range x {
		t += beta[k] * v
	}
	return t
}

// Sigmoid is 1/(1 + exp(-t)).
func Sigmoid(t float64) float64 { return 1 / (1 + math.Exp(-t)) }

// logit of row i.
func (l MultiLogistic) logit(beta []float64, i int) float64 {
	t := Linear(beta, l.X[i])
	if l.Offset != nil {
		t += l.Offset[i]
	}
	return t
}

func (l MultiLogistic) loss(beta []float64, penalty float64) float64 {
	f := 0.0
	for _, b := range beta[:len(beta)-1] {
		f += penalty * b * b / 2
	}
	for i := range l.X {
		t := l.logit(beta, i)
		if l.Y[i] {
			t = -t
		}
		f += l.W[i] * (math.Max(t, 0) + math.Log1p(math.Exp(-math.Abs(t))))
	}
	return f
}

// slopes are gradient and Hessian of the loss. The intercept has a trace of a
// penalty in the Hessian alone, so that it can always be factorised.
func (l MultiLogistic) slopes(beta []float64, penalty float64) (*mat.VecDense, *mat.SymDense) {
	p := len(beta)
	g, h := make([]float64, p), mat.NewSymDense(p, nil)
	for k := range p - 1 {
		g[k] = penalty * beta[k]
		h.SetSym(k, k, penalty)
	}
	row := make([]float64, p)
	row[p-1] = 1
	for i, x := range l.X {
		copy(row, x)
		q := Sigmoid(l.logit(beta, i))
		d := q
		if l.Y[i] {
			d--
		}
		for k, v := range row {
			g[k] += l.W[i] * d * v
		}
		h.SymRankOne(h, l.W[i]*math.Max(q*(1-q), 1e-9), mat.NewVecDense(p, row))
	}
	return mat.NewVecDense(p, g), h
}
