package evaluation

import (
	"context"
	"errors"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/models"
)

func TestTrainingAndEvaluation(t *testing.T) {
	ds := detectortest.Many(16).Load(t)
	split, err := detector.Protocol{Exclude: []string{}}.Split(ds)
	if err != nil {
		t.Fatal(err)
	}
	d, err := detector.TrainVAEAD(context.Background(), ds, split, detector.TrainOptions{Settings: models.Settings{Epochs: 1, Batch: 4, Seed: 2}})
	if err != nil {
		t.Fatal(err)
	}
	c := d.Calibration()
	if c.Name() != "uncalibrated" || c.Normals+c.Anomalies == 0 || len(c.Reference) == 0 {
		t.Errorf("a calibration on %d nodules: %+v", c.Normals+c.Anomalies, c)
	}
	ds = split.Train // both classes; the figures are of no interest here
	e, err := Evaluate(context.Background(), []detector.Detector{d}, ds, Options{Neighbours: split.TrainNormals()})
	if err != nil {
		t.Fatal(err)
	}
	if c := e.Counts; c.Nodules != len(ds.Samples) || c.Normals+c.Anomalies != c.Nodules || e.Detectors[0].Brier != nil || len(e.Scored) != c.Nodules {
		t.Errorf("%+v", e)
	}
	for _, r := range e.Rows {
		if r.Overall.Normals != e.Counts.Normals || !(r.Overall.Low <= r.Overall.Value && r.Overall.Value <= r.Overall.High) {
			t.Errorf("%s: %+v", r.Name, r.Overall)
		}
	}
	for _, want := range []string{detector.VAEName, TermRow(detector.VAEName, "KL"), RowDiameter, RowIntensitySum, RowMeanImage, RowNearest, RowSupport} {
		if e.Row(want) == nil {
			t.Errorf("no row %q", want)
		}
	}
	if e.Row(RowMaskShare) != nil {
		t.Error("cubes that are complete have a row of their mask")
	}
	if p := e.Detectors[0].Points; len(p) != 1 || p[0].Name != PointReference95 {
		t.Errorf("operating points of an uncalibrated detector: %+v", p)
	}
}

// TestOneClass: a set of one class makes no table.
func TestOneClass(t *testing.T) {
	d := detectortest.Many(8)
	for i := range d.Malignancy {
		d.Malignancy[i] = 5
	}
	if _, err := Evaluate(context.Background(), []detector.Detector{shade{name: "a"}}, d.Load(t), Options{}); !errors.Is(err, ErrOneClass) {
		t.Errorf("one class alone: %v", err)
	}
}
