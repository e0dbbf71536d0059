package rungs

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// logistic is a logistic regression on several variables, with a penalty on the
// weights and none on the intercept.
type logistic struct {
	x     [][]float64 // rows of equal length, standardised
	y     []bool
	w     []float64 // weight of each row
	ridge float64   // of w²/2, per unit of weight
}

// fit returns weights, the intercept last, by Newton's method with step halving.
// With a penalty there is one minimum; it is found for any data that is finite.
func (l logistic) fit() []float64 {
	p := len(l.x[0]) + 1
	beta, total := make([]float64, p), 0.0
	for _, w := range l.w {
		total += w
	}
	penalty := l.ridge * total
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

// linear is the value of weights at x, intercept last.
func linear(beta, x []float64) float64 {
	t := beta[len(x)]
	for k, v := range x {
		t += beta[k] * v
	}
	return t
}

func sigmoid(t float64) float64 { return 1 / (1 + math.Exp(-t)) }

func (l logistic) loss(beta []float64, penalty float64) float64 {
	f := 0.0
	for _, b := range beta[:len(beta)-1] {
		f += penalty * b * b / 2
	}
	for i, x := range l.x {
		t := linear(beta, x)
		if l.y[i] {
			t = -t
		}
		f += l.w[i] * (math.Max(t, 0) + math.Log1p(math.Exp(-math.Abs(t))))
	}
	return f
}

// slopes are gradient and Hessian of the loss. The intercept has a trace of a
// penalty in the Hessian alone, so that it can always be factorised.
func (l logistic) slopes(beta []float64, penalty float64) (*mat.VecDense, *mat.SymDense) {
	p := len(beta)
	g, h := make([]float64, p), mat.NewSymDense(p, nil)
	for k := range p - 1 {
		g[k] = penalty * beta[k]
		h.SetSym(k, k, penalty)
	}
	row := make([]float64, p)
	row[p-1] = 1
	for i, x := range l.x {
		copy(row, x)
		q := sigmoid(linear(beta, x))
		d := q
		if l.y[i] {
			d--
		}
		for k, v := range row {
			g[k] += l.w[i] * d * v
		}
		h.SymRankOne(h, l.w[i]*math.Max(q*(1-q), 1e-9), mat.NewVecDense(p, row))
	}
	return mat.NewVecDense(p, g), h
}
