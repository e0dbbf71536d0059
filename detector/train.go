package detector

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// Protocol fixes how a labelled data set is used: one split by patient,
// normals only in training, every side for one purpose.
type Protocol struct {
	SplitSeed uint64           // 0 takes DefaultSplitSeed
	Fractions nodule.Fractions // zero takes DefaultFractions
	Exclude   []string         // patients on no side; nil takes nodule.HeldOutPatients
}

// DefaultSplitSeed is the seed of the split of the published figures.
const DefaultSplitSeed = 2018

// DefaultFractions are the shares of patients on each side.
var DefaultFractions = nodule.Fractions{Train: 0.5, Validation: 0.1, Calibration: 0.15, Test: 0.25}

// Split divides a data set by patient.
func (p Protocol) Split(ds *nodule.Dataset) (*nodule.Split, error) {
	if p.SplitSeed == 0 {
		p.SplitSeed = DefaultSplitSeed
	}
	if p.Fractions == (nodule.Fractions{}) {
		p.Fractions = DefaultFractions
	}
	if p.Exclude == nil {
		p.Exclude = nodule.HeldOutPatients()
	}
	return nodule.SplitByPatient(ds, p.SplitSeed, p.Fractions, p.Exclude)
}

// patches are samples as a network sees them.
type patches struct {
	samples []nodule.Sample
	cubes   []*nodule.Cube
	augment bool
}

func newPatches(samples []nodule.Sample, augment bool) patches {
	p := patches{samples: samples, augment: augment}
	for i := range samples {
		p.cubes = append(p.cubes, samples[i].Cube())
	}
	return p
}

// Len implements models.Samples.
func (p patches) Len() int { return len(p.samples) }

// Patch implements models.Samples: augmented for training, central otherwise.
func (p patches) Patch(i int, rng *rand.Rand, x, support []float32) {
	patch := nodule.Central
	if p.augment {
		patch = func(c *nodule.Cube) nodule.Patch { return nodule.Augment(c, rng) }
	}
	q := patch(p.cubes[i])
	copy(x, q.Voxels)
	copy(support, q.Support)
}

// TrainOptions of TrainVAEAD.
type TrainOptions struct {
	Settings    models.Settings
	Dir         string // where the state is kept for resuming; empty: nowhere
	Attribution string // of the data, kept in the model
	Progress    func(models.Progress)
	Compute     compute.Options // where the network is trained; it is calibrated on the processor
}

// ErrNoNormals says that there is nothing to learn from.
var ErrNoNormals = errors.New("detector: the training side of the data set has no normal nodules")

// TrainVAEAD trains the reference VAE on the normals of the training patients,
// keeps the weights that bound the normals of the validation patients best, and
// calibrates them on the calibration patients at the prevalence that they have.
// Labels beyond "normal" reach the calibration alone, and the test side is not
// touched.
func TrainVAEAD(ctx context.Context, ds *nodule.Dataset, split *nodule.Split, o TrainOptions) (*VAEAD, error) {
	train := split.TrainNormals()
	if len(train) == 0 {
		return nil, ErrNoNormals
	}
	valid := normals(split.Validation)
	r, err := models.TrainVAE(ctx, models.Run{
		VAE: models.ReferenceVAE, Train: newPatches(train, true), Valid: newPatches(valid, false), Settings: o.Settings,
		Header: models.Header{Preprocessing: nodule.PreprocessingVersion, DataDigest: ds.Digest(), Attribution: o.Attribution},
		Dir:    o.Dir, Progress: o.Progress, Compute: o.Compute,
	})
	if err != nil {
		return nil, err
	}
	return Calibrate(ctx, r, split)
}

func normals(ds *nodule.Dataset) []nodule.Sample {
	return ds.Filter(func(s *nodule.Sample) bool { return s.Label == nodule.Normal }).Samples
}

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
	more, err := ScoreSamples(ctx, bare, normals(split.Validation), nil)
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
	l, err := FitLogistic(raw, anomalous)
	if err != nil {
		return err
	}
	c.Logistic = &l
	c.Prevalence = float64(c.Anomalies) / float64(c.Anomalies+c.Normals)
	if c.Threshold, err = Youden(raw, anomalous); err != nil {
		return err
	}
	sensitive, err := AtSensitivity(raw, anomalous, 0.95)
	c.Sensitive = &sensitive
	return err
}

// scoreBatch is how many samples are scored at a time: as many as a search
// takes at once.
const scoreBatch = 16

// ScoreSamples scores the central patch of every sample. progress, if not nil,
// is told how many are done.
func ScoreSamples(ctx context.Context, d Detector, samples []nodule.Sample, progress func(done int)) ([]Score, error) {
	out := make([]Score, 0, len(samples))
	for len(out) < len(samples) {
		from := len(out)
		var batch []nodule.Patch
		for i := from; i < min(from+scoreBatch, len(samples)); i++ {
			batch = append(batch, nodule.Central(samples[i].Cube()))
		}
		s, err := d.Score(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("detector: nodules %d to %d of the data set: %w", from, from+len(batch)-1, err)
		}
		out = append(out, s...)
		if progress != nil {
			progress(len(out))
		}
	}
	return out, nil
}
