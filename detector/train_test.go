package detector

import (
	"context"
	"errors"
	"testing"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

func quick() TrainOptions {
	return TrainOptions{Settings: models.Settings{Epochs: 1, Batch: 4, Seed: 2}}
}

func train(t *testing.T, d nodules) (*VAEAD, *nodule.Split) {
	t.Helper()
	ds := d.load(t)
	split, err := Protocol{Exclude: []string{}}.Split(ds)
	if err != nil {
		t.Fatal(err)
	}
	v, err := TrainVAEAD(context.Background(), ds, split, quick())
	if err != nil {
		t.Fatal(err)
	}
	return v, split
}

// TestLabelsNeverReachTraining changes the pixels of every anomaly and shuffles
// the ratings within the class: the weights stay the same, the calibration does
// not.
func TestLabelsNeverReachTraining(t *testing.T) {
	d := many(16)
	before, _ := train(t, d)
	for i, m := range d.malignancy {
		if m >= 4 {
			d.shade[i] = 300 - d.shade[i]
			d.malignancy[i] = 9 - m
		}
	}
	after, _ := train(t, d)
	if before.params.Digest() != after.params.Digest() {
		t.Error("anomalies changed the weights")
	}
}

func TestTrainingAndEvaluation(t *testing.T) {
	d, split := train(t, many(16))
	c := d.Calibration()
	if c.Name() != "uncalibrated" || c.Normals+c.Anomalies == 0 || len(c.Reference) == 0 {
		t.Errorf("a calibration on %d nodules: %+v", c.Normals+c.Anomalies, c)
	}
	ds := split.Train // both classes; the figures are of no interest here
	e, err := Evaluate(context.Background(), d, ds, MeanPatch(split.TrainNormals()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Nodules != len(ds.Samples) || e.Normals+e.Anomalies != e.Nodules || e.Brier != nil || len(e.Scored) != e.Nodules {
		t.Errorf("%+v", e)
	}
	names := map[string]bool{}
	for _, r := range e.Rows {
		names[r.Name] = true
		if r.Overall.Normals != e.Normals || !(r.Overall.Low <= r.Overall.Value && r.Overall.Value <= r.Overall.High) {
			t.Errorf("%s: %+v", r.Name, r.Overall)
		}
	}
	for _, want := range []string{"diameter only", "intensity only: sum over the support", "mean image: distance to the mean normal", "support only: voxels that count"} {
		if !names[want] {
			t.Errorf("no row %q in %v", want, names)
		}
	}
	if names["mask only: share of the cube with data"] {
		t.Error("cubes that are complete have a row of their mask")
	}
}

func TestNothingToTrainOn(t *testing.T) {
	d := many(8)
	for i := range d.malignancy {
		d.malignancy[i] = 5
	}
	ds := d.load(t)
	split, err := Protocol{}.Split(ds)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TrainVAEAD(context.Background(), ds, split, quick()); !errors.Is(err, ErrNoNormals) {
		t.Errorf("no normals: %v", err)
	}
	if _, err := Evaluate(context.Background(), untrained(t), ds, nil, nil); err == nil {
		t.Error("one class alone was evaluated")
	}
}
