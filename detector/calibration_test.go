package detector

import (
	"testing"
)

func TestPercentile(t *testing.T) {
	c := Calibration{Reference: []float64{1, 2, 2, 3}}
	for raw, want := range map[float64]float64{0: 0, 2: 50, 2.5: 75, 9: 100} {
		if got := c.Percentile(raw); got != want {
			t.Errorf("percentile of %v is %v, want %v", raw, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	few := Calibration{Normals: MinCalibration - 1, Anomalies: 50, Reference: []float64{1, 2, 3}}
	if err := few.fit(nil, nil); err != nil || few.Name() != "uncalibrated" || few.Threshold != 3 {
		t.Errorf("too few: %+v, %v", few, err)
	}
	if few.Logistic != nil {
		t.Error("a calibration of too few nodules has a curve")
	}
}
