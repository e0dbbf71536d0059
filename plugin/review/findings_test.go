package review

import (
	"testing"

	"github.com/nodulescope/nodulescope/detector"
)

// What a flag is worth comes from the file of the model: the share of its
// reference normals below the threshold, and whether that is as low as 95 %
// sensitivity needs it.
func TestWorthOfDetector(t *testing.T) {
	at := 0.35
	c := &detector.Calibration{Reference: []float64{0.1, 0.2, 0.3, 0.4, 0.5}, Normals: 5, Anomalies: 3, Sensitive: &at}
	w := worthOf(c, 0.3)
	if w.Specificity.Value != 0.6 || w.Specificity.Count != 3 || w.Specificity.Of != 5 || w.Specificity.Low > 0.3 || w.Specificity.High < 0.8 || w.Sensitive == nil || !*w.Sensitive || w.Anomalies != 3 {
		t.Errorf("%+v", w)
	}
	if w := worthOf(c, 0.4); *w.Sensitive || w.Specificity.Value != 0.8 {
		t.Errorf("%+v", w)
	}
	if w := worthOf(&detector.Calibration{Reference: []float64{1}}, 1); w.Sensitive != nil {
		t.Errorf("%+v", w)
	}
	if w := worthOf(&detector.Calibration{}, 1); w != nil {
		t.Errorf("%+v", w)
	}
}
