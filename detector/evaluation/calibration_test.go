package evaluation

import (
	"testing"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
)

func TestOperate(t *testing.T) {
	y, _ := detectortest.Twenty()
	thresholds := make([]float64, 20)
	for i := range thresholds {
		thresholds[i] = 2.6
	}
	p := operate(PointYouden, detectortest.ScoreA, thresholds, y) // above 2.6: normals 3.3 2.8 3.1, anomalies 3.6 4.2 2.9 3.3 4.8 3.9
	if p.Sensitivity.Count != 6 || p.Specificity.Count != 7 || p.PPV.Count != 6 || p.PPV.Of != 9 || p.NPV.Count != 7 || p.NPV.Of != 11 || p.Threshold == nil {
		t.Errorf("%+v", p)
	}
	thresholds[19] = 5
	if p := operate(PointYouden, detectortest.ScoreA, thresholds, y); p.Sensitivity.Count != 5 || p.Threshold != nil {
		t.Errorf("several thresholds: %+v", p)
	}
}

func TestReproduce(t *testing.T) {
	y, _ := detectortest.Twenty()
	r := reproduce(detectortest.ScoreA, y)
	if r == nil || r.PerClass != 10 || r.Slope <= 0 {
		t.Fatalf("%+v", r)
	}
	detectortest.Near(t, "area", r.Area.Value, 0.775, 1e-12)
	// The regression turns an inverted score round: that is why it is a row of
	// its own.
	inverted := make([]float64, 20)
	for i, s := range detectortest.ScoreA {
		inverted[i] = -s
	}
	detectortest.Near(t, "area of the inverted score", reproduce(inverted, y).Area.Value, 0.775, 1e-12)
	if r := reproduce(append(detectortest.ScoreA, 9, 9), append(y, false, false)); r.PerClass != 10 {
		t.Errorf("%d of each class", r.PerClass)
	}
	if r := reproduce(make([]float64, 20), y); r != nil {
		t.Errorf("equal scores: %+v", r)
	}
}
