package rungs

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/nodule"
)

// graded are nodules whose mean rating rises with the raw score, to 3 at half.
func graded(n int, half float64, rng *rand.Rand) (raws []float64, cases []Case) {
	for range n {
		raw := half + 2*rng.NormFloat64()
		sum, readers := 0, 1+rng.IntN(4)
		for range readers {
			sum += max(1, min(5, int(math.Round(3+(raw-half)/2+rng.NormFloat64()))))
		}
		c := Case{Readers: readers, Rating: float64(sum) / float64(readers)}
		c.Label = nodule.LabelOf(int(math.Round(c.Rating)))
		raws, cases = append(raws, raw), append(cases, c)
	}
	return raws, cases
}

// TestCalibrationHalf: the probability is one half where readers are undecided,
// whatever the share of either class, and the place is found better than by the
// labels alone.
func TestCalibrationHalf(t *testing.T) {
	const half, sets = 1.7, 60
	var by, free, claimed float64
	for seed := range uint64(sets) {
		raws, cases := graded(250, half, rand.New(rand.NewPCG(seed, 3)))
		c, err := calibrate(raws, cases)
		if err != nil {
			t.Fatal(err)
		}
		if c.Half == nil || math.Abs(c.Logistic.Probability(*c.Half)-0.5) > 1e-9 || c.Logistic.Slope <= 0 {
			t.Fatalf("set %d: %+v", seed, c)
		}
		var plain Calibration
		var raw []float64
		var anomalous []bool
		for i := range cases {
			if cases[i].Label != nodule.Indeterminate && cases[i].Readers >= calibrationReaders {
				raw, anomalous = append(raw, raws[i]), append(anomalous, cases[i].Label == nodule.Anomaly)
			}
		}
		if err := plain.free(raw, anomalous); err != nil {
			t.Fatal(err)
		}
		off := -plain.Logistic.Intercept/plain.Logistic.Slope - half
		by, free = by+(*c.Half-half)*(*c.Half-half)/sets, free+off*off/sets
		se := c.logitSE(*c.Half, 0) / c.Logistic.Slope
		claimed += se * se / sets
	}
	t.Logf("deviation of the place %.3f, by the labels alone %.3f; claimed %.3f", math.Sqrt(by), math.Sqrt(free), math.Sqrt(claimed))
	if by > free/2 {
		t.Errorf("the place of one half is off by %.3f, by the labels alone by %.3f", math.Sqrt(by), math.Sqrt(free))
	}
	if r := claimed / by; r < 0.5 || r > 2 {
		t.Errorf("its standard error is given as %.3f, it is %.3f", math.Sqrt(claimed), math.Sqrt(by))
	}
}

// TestCalibrationWithoutRatings: where ratings do not rise with the score, or
// there are none, the labels calibrate alone.
func TestCalibrationWithoutRatings(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	raws, cases := graded(300, 0, rng)
	for i := range raws {
		raws[i] = rng.NormFloat64()
	}
	if c, err := calibrate(raws, cases); err != nil || c.Half != nil {
		t.Errorf("a score that says nothing: %v, half at %v", err, c.Half)
	}
	raws, cases = graded(300, 0, rng)
	for i := range cases {
		cases[i].Unrated = true
	}
	if c, err := calibrate(raws, cases); err != nil || c.Half != nil || c.Logistic.Slope <= 0 {
		t.Errorf("without ratings: %v, %+v", err, c.Logistic)
	}
}
