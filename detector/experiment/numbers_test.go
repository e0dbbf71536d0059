package experiment

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
)

func cloud(n, d int, at float64, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	x := make([][]float64, n)
	for i := range x {
		x[i] = make([]float64, d)
		for j := range x[i] {
			x[i][j] = at + rng.NormFloat64()*float64(j+1)/float64(d)
		}
	}
	return x
}

func TestNeighbours(t *testing.T) {
	known, queries := cloud(300, 5, 0, 1), cloud(140, 5, 0.3, 2) // over one chunk
	distances := func(q []float64) []float64 {
		var ds []float64
		for _, r := range known {
			var s float64
			for j := range r {
				s += (r[j] - q[j]) * (r[j] - q[j])
			}
			ds = append(ds, math.Sqrt(s))
		}
		slices.Sort(ds)
		return ds
	}
	for i, got := range neighbours(known, queries, 3) {
		d := distances(queries[i])
		if want := (d[0] + d[1] + d[2]) / 3; math.Abs(got-want) > 1e-9 {
			t.Fatalf("query %d: %g, want %g", i, got, want)
		}
	}
	if got := neighbours(known[:2], queries[:1], 5)[0]; math.IsInf(got, 0) || math.IsNaN(got) {
		t.Errorf("with fewer than k known: %g", got)
	}
}

func TestMixtureOfOneIsTheGaussian(t *testing.T) {
	x, there := cloud(2000, 3, 1, 4), cloud(20, 3, 2, 5)
	m := fitMixture(x, 1, 1)
	// The same by formula: mean and covariance, and the ridge on its diagonal.
	mean := meanImage(x)
	cov := mat.NewSymDense(3, nil)
	for _, r := range x {
		for i := range 3 {
			for j := i; j < 3; j++ {
				cov.SetSym(i, j, cov.At(i, j)+(r[i]-mean[i])*(r[j]-mean[j])/float64(len(x)))
			}
		}
	}
	ridge := mixtureRidge * mat.Trace(cov) / 3
	for i := range 3 {
		cov.SetSym(i, i, cov.At(i, i)+ridge)
	}
	normal, ok := distmv.NewNormal(mean, cov, nil)
	if !ok {
		t.Fatal("not positive definite")
	}
	for i, got := range m.surprise(there) {
		if want := -normal.LogProb(there[i]); math.Abs(got-want) > 1e-6 {
			t.Errorf("row %d: %g, want %g", i, got, want)
		}
	}
}

func TestMixtureFindsTwoClouds(t *testing.T) {
	x := append(cloud(400, 2, -4, 6), cloud(200, 2, 4, 7)...)
	m := fitMixture(x, 2, 1)
	w := []float64{math.Exp(m.weight[0]), math.Exp(m.weight[1])}
	slices.Sort(w)
	if math.Abs(w[0]-1.0/3) > 0.01 || math.Abs(w[1]-2.0/3) > 0.01 {
		t.Errorf("weights %v, want a third and two thirds", w)
	}
	s := m.surprise([][]float64{{-4, -4}, {4, 4}, {0, 0}})
	if s[2] < s[0]+5 || s[2] < s[1]+5 {
		t.Errorf("between the clouds the surprise is %g, in them %g and %g", s[2], s[0], s[1])
	}
	again := fitMixture(x, 2, 1)
	if !slices.Equal(again.surprise(x), m.surprise(x)) {
		t.Error("the same seed gives another mixture")
	}
	few := fitMixture([][]float64{{1, 1}, {1, 1}, {1, 1}}, 40, 1)
	if v := few.surprise([][]float64{{1, 1}})[0]; math.IsNaN(v) || math.IsInf(v, 0) {
		t.Errorf("of equal rows: %g", v)
	}
}

func TestActive(t *testing.T) {
	rows := cloud(100, 3, 0, 8)
	for i := range rows {
		rows[i][0], rows[i][2] = 3*rows[i][0], 3*rows[i][2]
		rows[i][1] = 0.7 + 0.3*rows[i][1] // says little
	}
	if use := active(rows); !slices.Equal(use, []int{0, 2}) {
		t.Errorf("dimensions in use %v, want 0 and 2", use)
	}
	if use := active([][]float64{{1, 2}, {1, 2}}); len(use) != 2 {
		t.Errorf("where none is in use all are taken, not %v", use)
	}
}

func TestPrincipal(t *testing.T) {
	rows := cloud(200, 3, 0, 8)
	for i, r := range rows { // stretched along (3, 4, 0)/5
		far := float64(i - 100)
		r[0], r[1] = r[0]+3*far+7, r[1]+4*far-7
	}
	at := principal(rows, 1)(rows)
	for i, r := range at {
		if got, want := math.Abs(r[0]-at[100][0]), 5*math.Abs(float64(i-100)); len(r) != 1 || math.Abs(got-want) > 6 {
			t.Fatalf("row %d lies at %v, %.1f from the middle, want %.0f", i, r, got, want)
		}
	}
	if two := principal([][]float64{{1, 2}, {3, 5}}, 9)([][]float64{{2, 3.5}}); len(two[0]) != 2 || floats.Norm(two[0], 2) > 1e-9 {
		t.Errorf("the mean lies at %v, and there are no more axes than columns", two)
	}
}

func TestSpreadOver(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	if got := spreadOver(values, 3); !slices.Equal(got, []int{1, 4, 0}) {
		t.Errorf("lowest, middle and highest are %v", got)
	}
	if got := spreadOver(values[:2], 9); !slices.Equal(got, []int{1, 0}) {
		t.Errorf("of two: %v", got)
	}
	if got := spreadOver(values[:1], 9); !slices.Equal(got, []int{0}) {
		t.Errorf("of one: %v", got)
	}
}
