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
	distances := func(q []float64, skip int) []float64 {
		var ds []float64
		for i, r := range known {
			var s float64
			for j := range r {
				s += (r[j] - q[j]) * (r[j] - q[j])
			}
			if i != skip {
				ds = append(ds, math.Sqrt(s))
			}
		}
		slices.Sort(ds)
		return ds
	}
	for i, got := range neighbours(known, queries, 3, false) {
		d := distances(queries[i], -1)
		if want := (d[0] + d[1] + d[2]) / 3; math.Abs(got-want) > 1e-9 {
			t.Fatalf("query %d: %g, want %g", i, got, want)
		}
	}
	for i, got := range neighbours(known, known, 1, true) {
		if want := distances(known[i], i)[0]; math.Abs(got-want) > 1e-6 {
			t.Fatalf("its own neighbour left out, row %d: %g, want %g", i, got, want)
		}
	}
	if got := neighbours(known[:2], queries[:1], 5, false)[0]; math.IsInf(got, 0) || math.IsNaN(got) {
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

func TestAverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var anomalous []bool
	scores := make([][]float64, 3)
	var patients []string
	for i := range 120 {
		anomalous = append(anomalous, i%3 == 0)
		patients = append(patients, "")
		for k := range scores {
			v := math.Round(4*rng.NormFloat64()) / 4 // ties
			if i%3 == 0 {
				v += 1
			}
			scores[k] = append(scores[k], v)
		}
	}
	a, err := average(scores, anomalous, patients)
	if err != nil {
		t.Fatal(err)
	}
	for k, s := range scores { // by all pairs
		var won, pairs float64
		for i := range s {
			for j := range s {
				if anomalous[i] && !anomalous[j] {
					pairs++
					switch {
					case s[i] > s[j]:
						won++
					case s[i] == s[j]:
						won += 0.5
					}
				}
			}
		}
		if math.Abs(a.Each[k].Value-won/pairs) > 1e-12 {
			t.Errorf("network %d: %g, by all pairs %g", k, a.Each[k].Value, won/pairs)
		}
		order := make([]int, len(s))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(x, y int) int { return int(math.Copysign(1, s[x]-s[y])) })
		ones := make([]float64, len(s))
		for i := range ones {
			ones[i] = 2
		}
		if v, ok := weighted(s, order, anomalous, ones); !ok || math.Abs(v-won/pairs) > 1e-12 {
			t.Errorf("network %d with weights: %g, want %g", k, v, won/pairs)
		}
	}
	if !(a.Low < a.Mean && a.Mean < a.High) || a.High-a.Low > 0.4 || a.Min > a.Mean || a.Max < a.Mean {
		t.Errorf("interval %+v", a)
	}
	// The same cases four times over, as cases of the same patients, say no
	// more than once: the interval stays about as wide. As patients of their
	// own they would halve it.
	var many [][]float64
	var class []bool
	var same, own []string
	for _, s := range scores {
		many = append(many, slices.Concat(s, s, s, s))
	}
	for i := range 4 * 120 {
		class, same, own = append(class, anomalous[i%120]), append(same, string(rune('A'+i%120))), append(own, "")
	}
	grouped, err := average(many, class, same)
	if err != nil {
		t.Fatal(err)
	}
	apart, err := average(many, class, own)
	if err != nil {
		t.Fatal(err)
	}
	if w, once, free := grouped.High-grouped.Low, a.High-a.Low, apart.High-apart.Low; math.Abs(w/once-1) > 0.2 || free > 0.75*once {
		t.Errorf("width %.3f once, %.3f four times by patient, %.3f four times without", once, w, free)
	}
	if _, err := average(scores, make([]bool, 120), patients); err == nil {
		t.Error("one class alone has an AUROC")
	}
}

func TestRanks(t *testing.T) {
	if got := ranks([]float64{3, 1, 3, 2}); !slices.Equal(got, []float64{3.5, 1, 3.5, 2}) {
		t.Errorf("ranks %v", got)
	}
	if got := spearman([]float64{1, 2, 3, 4}, []float64{10, 20, 25, 1000}); math.Abs(got-1) > 1e-12 {
		t.Errorf("rho of a rising function is %g", got)
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
