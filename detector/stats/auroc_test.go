package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// scores drawn so that the true area is about 0.76.
func drawn(seed uint64, n int) (scores []float64, anomalous []bool) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		a := i%3 == 0
		s := math.Round(rng.NormFloat64()*5) / 5 // ties
		if a {
			s++
		}
		scores, anomalous = append(scores, s), append(anomalous, a)
	}
	return scores, anomalous
}

// TestDeLongByDefinition compares with the double loop over pairs of the
// paper of 1988.
func TestDeLongByDefinition(t *testing.T) {
	scores, anomalous := drawn(1, 80)
	pos, neg := byClass(scores, anomalous)
	psi := func(x, y float64) float64 {
		switch {
		case x > y:
			return 1
		case x == y:
			return 0.5
		}
		return 0
	}
	var area float64
	v10, v01 := make([]float64, len(pos)), make([]float64, len(neg))
	for i, x := range pos {
		for j, y := range neg {
			p := psi(x, y)
			area += p / float64(len(pos)*len(neg))
			v10[i] += p / float64(len(neg))
			v01[j] += p / float64(len(pos))
		}
	}
	var s10, s01 float64
	for _, v := range v10 {
		s10 += (v - area) * (v - area) / float64(len(pos)-1)
	}
	for _, v := range v01 {
		s01 += (v - area) * (v - area) / float64(len(neg)-1)
	}
	se := math.Sqrt(s10/float64(len(pos)) + s01/float64(len(neg)))
	a, err := DeLong(scores, anomalous)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(a.Value-area) > 1e-12 || math.Abs(a.SE-se) > 1e-12 {
		t.Errorf("area %v (se %v), want %v (%v)", a.Value, a.SE, area, se)
	}
	if !(0 < a.Low && a.Low < a.Value && a.Value < a.High && a.High < 1) {
		t.Errorf("interval [%v, %v] around %v", a.Low, a.High, a.Value)
	}
}

// TestDeLongCovers draws many samples of one distribution: the 95 % interval
// holds the true area in about 95 % of them.
func TestDeLongCovers(t *testing.T) {
	truth := 0.5 * math.Erfc(-1/math.Sqrt2/math.Sqrt2) // P(N(1,1) > N(0,1))
	in := 0
	const runs = 1000
	for r := range runs {
		rng := rand.New(rand.NewPCG(uint64(r), 2))
		var scores []float64
		var anomalous []bool
		for i := range 90 {
			s := rng.NormFloat64()
			if i%3 == 0 {
				s++
			}
			scores, anomalous = append(scores, s), append(anomalous, i%3 == 0)
		}
		a, err := DeLong(scores, anomalous)
		if err != nil {
			t.Fatal(err)
		}
		if a.Low <= truth && truth <= a.High {
			in++
		}
	}
	if in < 930 || in > 970 {
		t.Errorf("%d of %d intervals hold the true area", in, runs)
	}
}

func TestDeLongEdges(t *testing.T) {
	for _, c := range []struct {
		scores    []float64
		anomalous []bool
		want      float64
	}{
		{[]float64{1, 2, 3, 4}, []bool{false, false, true, true}, 1},
		{[]float64{4, 3, 2, 1}, []bool{false, false, true, true}, 0},
		{[]float64{1, 1}, []bool{false, true}, 0.5},
	} {
		a, err := DeLong(c.scores, c.anomalous)
		if err != nil || a.Value != c.want || a.Low < 0 || a.High > 1 || a.Low >= a.High {
			t.Errorf("%v: %+v, %v; want %v", c.scores, a, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		scores    []float64
		anomalous []bool
	}{
		"one class":   {[]float64{1, 2}, []bool{true, true}},
		"NaN":         {[]float64{1, math.NaN()}, []bool{true, false}},
		"not as many": {[]float64{1}, []bool{true, false}},
	} {
		if _, err := DeLong(c.scores, c.anomalous); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestLogistic draws labels from a known curve and finds it again.
func TestLogistic(t *testing.T) {
	want := Logistic{Intercept: -3, Slope: 0.02}
	rng := rand.New(rand.NewPCG(5, 5))
	var scores []float64
	var anomalous []bool
	for range 20000 {
		s := 150 + 60*rng.NormFloat64()
		scores, anomalous = append(scores, s), append(anomalous, rng.Float64() < want.Probability(s))
	}
	got, err := FitLogistic(scores, anomalous)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Slope-want.Slope) > 0.001 || math.Abs(got.Intercept-want.Intercept) > 0.15 {
		t.Errorf("fitted %+v, drawn from %+v", got, want)
	}
	// At the maximum the mean probability is the prevalence of the sample.
	var mean, prevalence float64
	for i, s := range scores {
		mean += got.Probability(s) / float64(len(scores))
		if anomalous[i] {
			prevalence += 1 / float64(len(scores))
		}
	}
	if math.Abs(mean-prevalence) > 1e-5 {
		t.Errorf("mean probability %v, prevalence %v", mean, prevalence)
	}
}

// TestMultiLogistic: on one column and another that never varies it is
// FitLogistic; on two it finds what the labels were drawn from.
func TestMultiLogistic(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	var rows [][]float64
	var x, w []float64
	var y, both []bool
	for range 5000 {
		a, b := 3+2*rng.NormFloat64(), rng.NormFloat64()
		rows, x, w = append(rows, []float64{a, 7}), append(x, a), append(w, 1)
		y = append(y, rng.Float64() < Sigmoid(a-3))
		both = append(both, rng.Float64() < Sigmoid(1+2*b-(a-3)/2))
		rows[len(rows)-1] = append(rows[len(rows)-1], b)
	}
	fit := func(y []bool, columns ...int) (Scale, []float64) {
		cut := make([][]float64, len(rows))
		for i, r := range rows {
			for _, k := range columns {
				cut[i] = append(cut[i], r[k])
			}
		}
		s := NewScale(cut, w)
		return s, MultiLogistic{X: s.ApplyAll(cut), Y: y, W: w, Ridge: ridge}.Fit()
	}
	want, err := FitLogistic(x, y)
	if err != nil {
		t.Fatal(err)
	}
	s, beta := fit(y, 0, 1)
	for _, a := range []float64{-1, 3, 6} {
		if got := Sigmoid(Linear(beta, s.Apply([]float64{a, 7}))); math.Abs(got-want.Probability(a)) > 1e-6 {
			t.Errorf("at %g: %g, one variable alone gives %g", a, got, want.Probability(a))
		}
	}
	if _, beta = fit(both, 0, 2); math.Abs(beta[0]+1) > 0.15 || math.Abs(beta[1]-2) > 0.15 || math.Abs(beta[2]-1) > 0.15 {
		t.Errorf("weights %v, drawn from -1, 2, 1", beta)
	}
	if far := s.Apply([]float64{1e9, 8}); far[0] > 5 || far[1] != 0 {
		t.Errorf("beyond the range: %v", far)
	}
	b := Balanced([]float64{1, 1, 2}, []bool{true, false, false})
	if b[0] != 0.5 || b[1]+b[2] != 0.5 || b[2] != 2*b[1] {
		t.Errorf("balanced %v", b)
	}
}

func TestLogisticSeparable(t *testing.T) {
	l, err := FitLogistic([]float64{1, 2, 3, 4}, []bool{false, false, true, true})
	if err != nil {
		t.Fatal(err)
	}
	if p := l.Probability(4); !(p > 0.9 && p < 1) {
		t.Errorf("probability %v at the top of separated classes", p)
	}
	if _, err := FitLogistic([]float64{1, 1}, []bool{false, true}); err == nil {
		t.Error("equal scores were fitted")
	}
}

func TestYouden(t *testing.T) {
	at, err := Youden([]float64{1, 2, 3, 4, 5, 6}, []bool{false, false, true, false, true, true})
	if err != nil {
		t.Fatal(err)
	}
	if at != 2.5 && at != 4.5 { // both cut off one error
		t.Errorf("threshold %v", at)
	}
}

func TestOperate(t *testing.T) {
	o := Operate([]float64{1, 2, 3, 4, 5, 6}, []bool{false, false, true, false, true, true}, 3)
	if s := o.Sensitivity; s.Count != 2 || s.Of != 3 || s != Wilson(2, 3) {
		t.Errorf("%+v", s)
	}
	if s := o.Specificity; s.Count != 2 || s.Of != 3 {
		t.Errorf("%+v", s)
	}
}

func TestSizeMatched(t *testing.T) {
	scores := []float64{1, 2, 9, 3, 5}
	anomalous := []bool{false, false, false, true, true}
	diameter := []float64{4, 5, 20, 5.5, 12}
	patients := []string{"a", "b", "c", "d", "e"}
	// Only the anomaly of 5.5 mm has normals near it (4 and 5 mm): it beats both.
	a := SizeMatched(scores, anomalous, diameter, patients)
	if a.Value != 1 || a.Normals != 2 || a.Anomalies != 1 {
		t.Errorf("%+v", a)
	}
	if a := SizeMatched(scores, anomalous, []float64{1, 1, 1, 50, 50}, patients); a.Normals != 0 || a.Low != 0 || a.High != 1 {
		t.Errorf("no pair: %+v", a)
	}
}
