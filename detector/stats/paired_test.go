package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestPaired: the interval of a change is that of the difference, not of two areas
// side by side; it knows patients, and says where nothing is known.
func TestPaired(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 400
	var a, b, far, size []float64
	var anomalous, flaggedA, flaggedB, normal []bool
	var patients []string
	for i := range n {
		ill := i%2 == 0
		x := rng.NormFloat64()
		if ill {
			x += 1.5
		}
		a, b, far = append(a, x), append(b, x+0.01*rng.NormFloat64()), append(far, rng.NormFloat64())
		anomalous, normal = append(anomalous, ill), append(normal, !ill)
		flaggedA, flaggedB = append(flaggedA, x > 0.7), append(flaggedB, x > 1.2)
		size, patients = append(size, 8+rng.Float64()), append(patients, fmt.Sprint("p", i/4))
	}
	same := Paired(patients, MatchedStatistic(a, anomalous, size), MatchedStatistic(b, anomalous, size))
	if !same.Known || math.Abs(same.Difference) > 0.005 || same.High-same.Low > 0.01 || same.Low > same.Difference || same.High < same.Difference {
		t.Errorf("nearly the same scores: %+v", same)
	}
	if want := SizeMatched(a, anomalous, size, patients).Value; same.Before != want {
		t.Errorf("an area of %g, want %g", same.Before, want)
	}
	worse := Paired(patients, MatchedStatistic(a, anomalous, size), MatchedStatistic(far, anomalous, size))
	if !worse.Known || worse.High > -0.2 || worse.Difference > -0.25 {
		t.Errorf("no score any more: %+v", worse)
	}
	share := Paired(patients, ShareStatistic(flaggedA, normal), ShareStatistic(flaggedB, normal))
	if !share.Known || share.High >= 0 || share.Before <= share.After {
		t.Errorf("fewer flags: %+v", share)
	}
	// Ten patients with forty nodules each are not four hundred.
	few := make([]string, n)
	for i := range few {
		few[i] = fmt.Sprint("p", i/40)
	}
	grouped := make([]float64, n)
	for i := range grouped {
		grouped[i] = a[i] + 3*float64(i/40%2)*rng.Float64()
	}
	wide, narrow := Paired(few, MatchedStatistic(a, anomalous, size), MatchedStatistic(grouped, anomalous, size)), Paired(patients, MatchedStatistic(a, anomalous, size), MatchedStatistic(grouped, anomalous, size))
	if wide.Difference != narrow.Difference || wide.High-wide.Low == narrow.High-narrow.Low {
		t.Errorf("patients do not count: %+v and %+v", wide, narrow)
	}
	if c := Paired(patients, ShareStatistic(flaggedA, make([]bool, n)), ShareStatistic(flaggedB, normal)); c.Known || c.Low != -1 || c.High != 1 {
		t.Errorf("a share of nothing: %+v", c)
	}
}
