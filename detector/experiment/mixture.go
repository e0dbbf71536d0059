package experiment

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// mixture is a density: Gaussians with full covariances, fitted by
// expectation-maximisation (Dempster, Laird and Rubin 1977).
type mixture struct {
	weight []float64 // logarithm
	mean   [][]float64
	inv    []*mat.Dense // inverse of the lower Cholesky factor, transposed
	norm   []float64    // logarithm of the factor before the exponential
}

// Settings of the fit: rounds of expectation-maximisation, and the share of the
// mean variance that is added to every covariance so that it stays regular.
const (
	mixtureRounds = 25
	mixtureRidge  = 0.02
)

// fitMixture fits k Gaussians to x [n][d], n at least k. The seed decides where
// they start.
func fitMixture(x [][]float64, k int, seed uint64) *mixture {
	n, d := len(x), len(x[0])
	k = min(k, n)
	data := mat.NewDense(n, d, flatten(x))
	centre := meanImage(x)
	var spread float64
	for _, r := range x {
		dist := floats.Distance(r, centre, 2)
		spread += dist * dist / float64(n*d)
	}
	ridge := math.Max(mixtureRidge*spread, 1e-9)

	m := &mixture{weight: make([]float64, k), mean: spreadOut(x, k, seed), inv: make([]*mat.Dense, k), norm: make([]float64, k)}
	for c := range k { // spheres to begin with
		m.weight[c] = -math.Log(float64(k))
		m.shape(c, diagonal(d, spread+ridge))
	}
	share := mat.NewDense(n, k, nil)
	for range mixtureRounds {
		m.expect(data, share)
		for c := range k {
			m.maximise(c, data, mat.Col(nil, c, share), ridge)
		}
	}
	return m
}

// spreadOut picks k rows, each with a chance proportional to its squared
// distance from those before (Arthur and Vassilvitskii 2007).
func spreadOut(x [][]float64, k int, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, uint64(k))) //nolint:gosec // positive
	picked := [][]float64{append([]float64(nil), x[rng.IntN(len(x))]...)}
	near := make([]float64, len(x))
	for i := range near {
		near[i] = math.Inf(1)
	}
	for len(picked) < k {
		var total float64
		for i, r := range x {
			dist := floats.Distance(r, picked[len(picked)-1], 2)
			near[i] = math.Min(near[i], dist*dist)
			total += near[i]
		}
		at, left := 0, rng.Float64()*total
		for at < len(x)-1 && left >= near[at] {
			left -= near[at]
			at++
		}
		picked = append(picked, append([]float64(nil), x[at]...))
	}
	return picked
}

func diagonal(d int, v float64) *mat.SymDense {
	s := mat.NewSymDense(d, nil)
	for i := range d {
		s.SetSym(i, i, v)
	}
	return s
}

// shape sets the covariance of a component.
func (m *mixture) shape(c int, cov *mat.SymDense) {
	d := cov.SymmetricDim()
	var chol mat.Cholesky
	for extra := mat.Trace(cov) / float64(d); !chol.Factorize(cov); extra *= 2 { // no more than rounding
		for i := range d {
			cov.SetSym(i, i, cov.At(i, i)+1e-6*extra)
		}
	}
	var lower mat.TriDense
	chol.LTo(&lower)
	inverse := mat.NewTriDense(d, mat.Lower, nil)
	_ = inverse.InverseTri(&lower) // a condition number is no failure: the ridge bounds it
	m.inv[c] = mat.DenseCopyOf(inverse.T())
	m.norm[c] = -0.5 * (float64(d)*math.Log(2*math.Pi) + chol.LogDet())
}

// logs writes log(weight * density) of every row for one component.
func (m *mixture) logs(c int, data *mat.Dense, out []float64) {
	n, d := data.Dims()
	shifted := mat.NewDense(n, d, nil)
	for i := range n {
		floats.SubTo(shifted.RawRowView(i), data.RawRowView(i), m.mean[c])
	}
	var white mat.Dense
	white.Mul(shifted, m.inv[c])
	for i := range n {
		r := white.RawRowView(i)
		out[i] = m.weight[c] + m.norm[c] - 0.5*floats.Dot(r, r)
	}
}

// expect fills the share that every component has in every row, and returns the
// log density of the rows.
func (m *mixture) expect(data, share *mat.Dense) []float64 {
	n, _ := data.Dims()
	log, column := make([]float64, n), make([]float64, n)
	for c := range m.mean {
		m.logs(c, data, column)
		share.SetCol(c, column)
	}
	for i := range n {
		r := share.RawRowView(i)
		log[i] = floats.LogSumExp(r)
		for c := range r {
			r[c] = math.Exp(r[c] - log[i])
		}
	}
	return log
}

// maximise sets a component from its share in the rows. One that has lost all
// rows stays as it is.
func (m *mixture) maximise(c int, data *mat.Dense, share []float64, ridge float64) {
	n, d := data.Dims()
	total := floats.Sum(share)
	if total < 1e-6 {
		m.weight[c] = math.Log(1e-12)
		return
	}
	mean := make([]float64, d)
	for i := range n {
		floats.AddScaled(mean, share[i]/total, data.RawRowView(i))
	}
	scaled := mat.NewDense(n, d, nil)
	for i := range n {
		r := scaled.RawRowView(i)
		floats.SubTo(r, data.RawRowView(i), mean)
		floats.Scale(math.Sqrt(share[i]/total), r)
	}
	var full mat.Dense
	full.Mul(scaled.T(), scaled) // a product of matrices is faster than one that uses the symmetry
	cov := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			cov.SetSym(i, j, full.At(i, j))
		}
		cov.SetSym(i, i, cov.At(i, i)+ridge)
	}
	m.weight[c], m.mean[c] = math.Log(total/float64(n)), mean
	m.shape(c, cov)
}

// surprise is the negative log density of every row of x, nats.
func (m *mixture) surprise(x [][]float64) []float64 {
	data := mat.NewDense(len(x), len(x[0]), flatten(x))
	log := m.expect(data, mat.NewDense(len(x), len(m.mean), nil))
	floats.Scale(-1, log)
	return log
}
