package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
)

func TestCompareAUROC(t *testing.T) {
	y, who := detectortest.Twenty()
	c, err := CompareAUROC(detectortest.ScoreA, detectortest.ScoreB, y, who)
	if err != nil {
		t.Fatal(err)
	}
	detectortest.Near(t, "area of A", c.AreaA, 0.775, 1e-12)
	detectortest.Near(t, "area of B", c.AreaB, 0.865, 1e-12)
	detectortest.Near(t, "standard error", c.SE, 0.0890068661521246, 1e-12)
	detectortest.Near(t, "z", c.Z, -1.0111579464687361, 1e-9)
	detectortest.Near(t, "p", c.P, 0.3119408397562502, 1e-9)
	detectortest.Near(t, "low", c.Low, -0.09-1.959963984540054*0.0890068661521246, 1e-9)
	if c.Patients != 20 || !(c.BootLow < c.Difference && c.Difference < c.BootHigh) || math.Abs((c.BootHigh-c.BootLow)/(c.High-c.Low)-1) > 0.3 {
		t.Errorf("bootstrap: %+v", c)
	}
	same, err := CompareAUROC(detectortest.ScoreA, detectortest.ScoreA, y, who)
	if err != nil || same.Difference != 0 || same.P != 1 || same.Low != 0 {
		t.Errorf("a score beside itself: %+v, %v", same, err)
	}
	if _, err := CompareAUROC(detectortest.ScoreA[:3], detectortest.ScoreB[:3], []bool{false, false, true}, who[:3]); err == nil {
		t.Error("a class of one was compared")
	}
}

func TestPrecision(t *testing.T) {
	y, who := detectortest.Twenty()
	for _, c := range []struct {
		scores []float64
		want   float64
	}{{detectortest.ScoreA, 0.8074598930481284}, {detectortest.ScoreB, 0.8679501054501053}, {make([]float64, 20), 0.5}} {
		a, err := Precision(c.scores, y, who)
		if err != nil {
			t.Fatal(err)
		}
		detectortest.Near(t, "average precision", a.Value, c.want, 1e-12)
		if a.Prevalence != 0.5 || !(a.Low < a.Value && a.Value < a.High) {
			t.Errorf("%+v", a)
		}
	}
	if _, err := Precision([]float64{1, 2}, []bool{true, true}, who[:2]); err == nil {
		t.Error("one class has a precision")
	}
}

func TestFitCalibration(t *testing.T) {
	y, _ := detectortest.Twenty()
	c, err := FitCalibration(detectortest.Probabilities, y)
	if err != nil {
		t.Fatal(err)
	}
	detectortest.Near(t, "intercept", c.Intercept, 0.33063597, 1e-7)
	detectortest.Near(t, "slope", c.Slope, 1.05164543, 1e-7)
	detectortest.Near(t, "error of the intercept", c.InterceptSE, 0.55987175, 1e-6)
	detectortest.Near(t, "error of the slope", c.SlopeSE, 0.54130622, 1e-6)
	detectortest.Near(t, "in the large", c.InTheLarge, 0.31185638, 1e-7)
	detectortest.Near(t, "error in the large", c.InTheLargeSE, 0.5186395483592724, 1e-6)
	detectortest.Near(t, "Brier", Brier(detectortest.Probabilities, y), 0.190375, 1e-12)
	// A slope that runs away has no figure.
	for name, p := range map[string][]float64{
		"separated":       {.1, .2, .3, .6, .7},
		"but for a tie":   {.1, .2, .5, .5, .7},
		"equal":           {.4, .4, .4, .4, .4},
		"separated by 01": {0, 0, 0, 1, 1},
	} {
		if c, err := FitCalibration(p, []bool{false, false, false, true, true}); !errors.Is(err, ErrSeparated) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if _, err := FitCalibration([]float64{0.1, 1.2}, []bool{false, true}); err == nil || errors.Is(err, ErrSeparated) {
		t.Errorf("a probability of 1.2: %v", err)
	}
}

// TestFitCalibrationConverges fits probabilities of many kinds: none may run
// out of steps, and at a maximum the mean probability is the prevalence.
func TestFitCalibrationConverges(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 4))
		shift, scale := rng.NormFloat64()*2, 0.1+3*rng.Float64()
		var p []float64
		var y []bool
		for i := range 60 {
			x := rng.NormFloat64()
			p = append(p, 1/(1+math.Exp(-(shift+scale*x))))
			y = append(y, i < 2 || i > 3 && rng.Float64() < 1/(1+math.Exp(-x)))
		}
		c, err := FitCalibration(p, y)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var mean, prevalence float64
		for i, v := range p {
			mean += 1 / (60 * (1 + math.Exp(-(c.Intercept + c.Slope*math.Log(v/(1-v))))))
			if y[i] {
				prevalence += 1.0 / 60
			}
		}
		detectortest.Near(t, "mean probability", mean, prevalence, 1e-9)
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		count, of int
		low, high float64
	}{{8, 10, 0.4901624715366418, 0.9433178485456248}, {0, 7, 0, 0.35433043506668743}, {50, 50, 0.9286524008666412, 1}, {19, 52, 0.24800699873813398, 0.5012832186798291}} {
		p := Wilson(c.count, c.of)
		detectortest.Near(t, "low", p.Low, c.low, 1e-12)
		detectortest.Near(t, "high", p.High, c.high, 1e-12)
		detectortest.Near(t, "value", p.Value, float64(c.count)/float64(c.of), 1e-15)
	}
	if p := Wilson(0, 0); p.Low != 0 || p.High != 1 || p.String() != "none" {
		t.Errorf("of none: %+v", p)
	}
}

func TestQuartiles(t *testing.T) {
	q := QuartilesOf(detectortest.ScoreA[10:])
	detectortest.Near(t, "Q1", q.Q1, 2.2, 1e-12)
	detectortest.Near(t, "median", q.Median, 2.9, 1e-12)
	detectortest.Near(t, "Q3", q.Q3, 3.9, 1e-12)
	q = QuartilesOf(detectortest.ScoreA[:7])
	detectortest.Near(t, "Q1", q.Q1, 0.9, 1e-12)
	detectortest.Near(t, "Q3", q.Q3, 2.8, 1e-12)
	if q := QuartilesOf([]float64{4}); q.Q1 != 4 || q.Q3 != 4 || q.Nodules != 1 {
		t.Errorf("of one: %+v", q)
	}
}

func TestReliability(t *testing.T) {
	y, _ := detectortest.Twenty()
	bins := Reliability(detectortest.Probabilities, y, 4)
	n, hits := 0, 0
	for i, b := range bins {
		n, hits = n+b.Observed.Of, hits+b.Observed.Count
		if !(b.Low <= b.Mean && b.Mean <= b.High) || i > 0 && b.Low <= bins[i-1].High {
			t.Errorf("bin %d: %+v", i, b)
		}
	}
	if n != 20 || hits != 10 || len(bins) != 4 {
		t.Errorf("%d bins hold %d nodules, %d of them anomalies", len(bins), n, hits)
	}
	// .05 .1 .15 .2 .2 stand in the first: two of them stand for anomaly 17 and normal 2.
	detectortest.Near(t, "mean of the first bin", bins[0].Mean, 0.14, 1e-12)
	if bins[0].Observed.Count != 1 {
		t.Errorf("first bin: %+v", bins[0])
	}
	// Equal probabilities stay together.
	if one := Reliability(make([]float64, 20), y, 5); len(one) != 1 || one[0].Observed.Of != 20 {
		t.Errorf("equal probabilities: %+v", one)
	}
	if none := Reliability(nil, nil, 5); len(none) != 0 {
		t.Errorf("of none: %+v", none)
	}
}

// TestAtSensitivity compares with every threshold there is.
func TestAtSensitivity(t *testing.T) {
	for seed := range uint64(50) {
		scores, anomalous := drawn(seed, 30+int(seed))
		for _, want := range []float64{0.5, 0.9, 0.95, 1} {
			at, err := AtSensitivity(scores, anomalous, want)
			if err != nil {
				t.Fatal(err)
			}
			sensitivity := func(at float64) float64 {
				var hit, all float64
				for i, s := range scores {
					if anomalous[i] {
						all++
						if s > at {
							hit++
						}
					}
				}
				return hit / all
			}
			if got := sensitivity(at); got < want-1e-12 {
				t.Errorf("seed %d: sensitivity %v at the threshold for %v", seed, got, want)
			}
			for _, s := range scores {
				if s > at && sensitivity(s) >= want {
					t.Errorf("seed %d: the threshold %v has the sensitivity %v, too, and is larger than %v", seed, s, want, at)
				}
			}
		}
	}
	if _, err := AtSensitivity([]float64{1, 2}, []bool{false, true}, 0); err == nil {
		t.Error("a sensitivity of 0 has a threshold")
	}
}
