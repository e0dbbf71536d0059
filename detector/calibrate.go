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
// progress, if not nil, is told how many nodules of how many are scored.
func Calibrate(ctx context.Context, r *models.Trained, split *nodule.Split, progress func(done, total int)) (*VAEAD, error) {
	bare, err := NewVAEAD(r.Header, r.Params, uncalibrated)
	if err != nil {
		return nil, err
	}
	c, err := calibrate(ctx, bare, split, progress)
	if err != nil {
		return nil, err
	}
	return NewVAEAD(r.Header, r.Params, c)
}

// uncalibrated stands in for a calibration, on which raw scores do not depend.
var uncalibrated = Calibration{Reference: []float64{0}}

// calibrate makes the calibration of a detector from its raw scores.
func calibrate(ctx context.Context, bare Detector, split *nodule.Split, progress func(done, total int)) (c Calibration, err error) {
	raw, anomalous, err := c.refer(ctx, bare, split.Calibration, Normals(split.Validation), progress)
	if err != nil {
		return c, err
	}
	train := split.TrainNormals()
	c.MeanNormal, c.DiameterMM = MeanPatch(train), diameterRange(train)
	return c, c.fit(raw, anomalous)
}

// refer scores what labelled says of both classes, which it returns, and more
// normals, and makes the reference of the normals of both.
func (c *Calibration) refer(ctx context.Context, d Detector, labelled *nodule.Dataset, more []nodule.Sample, progress func(done, total int)) (raw []float64, anomalous []bool, err error) {
	labelled = labelled.Filter(func(s *nodule.Sample) bool { return s.Label != nodule.Indeterminate })
	n := len(labelled.Samples)
	all := slices.Concat(labelled.Samples, more)
	scores, err := ScoreSamples(ctx, d, all, func(done int) {
		if progress != nil {
			progress(done, len(all))
		}
	})
	if err != nil {
		return nil, nil, err
	}
	c.Normals, c.Anomalies, c.Reference = 0, 0, nil
	for i, s := range scores {
		anomaly := all[i].Label == nodule.Anomaly
		if !anomaly {
			c.Reference = append(c.Reference, s.Raw)
		}
		if i >= n {
			continue
		}
		if raw, anomalous = append(raw, s.Raw), append(anomalous, anomaly); anomaly {
			c.Anomalies++
		} else {
			c.Normals++
		}
	}
	if len(c.Reference) == 0 {
		return nil, nil, fmt.Errorf("%w: no normal nodule outside the training patients", ErrTooFew)
	}
	slices.Sort(c.Reference)
	return raw, anomalous, nil
}

// Recalibrate keeps the weights of a detector and calibrates them anew on nodules
// whose patients its training has not seen: the labelled ones of a data set, and
// more normals for the percentiles. With fewer than MinCalibration anomalies or
// normals among the labelled, and where anomalies score lower than normals, so that
// probabilities would turn around, percentiles alone are new; with fewer than
// MinCalibration normals in all it is refused with ErrTooFew.
func Recalibrate(ctx context.Context, d Detector, labelled *nodule.Dataset, more []nodule.Sample, progress func(done, total int)) (Detector, error) {
	of := func(c *calibrated) (Calibration, error) {
		was := c.calibration
		next := was
		raw, anomalous, err := next.refer(ctx, d, labelled, more, progress)
		switch {
		case err != nil:
			return next, err
		case len(next.Reference) < MinCalibration:
			return next, fmt.Errorf("%w: %d normal nodules, %d are needed", ErrTooFew, len(next.Reference), MinCalibration)
		case next.Normals < MinCalibration || next.Anomalies < MinCalibration:
			was.Reference = next.Reference
			return was, nil
		}
		if err := next.fit(raw, anomalous); err != nil || next.Logistic.Slope > 0 {
			return next, err
		}
		was.Reference = next.Reference
		return was, nil
	}
	switch d := d.(type) {
	case *VAEAD:
		c, err := of(&d.calibrated)
		if err != nil {
			return nil, err
		}
		return NewVAEAD(d.header, d.params, c)
	case *GANAD:
		c, err := of(&d.calibrated)
		if err != nil {
			return nil, err
		}
		return NewGANAD(d.gan, d.search, c)
	}
	return nil, fmt.Errorf("detector: %s cannot be calibrated anew", d.Name())
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
	c.AtThreshold = nil
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
	at := stats.Operate(raw, anomalous, c.Threshold)
	c.AtThreshold = &at
	sensitive, err := stats.AtSensitivity(raw, anomalous, 0.95)
	c.Sensitive = &sensitive
	return err
}

// CalibrateGAN makes a detector of a trained GAN as Calibrate does of a trained
// VAE.
func CalibrateGAN(ctx context.Context, t *models.TrainedGAN, search models.SearchSettings, split *nodule.Split, progress func(done, total int)) (*GANAD, error) {
	bare, err := NewGANAD(t, search, uncalibrated)
	if err != nil {
		return nil, err
	}
	c, err := calibrate(ctx, bare, split, progress)
	if err != nil {
		return nil, err
	}
	return NewGANAD(t, search, c)
}
