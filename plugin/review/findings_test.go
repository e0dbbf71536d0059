package review

import (
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/stats"
)

// What a flag is worth comes from the file of the model: the share of its
// reference normals below the threshold, and the share of anomalies above it in
// its calibration, where that was the threshold.
func TestWorthOfDetector(t *testing.T) {
	c := &detector.Calibration{Reference: []float64{0.1, 0.2, 0.3, 0.4, 0.5}, Normals: 5, Anomalies: 3, Threshold: 0.3,
		AtThreshold: &stats.Operating{Sensitivity: stats.Wilson(2, 3)}}
	w := worthOf(c, 0.3)
	if w.Specificity.Value != 0.6 || w.Specificity.Count != 3 || w.Specificity.Of != 5 || w.Specificity.Low > 0.3 || w.Specificity.High < 0.8 || w.Sensitivity == nil || w.Sensitivity.Count != 2 || w.Sensitivity.Of != 3 || w.Anomalies != 3 {
		t.Errorf("%+v", w)
	}
	if w := worthOf(c, 0.4); w.Sensitivity != nil || w.Specificity.Value != 0.8 {
		t.Errorf("%+v", w)
	}
	if w := worthOf(&detector.Calibration{Reference: []float64{1}}, 1); w.Sensitivity != nil {
		t.Errorf("%+v", w)
	}
	if w := worthOf(&detector.Calibration{}, 1); w != nil {
		t.Errorf("%+v", w)
	}
}
