package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
)

// TestPairsByDefinition compares the counting by a tree with the double loop,
// for weights, ties and unknown diameters.
func TestPairsByDefinition(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 9))
		n := 5 + rng.IntN(60)
		scores, diameters, w := make([]float64, n), make([]float64, n), make([]float64, n)
		anomalous := make([]bool, n)
		for i := range n {
			scores[i], diameters[i] = float64(rng.IntN(9)), float64(rng.IntN(24))/2 // 0: unknown
			anomalous[i], w[i] = rng.IntN(3) == 0, float64(rng.IntN(4))
		}
		var won, all float64
		normals, anomalies := map[int]bool{}, map[int]bool{}
		for p := range n {
			for q := range n {
				if !anomalous[p] || anomalous[q] || diameters[p] == 0 || diameters[q] == 0 || math.Abs(diameters[p]-diameters[q]) > MatchMM {
					continue
				}
				anomalies[p], normals[q] = true, true
				all += w[p] * w[q]
				switch {
				case scores[p] > scores[q]:
					won += w[p] * w[q]
				case scores[p] == scores[q]:
					won += w[p] * w[q] / 2
				}
			}
		}
		pairs := newPairs(scores, anomalous, diameters)
		for range 2 { // a second count starts afresh
			if gotWon, gotAll := pairs.count(w); gotWon != won || gotAll != all {
				t.Errorf("seed %d: %v of %v, want %v of %v", seed, gotWon, gotAll, won, all)
			}
		}
		if n, a := pairs.inPairs(); n != len(normals) || a != len(anomalies) {
			t.Errorf("seed %d: %d and %d nodules in pairs, want %d and %d", seed, n, a, len(normals), len(anomalies))
		}
	}
}

func TestWeightsAreRepeats(t *testing.T) {
	for seed := range uint64(20) {
		scores, anomalous := drawn(seed, 50)
		rng := rand.New(rand.NewPCG(seed, 3))
		w := make([]float64, len(scores))
		var s []float64
		var y []bool
		for i := range scores {
			w[i] = float64(rng.IntN(4))
			for range int(w[i]) {
				s, y = append(s, scores[i]), append(y, anomalous[i])
			}
		}
		a, err := DeLong(s, y)
		if err != nil {
			t.Fatal(err)
		}
		order := ascending(scores)
		detectortest.Near(t, "weighted area", weightedAUROC(order, scores, anomalous, w), a.Value, 1e-12)
		p, err := Precision(s, y, make([]string, len(s)))
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(order)
		detectortest.Near(t, "weighted precision", weightedPrecision(order, scores, anomalous, w), p.Value, 1e-12)
	}
}

// TestBootstrapByPatient: with one nodule per patient the standard error is
// that of DeLong; with every nodule there four times as often, all of one
// patient, it stays the same, where independent nodules would halve it.
func TestBootstrapByPatient(t *testing.T) {
	scores, anomalous := drawn(3, 120)
	want, err := DeLong(scores, anomalous)
	if err != nil {
		t.Fatal(err)
	}
	se := func(repeats int, patient func(i, r int) string) float64 {
		var s []float64
		var y []bool
		var who []string
		for i := range scores {
			for r := range repeats {
				s, y, who = append(s, scores[i]), append(y, anomalous[i]), append(who, patient(i, r))
			}
		}
		order := ascending(s)
		_, _, se, ok := bootstrap(who, 1, func(w []float64) float64 { return weightedAUROC(order, s, y, w) })
		if !ok {
			t.Fatal("no interval")
		}
		return se
	}
	detectortest.Near(t, "one nodule each", se(1, func(i, _ int) string { return fmt.Sprint(i) })/want.SE, 1, 0.15)
	detectortest.Near(t, "without a patient", se(1, func(int, int) string { return "" })/want.SE, 1, 0.15)
	detectortest.Near(t, "four nodules each", se(4, func(i, _ int) string { return fmt.Sprint(i) })/want.SE, 1, 0.15)
	detectortest.Near(t, "four patients each", se(4, func(i, r int) string { return fmt.Sprint(i, r) })/want.SE, 0.5, 0.1)
}

// TestBootstrapIgnoresOrder: the same nodules in another order have the same
// interval.
func TestBootstrapIgnoresOrder(t *testing.T) {
	y, who := detectortest.Twenty()
	a, err := Precision(detectortest.ScoreA, y, who)
	if err != nil {
		t.Fatal(err)
	}
	s := slices.Clone(detectortest.ScoreA)
	slices.Reverse(s)
	slices.Reverse(y)
	slices.Reverse(who)
	b, err := Precision(s, y, who)
	if err != nil {
		t.Fatal(err)
	}
	detectortest.Near(t, "low", b.Low, a.Low, 1e-12)
	detectortest.Near(t, "high", b.High, a.High, 1e-12)
}

func TestSizeRegressed(t *testing.T) {
	y, who := detectortest.Twenty()
	a := SizeRegressed(detectortest.ScoreA, y, detectortest.Diameters, who)
	detectortest.Near(t, "area of the residuals", a.Value, 0.44, 1e-12)
	if a.Normals != 10 || a.Anomalies != 10 || !(a.Low < a.Value && a.Value < a.High) {
		t.Errorf("%+v", a)
	}
	// A score that is nothing but a line in ln(diameter) says nothing.
	line := make([]float64, 20)
	for i, d := range detectortest.Diameters {
		line[i] = 3 + 7*math.Log(d)
	}
	if a := SizeRegressed(line, y, detectortest.Diameters, who); a.Value != 0.5 {
		t.Errorf("a line in ln(diameter) reaches %v", a.Value)
	}
	// A nodule of unknown size is left out.
	without := append(slices.Clone(detectortest.Diameters), 0)
	if b := SizeRegressed(append(slices.Clone(detectortest.ScoreA), 99), append(slices.Clone(y), true), without, append(slices.Clone(who), "z")); b.Value != a.Value || b.Anomalies != 10 {
		t.Errorf("%+v, want %+v", b, a)
	}
	one := make([]float64, 20)
	for i := range one {
		one[i] = 8
	}
	for name, d := range map[string][]float64{"unknown": make([]float64, 20), "one size": one} {
		if a := SizeRegressed(detectortest.ScoreA, y, d, who); a.Normals != 0 || a.Low != 0 || a.High != 1 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestSizeBands(t *testing.T) {
	y, who := detectortest.Twenty()
	bands := SizeBands(detectortest.ScoreA, y, detectortest.Diameters, who)
	want := []Band{{"<6 mm", 4, 0, 4, nil}, {"6-10 mm", 5, 4, 9, nil}, {"10-20 mm", 1, 5, 6, nil}, {">20 mm", 0, 1, 1, nil}}
	for i, b := range bands {
		w := want[i]
		if b.Name != w.Name || b.Normals != w.Normals || b.Anomalies != w.Anomalies || b.Patients != w.Patients || (b.Area != nil) != (b.Normals > 0 && b.Anomalies > 0) {
			t.Errorf("%+v, want %+v", b, w)
		}
	}
	if bands := SizeBands(detectortest.ScoreA, y, make([]float64, 20), who); bands != nil {
		t.Errorf("no size is known: %+v", bands)
	}
	for d, band := range map[float64]int{5.999: 0, 6: 1, 9.999: 1, 10: 2, 20: 2, 20.001: 3} {
		if bandOf(d) != band {
			t.Errorf("%v mm is in band %d", d, bandOf(d))
		}
	}
}
