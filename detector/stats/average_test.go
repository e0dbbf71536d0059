package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

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
	a, err := AverageAUROC(scores, anomalous, patients)
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
		if v := weightedAUROC(order, s, anomalous, ones); !(math.Abs(v-won/pairs) <= 1e-12) {
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
	grouped, err := AverageAUROC(many, class, same)
	if err != nil {
		t.Fatal(err)
	}
	apart, err := AverageAUROC(many, class, own)
	if err != nil {
		t.Fatal(err)
	}
	if w, once, free := grouped.High-grouped.Low, a.High-a.Low, apart.High-apart.Low; math.Abs(w/once-1) > 0.2 || free > 0.75*once {
		t.Errorf("width %.3f once, %.3f four times by patient, %.3f four times without", once, w, free)
	}
	if _, err := AverageAUROC(scores, make([]bool, 120), patients); err == nil {
		t.Error("one class alone has an AUROC")
	}
}

func TestRanks(t *testing.T) {
	if got := Ranks([]float64{3, 1, 3, 2}); !slices.Equal(got, []float64{3.5, 1, 3.5, 2}) {
		t.Errorf("ranks %v", got)
	}
	if got := Spearman([]float64{1, 2, 3, 4}, []float64{10, 20, 25, 1000}); math.Abs(got-1) > 1e-12 {
		t.Errorf("rho of a rising function is %g", got)
	}
}
