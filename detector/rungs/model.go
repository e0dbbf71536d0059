package rungs

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/detector/stats"
)

// model is a score that is linear in the standardised columns, or in them and in
// waves of them.
type model struct {
	Scale  scale     `json:"scale"`
	Waves  *waves    `json:"waves,omitempty"`
	Weight []float64 `json:"weight"` // of each column, then of each wave; the constant last
}

func (m *model) raw(x []float64) float64 { return stats.Linear(m.Weight, m.basis(m.Scale.Apply(x))) }

func (m *model) basis(z []float64) []float64 {
	if m.Waves == nil {
		return z
	}
	return m.Waves.basis(z)
}

// waves are random Fourier features (Rahimi and Recht 2007): as many cosines
// as make a Gaussian kernel exp(-g·|x-y|²), beside the columns themselves. They
// come from a seed, so that a file need not hold them.
type waves struct {
	Seed   uint64  `json:"seed"`
	Count  int     `json:"count"`
	Gamma  float64 `json:"gamma"`
	Width  int     `json:"width"` // columns
	angles []float64
	phases []float64
}

const maxWaves = 4096

func (w *waves) draw() {
	rng := rand.New(rand.NewPCG(w.Seed, 0x7761766573))
	w.angles, w.phases = make([]float64, w.Count*w.Width), make([]float64, w.Count)
	for i := range w.angles {
		w.angles[i] = math.Sqrt(2*w.Gamma) * rng.NormFloat64()
	}
	for i := range w.phases {
		w.phases[i] = 2 * math.Pi * rng.Float64()
	}
}

func (w *waves) basis(z []float64) []float64 {
	out := make([]float64, w.Width+w.Count)
	share := math.Sqrt(1 / float64(w.Width))
	for k, v := range z {
		out[k] = share * v
	}
	amplitude := math.Sqrt(2 / float64(w.Count))
	for i, t := range w.phases {
		for k, v := range z {
			t += w.angles[i*w.Width+k] * v
		}
		out[w.Width+i] = amplitude * math.Cos(t)
	}
	return out
}

// directions are those of the columns: the diameter, where it is one, is the
// larger the more suspicious.
func directions(width int) []float64 {
	d := make([]float64, width)
	for k := range d {
		d[k] = float64(features.High)
		if k < features.Count {
			d[k] = float64(features.All()[k].Direction)
		}
	}
	return d
}

// shrinkage of the normals' correlations towards none: fixed, for there are no
// anomalies to choose it by.
const shrinkage = 0.5

// correlations of standardised rows, shrunk; a column without deviation has none.
func correlations(z [][]float64, weights []float64) *mat.SymDense {
	p := len(z[0])
	c, total := mat.NewSymDense(p, nil), 0.0
	for i, row := range z {
		c.SymRankOne(c, weights[i], mat.NewVecDense(p, row))
		total += weights[i]
	}
	for a := range p {
		for b := a; b < p; b++ {
			if v := c.At(a, b) / total; a == b {
				c.SetSym(a, b, 1)
			} else {
				c.SetSym(a, b, (1-shrinkage)*v)
			}
		}
	}
	return c
}

// fitOneSided is the linear score that best tells the normals from the same
// distribution moved by one deviation in the suspicious direction of every
// feature that has one: w = R⁻¹d. Nothing but normals is needed.
func fitOneSided(rows [][]float64, weights []float64) (model, error) {
	m := model{Scale: newScale(rows, weights)}
	p := len(rows[0])
	d := directions(p)
	for k := range d {
		if m.Scale.SD[k] == 0 {
			d[k] = 0
		}
	}
	w, err := solve(correlations(m.Scale.ApplyAll(rows), weights), d)
	m.Weight = append(m.Weight[:0], w...)
	m.Weight = append(m.Weight, 0)
	return m, err
}

func solve(a *mat.SymDense, b []float64) ([]float64, error) {
	var c mat.Cholesky
	var x mat.VecDense
	if !c.Factorize(a) {
		return nil, errSingular
	}
	if err := c.SolveVecTo(&x, mat.NewVecDense(len(b), b)); err != nil {
		return nil, err
	}
	return x.RawVector().Data, nil
}

// fitLogistic tells the rows of y from the others, both classes with the same
// total weight.
func fitLogistic(rows [][]float64, y []bool, weights []float64, ridge float64) model {
	m := model{Scale: newScale(rows, weights)}
	m.Weight = stats.MultiLogistic{X: m.Scale.ApplyAll(rows), Y: y, W: stats.Balanced(weights, y), Ridge: ridge}.Fit()
	return m
}
