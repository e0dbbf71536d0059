package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// ranked are scores with ties, and who is anomalous.
func ranked() (scores []float64, anomalous []bool, patients []string) {
	rng := rand.New(rand.NewPCG(3, 5))
	for i := range 120 {
		a := i%3 == 0
		v := math.Round(10*rng.NormFloat64()) / 10
		if a {
			v++
		}
		scores, anomalous, patients = append(scores, v), append(anomalous, a), append(patients, "p"+strconv.Itoa(i/2))
	}
	return scores, anomalous, patients
}

func TestROCPointsHaveTheAreaOfAllPairs(t *testing.T) {
	scores, anomalous, _ := ranked()
	x, y, err := ROC(scores, anomalous)
	if err != nil {
		t.Fatal(err)
	}
	var area float64
	for i := 1; i < len(x); i++ {
		if x[i] < x[i-1] || y[i] < y[i-1] {
			t.Fatal("the curve goes back")
		}
		area += (x[i] - x[i-1]) * (y[i] + y[i-1]) / 2
	}
	var pairs, won float64
	distinct := map[float64]bool{}
	for i, a := range scores {
		distinct[a] = true
		for j, n := range scores {
			if !anomalous[i] || anomalous[j] {
				continue
			}
			pairs++
			switch {
			case a > n:
				won++
			case a == n:
				won += 0.5
			}
		}
	}
	if math.Abs(area-won/pairs) > 1e-12 {
		t.Errorf("area %v, by pairs %v", area, won/pairs)
	}
	if len(x) != len(distinct)+1 || x[0] != 0 || y[0] != 0 || x[len(x)-1] != 1 || y[len(y)-1] != 1 {
		t.Errorf("%d points for %d distinct scores, from (%v, %v) to (%v, %v)", len(x), len(distinct), x[0], y[0], x[len(x)-1], y[len(y)-1])
	}
}

func TestPRPointsByHand(t *testing.T) {
	// Down the scores: anomaly, normal and anomaly together, normal, anomaly.
	recall, precision, err := PrecisionRecall([]float64{9, 7, 7, 5, 1}, []bool{true, false, true, false, true})
	if err != nil {
		t.Fatal(err)
	}
	wantR := []float64{0, 1. / 3, 1. / 3, 2. / 3, 2. / 3, 2. / 3, 2. / 3, 1}
	wantP := []float64{1, 1, 2. / 3, 2. / 3, 0.5, 0.5, 0.6, 0.6}
	for i := range wantR {
		if len(recall) != len(wantR) || recall[i] != wantR[i] || precision[i] != wantP[i] {
			t.Fatalf("recall %v, precision %v", recall, precision)
		}
	}
}

func TestROCBandHoldsTheCurve(t *testing.T) {
	scores, anomalous, patients := ranked()
	fpr, low, high, err := ROCBand(scores, anomalous, patients, 400, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, y, _ := ROC(scores, anomalous)
	outside := 0
	for i := range fpr {
		at := upper(x, y, fpr[i])
		if low[i] > high[i] {
			t.Fatalf("at %v the band goes from %v to %v", fpr[i], low[i], high[i])
		}
		if at < low[i]-1e-9 || at > high[i]+1e-9 {
			outside++
		}
	}
	if len(fpr) != 101 || outside > 2 {
		t.Errorf("the curve leaves the band at %d of %d places", outside, len(fpr))
	}
	if middle := high[30] - low[30]; middle < 0.05 || middle > 0.6 {
		t.Errorf("the band is %v wide at 0.3", middle)
	}
	_, again, _, _ := ROCBand(scores, anomalous, patients, 400, 1)
	_, other, _, _ := ROCBand(scores, anomalous, patients, 400, 2)
	same, differs := true, false
	for i := range low {
		same, differs = same && low[i] == again[i], differs || low[i] != other[i]
	}
	if !same || !differs {
		t.Errorf("same seed, same band: %v; other seed, other band: %v", same, differs)
	}
	// One patient with everything: every draw is the same curve.
	one := slices.Repeat([]string{"one"}, len(scores))
	fpr, low, high, err = ROCBand(scores, anomalous, one, 10, 1)
	for i := range fpr {
		if err != nil || low[i] != high[i] || low[i] != upper(x, y, fpr[i]) {
			t.Fatalf("one patient: %v..%v, curve %v, error %v", low[i], high[i], upper(x, y, fpr[i]), err)
		}
	}
}

func TestROCRefusesOneClass(t *testing.T) {
	for name, test := range map[string]struct {
		scores    []float64
		anomalous []bool
		want      error
	}{
		"normals alone": {[]float64{1, 2}, []bool{false, false}, ErrOneClass},
		"nothing":       {nil, nil, ErrOneClass},
		"labels":        {[]float64{1}, nil, ErrLength},
		"no number":     {[]float64{1, math.NaN()}, []bool{true, false}, ErrNotFinite},
	} {
		_, _, err := ROC(test.scores, test.anomalous)
		_, _, prErr := PrecisionRecall(test.scores, test.anomalous)
		_, _, _, bandErr := ROCBand(test.scores, test.anomalous, make([]string, len(test.scores)), 10, 1)
		for _, e := range []error{err, prErr, bandErr} {
			if !errors.Is(e, test.want) {
				t.Errorf("%s: %v", name, e)
			}
		}
	}
	// Patients of one class each: half the draws of two have but one class.
	if _, _, _, err := ROCBand([]float64{1, 2}, []bool{true, false}, []string{"a", "b"}, 20, 1); err != nil {
		t.Errorf("two patients: %v", err)
	}
}
