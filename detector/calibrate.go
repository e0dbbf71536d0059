package detector

import (
	"context"
	"fmt"
	"slices"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// Calibrate scores the nodules of the calibration patients, fits the logistic
// regression and the threshold there, and takes the normals of validation and
// calibration patients as the reference of percentiles: nodules that training
// has not seen. With fewer than MinCalibration nodules of a class the detector
// stays uncalibrated, and its threshold is the 95th percentile of the reference.
func Calibrate(ctx context.Context, r *models.Trained, split *nodule.Split) (*VAEAD, error) {
	bare, err := NewVAEAD(r.Header, r.Params, uncalibrated)
	if err != nil {
		return nil, err
	}
	c, err := calibrate(ctx, bare, split)
	if err != nil {
		return nil, err
	}
	return NewVAEAD(r.Header, r.Params, c)
}

// uncalibrated stands in for a calibration, on which raw scores do not depend.
var uncalibrated = Calibration{Reference: []float64{0}}

// calibrate makes the calibration of a detector from its raw scores.
func calibrate(ctx context.Context, bare Detector, split *nodule.Split) (c Calibration, err error) {
	labelled := split.Calibration.Filter(func(s *nodule.Sample) bool { return s.Label != nodule.Indeterminate })
	scores, err := ScoreSamples(ctx, bare, labelled.Samples, nil)
	if err != nil {
		return c, err
	}
	raw, anomalous := make([]float64, len(scores)), make([]bool, len(scores))
	for i, s := range scores {
		raw[i], anomalous[i] = s.Raw, labelled.Samples[i].Label == nodule.Anomaly
		if anomalous[i] {
			c.Anomalies++
		} else {
			c.Normals++
			c.Reference = append(c.Reference, s.Raw)
		}
	}
	more, err := ScoreSamples(ctx, bare, Normals(split.Validation), nil)
	if err != nil {
		return c, err
	}
	for _, s := range more {
		c.Reference = append(c.Reference, s.Raw)
	}
	if len(c.Reference) == 0 {
		return c, fmt.Errorf("%w: no normal nodule outside the training patients", ErrTooFew)
	}
	slices.Sort(c.Reference)
	train := split.TrainNormals()
	c.MeanNormal, c.DiameterMM = MeanPatch(train), diameterRange(train)
	return c, c.fit(raw, anomalous)
}

// diameterRange is the smallest and the largest diameter of nodules, mm; nil
// where none is known.
func diameterRange(samples []nodule.Sample) *[2]float64 {
	var r *[2]float64
	for i := range samples {
		switch d := samples[i].DiameterMM; {
		case !(d > 0): // unknown
		case r == nil:
			r = &[2]float64{d, d}
		default:
			r[0], r[1] = min(r[0], d), max(r[1], d)
		}
	}
	return r
}

// fit sets probability and threshold from labelled raw scores.
func (c *Calibration) fit(raw []float64, anomalous []bool) error {
	if c.Normals < MinCalibration || c.Anomalies < MinCalibration {
		c.Threshold = c.Reference[min(len(c.Reference)-1, len(c.Reference)*95/100)]
		return nil
	}
	l, err := stats.FitLogistic(raw, anomalous)
	if err != nil {
		return err
	}
	c.Logistic = &l
	c.Prevalence = float64(c.Anomalies) / float64(c.Anomalies+c.Normals)
	if c.Threshold, err = stats.Youden(raw, anomalous); err != nil {
		return err
	}
	sensitive, err := stats.AtSensitivity(raw, anomalous, 0.95)
	c.Sensitive = &sensitive
	return err
}

// CalibrateGAN makes a detector of a trained GAN as Calibrate does of a trained
// VAE.
func CalibrateGAN(ctx context.Context, t *models.TrainedGAN, search models.SearchSettings, split *nodule.Split) (*GANAD, error) {
	bare, err := NewGANAD(t, search, uncalibrated)
	if err != nil {
		return nil, err
	}
	c, err := calibrate(ctx, bare, split)
	if err != nil {
		return nil, err
	}
	return NewGANAD(t, search, c)
}
