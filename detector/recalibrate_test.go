package detector

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/nodule"
)

// Recalibrated, a detector has the same weights and the calibration of other
// nodules; of too few anomalies, or those that score lower than normals, the percentiles alone, of too few normals none.
func TestRecalibrate(t *testing.T) {
	d := train(t, detectortest.Many(12))
	ds := detectortest.Many(44).Load(t)
	next, err := Recalibrate(context.Background(), d, ds, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, ok := next.(*VAEAD)
	if !ok || v.Params().Digest() != d.Params().Digest() || v.Digest() == d.Digest() {
		t.Fatal("the weights have changed, or the file has not")
	}
	if c := v.Calibration(); c.Logistic == nil || c.Normals != 44 || c.Anomalies != 44 || len(c.Reference) != 44 || c.DiameterMM == nil ||
		c.AtThreshold == nil || c.AtThreshold.Sensitivity.Of != 44 || c.AtThreshold.Specificity.Of != 44 {
		t.Errorf("%+v", c)
	}
	normals := ds.Filter(func(s *nodule.Sample) bool { return s.Label == nodule.Normal })
	if next, err = Recalibrate(context.Background(), v, normals, nil, nil); err != nil {
		t.Fatal(err)
	}
	was, is := v.Calibration(), next.(*VAEAD).Calibration()
	if is.Logistic == nil || *is.Logistic != *was.Logistic || *is.AtThreshold != *was.AtThreshold || is.Threshold != was.Threshold || len(is.Reference) != 44 {
		t.Errorf("%+v", is)
	}
	if !(was.Logistic.Slope > 0) {
		t.Fatalf("slope %g", was.Logistic.Slope)
	}
	swapped := detectortest.Many(44).Load(t)
	for i := range swapped.Samples {
		swapped.Samples[i].Label = nodule.Normal + nodule.Anomaly - swapped.Samples[i].Label
	}
	if next, err = Recalibrate(context.Background(), v, swapped, nil, nil); err != nil {
		t.Fatal(err)
	}
	if is := next.(*VAEAD).Calibration(); *is.Logistic != *was.Logistic || is.Threshold != was.Threshold || slices.Equal(is.Reference, was.Reference) {
		t.Errorf("labels that are swapped: %+v", is)
	}
	normals.Samples = normals.Samples[:MinCalibration-1]
	if _, err := Recalibrate(context.Background(), d, normals, nil, nil); !errors.Is(err, ErrTooFew) {
		t.Error(err)
	}
}
