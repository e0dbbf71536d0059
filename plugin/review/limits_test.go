package review

import (
	"context"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
)

// ranged is a detector whose references have diameters in a range.
type ranged [2]float64

func (ranged) Name() string   { return "ranged" }
func (ranged) Digest() string { return "sha256:aa" }
func (ranged) Score(context.Context, []nodule.Patch) ([]detector.Score, error) {
	return nil, nil
}
func (r ranged) Calibration() detector.Calibration {
	both := [2]float64(r)
	return detector.Calibration{DiameterMM: &both}
}

// What a nodule's diameter is compared with stands beside it, where the
// detector that says so is loaded.
func TestLimitLabels(t *testing.T) {
	result := sample(0.3).Result
	s := newServer(t, func(c *Config) {
		c.Detectors = func() []detector.Detector { return []detector.Detector{ranged{3.6, 15.4}} }
	})
	for _, tt := range []struct {
		code string
		mm   float64
		want string
	}{
		{"diameter_outside_training", 22.64, "22.6 mm: larger than the reference (3.6–15.4 mm)"},
		{"diameter_outside_training", 2, "2.0 mm: smaller than the reference (3.6–15.4 mm)"},
		{"diameter_outside_training", 8, "Smaller or larger than the reference nodules"},
		{"diameter_unknown", 0, "Diameter unknown"},
		{"gantry_tilt", 8, "The gantry is tilted"},
		{"something_new", 8, "something_new"},
	} {
		n := &bus.ResultNodule{JobNodule: bus.JobNodule{DiameterMM: tt.mm}}
		if got := s.limitLabel(result, n, tt.code); got != tt.want {
			t.Errorf("%s of %g mm: %q, want %q", tt.code, tt.mm, got, tt.want)
		}
	}
	n := &bus.ResultNodule{JobNodule: bus.JobNodule{DiameterMM: 22.6}}
	if got := newServer(t, nil).limitLabel(result, n, "diameter_outside_training"); got != limitLabels["diameter_outside_training"] {
		t.Errorf("without the detector: %q", got)
	}
}
