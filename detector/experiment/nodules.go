package experiment

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// lungs is the 3D experiment.
type lungs struct {
	settings Settings
	options  Options
	ds       *nodule.Dataset
	splits   map[string]*nodule.Split // by unit
	numbers  map[string]string        // of patients
}

// openLungs reads the data set and divides it for every unit, so that one that
// cannot be used is refused before anything is trained.
func openLungs(o Options) (*lungs, error) {
	ds, err := nodule.LoadNPZ(o.Data)
	if err != nil {
		return nil, err
	}
	if o.Settings.FoldPlan {
		if err := nodule.CheckFolds(ds); err != nil {
			return nil, err
		}
	}
	l := &lungs{settings: o.Settings, options: o, ds: ds, splits: map[string]*nodule.Split{}, numbers: patientNumbers(ds)}
	for _, u := range o.Settings.units() {
		split, err := l.split(u)
		if err != nil {
			return nil, fmt.Errorf("experiment: %s: %w", u.name(), err)
		}
		l.splits[u.name()] = split
	}
	return l, nil
}

func (l *lungs) split(u unit) (*nodule.Split, error) {
	if u.fold == 0 {
		split, err := detector.Protocol{SplitSeed: l.settings.SplitSeed}.Split(l.ds)
		if err != nil {
			return nil, err
		}
		return split, checkSplit(split)
	}
	split, err := splitFold(l.ds, l.settings, u.fold)
	if err != nil {
		return nil, err
	}
	// Where readers could not decide is reported once, on the fixed split.
	split.Test = split.Test.Filter(labelled)
	return split, checkSplit(split)
}

func labelled(s *nodule.Sample) bool { return s.Label != nodule.Indeterminate }

func (l *lungs) digest() string { return l.ds.Digest() }

// Expected seconds on two cores: of a step at batch 32 (VAE) or 16 (GAN), of a
// nodule scored by a VAE, and of a step of the search for 16 nodules.
const (
	vaeStep3D    = 0.23
	vaeScore3D   = 0.03
	wganStep3D   = 1.2
	dcganStep3D  = 0.3
	searchStep3D = 0.092
)

// cost is what a unit takes on two cores, in seconds.
func (l *lungs) cost(u unit) work {
	s, split := l.settings, l.splits[u.name()]
	train := float64(len(split.TrainNormals()))
	scored := float64(len(split.Test.Samples) + l.calibrated(split))
	if v := s.VAE; v != nil {
		return work{vaeStep3D * math.Ceil(train/float64(v.Batch)) * float64(v.Batch) / 32 * float64(s.length(u)), vaeScore3D * scored}
	}
	rate := wganStep3D
	if s.Detector == DCGAN {
		rate = dcganStep3D
	}
	return work{rate * float64(s.length(u)) * float64(s.GAN.Batch) / 16, searchStep3D * float64(s.Search.Steps*s.Search.Restarts) * scored / 16}
}

// calibrated counts the nodules that are scored to calibrate.
func (l *lungs) calibrated(split *nodule.Split) int {
	return len(split.Calibration.Filter(labelled).Samples) + len(detector.Normals(split.Validation))
}

// run trains and calibrates the detector of a unit and scores its test side.
func (l *lungs) run(ctx context.Context, u unit, t *tracker, _ string) ([]evaluation.Scored, error) {
	split, dir := l.splits[u.name()], l.options.unit(u)
	d, err := l.detector(ctx, u, t, split)
	if err != nil {
		return nil, err
	}
	// Calibration scored nodules, too: they stand in front.
	before := l.calibrated(split)
	t.step(scoring, before, before+len(split.Test.Samples), "")
	rec := &recorder{Detector: d, kept: map[[32]byte]detector.Score{}}
	e, err := evaluation.Evaluate(ctx, []detector.Detector{rec}, split.Test, evaluation.Options{
		Neighbours: split.TrainNormals(), Calibration: split.Calibration, Seed: u.seed, Fold: u.fold, Notes: l.ds.Notes(),
		Progress: func(done, total int) { t.step(scoring, before+done, before+total, "") },
	})
	if err != nil {
		return nil, err
	}
	notes := unitNotes{Reasons: map[string]string{}, Notes: e.Notes}
	for _, m := range e.Missing {
		notes.Reasons[m.Name] = m.Reason
	}
	if u.seed == 1 && u.fold == 0 {
		if notes.Spread, err = l.draw(d, rec, split, dir); err != nil {
			return nil, err
		}
	}
	return l.numbered(e.Scored), dir.writeJSON(notes, notesFile)
}

// detector trains and calibrates the detector of a unit, or reads the one that
// was trained.
func (l *lungs) detector(ctx context.Context, u unit, t *tracker, split *nodule.Split) (detector.Detector, error) {
	dir := l.options.unit(u)
	if dir.has(modelFile) {
		return detector.Load(dir.path(modelFile))
	}
	j := job{dims: 3, train: detector.Patches(split.TrainNormals(), true), valid: detector.Patches(detector.Normals(split.Validation), false),
		seed: u.seed, length: l.settings.length(u), dir: dir, compute: l.options.Compute,
		header: models.Header{Preprocessing: nodule.PreprocessingVersion, DataDigest: l.digest(), Attribution: l.options.Attribution},
		tell:   func(done, last int, note string) { t.step(training, done, last, note) }}
	if l.settings.VAE != nil {
		trained, err := l.settings.trainVAE(ctx, j)
		if err != nil {
			return nil, err
		}
		d, err := detector.Calibrate(ctx, trained, split, nil)
		if err != nil {
			return nil, err
		}
		return d, d.Save(dir.path(modelFile))
	}
	trained, err := l.settings.trainGAN(ctx, j)
	if err != nil {
		return nil, err
	}
	d, err := detector.CalibrateGAN(ctx, trained, l.settings.search(), split, nil)
	if err != nil {
		return nil, err
	}
	return d, d.Save(dir.path(modelFile))
}

// recorder keeps what a detector says, for figures.
type recorder struct {
	detector.Detector
	mutex sync.Mutex
	kept  map[[32]byte]detector.Score
}

// Score implements detector.Detector.
func (r *recorder) Score(ctx context.Context, patches []nodule.Patch) ([]detector.Score, error) {
	scores, err := r.Detector.Score(ctx, patches)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for i, p := range patches {
		r.kept[p.Digest()] = scores[i]
	}
	return scores, nil
}

// Calibration is that of the detector.
func (r *recorder) Calibration() detector.Calibration {
	if c, ok := r.Detector.(interface{ Calibration() detector.Calibration }); ok {
		return c.Calibration()
	}
	return detector.Calibration{}
}
