package detector

import (
	"context"
	"errors"
	"testing"

	"github.com/nodulescope/nodulescope/detector/internal/detectortest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

func quick() TrainOptions {
	return TrainOptions{Settings: models.Settings{Epochs: 1, Batch: 4, Seed: 2}}
}

// divided is a data set with its split by patient, nobody left out.
func divided(t *testing.T, d detectortest.Nodules) (*nodule.Dataset, *nodule.Split) {
	t.Helper()
	ds := d.Load(t)
	split, err := Protocol{Exclude: []string{}}.Split(ds)
	if err != nil {
		t.Fatal(err)
	}
	return ds, split
}

// trained trains a detector on the training side of a set.
func trained[D, O any](t *testing.T, d detectortest.Nodules, train func(context.Context, *nodule.Dataset, *nodule.Split, O) (D, error), o O) D {
	t.Helper()
	ds, split := divided(t, d)
	v, err := train(context.Background(), ds, split, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func train(t *testing.T, d detectortest.Nodules) *VAEAD { return trained(t, d, TrainVAEAD, quick()) }

// labelsStayOut changes the pixels of every anomaly and shuffles the ratings
// within the class: the weights stay the same. It returns the detector that was
// trained last.
func labelsStayOut[D interface{ Params() models.Params }](t *testing.T, train func(*testing.T, detectortest.Nodules) D) D {
	t.Helper()
	d := detectortest.Many(16)
	before := train(t, d)
	for i, m := range d.Malignancy {
		if m >= 4 {
			d.Shade[i] = 300 - d.Shade[i]
			d.Malignancy[i] = 9 - m
		}
	}
	after := train(t, d)
	if before.Params().Digest() != after.Params().Digest() {
		t.Error("anomalies changed the weights")
	}
	return after
}

// TestLabelsNeverReachTraining: labels beyond normal reach the calibration alone.
func TestLabelsNeverReachTraining(t *testing.T) { labelsStayOut(t, train) }

// TestNothingToTrainOn: a set without normals trains nothing.
func TestNothingToTrainOn(t *testing.T) {
	d := detectortest.Many(8)
	for i := range d.Malignancy {
		d.Malignancy[i] = 5
	}
	ds, split := divided(t, d)
	if _, err := TrainVAEAD(context.Background(), ds, split, quick()); !errors.Is(err, ErrNoNormals) {
		t.Errorf("VAE without normals: %v", err)
	}
	if _, err := TrainGANAD(context.Background(), ds, split, quickGAN()); !errors.Is(err, ErrNoNormals) {
		t.Errorf("GAN without normals: %v", err)
	}
}

func quickGAN() GANOptions {
	return GANOptions{
		Settings: models.GANSettings{Steps: 1, Batch: 2, CriticSteps: 1, Seed: 2}, Search: models.SearchSettings{Steps: 2},
		Attribution: "of a test",
	}
}

func trainGAN(t *testing.T, d detectortest.Nodules) *GANAD {
	return trained(t, d, TrainGANAD, quickGAN())
}

// TestLabelsNeverReachTheGAN is TestLabelsNeverReachTraining for GAN-AD, which
// also says which diameters its training normals have.
func TestLabelsNeverReachTheGAN(t *testing.T) {
	after := labelsStayOut(t, trainGAN)
	c := after.Calibration()
	if low, high := c.DiameterRange(); c.DiameterMM == nil || low < 6 || high > 14 || low >= high {
		t.Errorf("diameters of %g to %g mm", low, high)
	}
	if c.Name() != "uncalibrated" || c.Normals+c.Anomalies == 0 || len(c.Reference) == 0 || len(c.MeanNormal) != nodule.PatchVoxels {
		t.Errorf("a calibration on %d nodules: %+v", c.Normals+c.Anomalies, c.Name())
	}
	h := after.Header()
	if h.Kind != "gan" || h.Attribution != "of a test" || h.DataDigest == "" || after.Search().Steps != 2 {
		t.Errorf("%+v", h)
	}
}

func TestDiameterRange(t *testing.T) {
	if r := diameterRange([]nodule.Sample{{}, {DiameterMM: 7}, {DiameterMM: 4.5}, {DiameterMM: 9}}); r == nil || *r != [2]float64{4.5, 9} {
		t.Errorf("%v", r)
	}
	if r := diameterRange([]nodule.Sample{{}}); r != nil {
		t.Errorf("%v of nodules without a diameter", r)
	}
}
