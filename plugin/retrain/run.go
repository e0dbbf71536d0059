package retrain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/features"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// runner is a retraining at work.
type runner struct {
	*Plan
	state   *state
	tracker *tracker
	parts   []Made
	curves  []curve
	next    Set
}

// Run does what the plan says, or goes on with it, and writes the candidate. The
// state folder is removed when the candidate is complete. A cancelled ctx ends it
// with the context's error; started again it ends in the same bytes.
func (p *Plan) Run(ctx context.Context) (_ *Candidate, err error) {
	if err := vacant(p.o.Out); err != nil { // before hours of work
		return nil, err
	}
	s, err := openState(p.o.Dir, p.identity(), p.o.Now())
	if err != nil {
		return nil, err
	}
	r := &runner{Plan: p, state: s, tracker: newTracker(p.Work, p.o.Now, p.o.Progress)}
	c, err := r.run(ctx)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return c, s.remove()
}

// identity is what must be the same for a state to be gone on with.
func (p *Plan) identity() any {
	return struct {
		Kind, Start, Parent, Data, Software string
		Mode                                Mode
		Settings                            Settings
		Seed                                uint64
		Preprocessing                       []string
		Attribution                         string
	}{p.Kind, p.Start, p.Parent, p.Data.Digest, p.o.Software, p.Mode, p.o.Settings, p.o.Seed, preprocessing(), p.o.Attribution}
}

func preprocessing() []string { return []string{nodule.PreprocessingVersion, nodule.WholeVersion} }

func (r *runner) run(ctx context.Context) (*Candidate, error) {
	cases, err := r.describe(ctx)
	if err != nil {
		return nil, err
	}
	r.next.Outliner, r.next.outlineFiles = r.o.Incumbent.Outliner, r.o.Incumbent.outlineFiles
	for _, d := range r.o.Incumbent.Detectors {
		next, made, err := r.detector(ctx, d)
		if err != nil {
			return nil, r.explained(err)
		}
		made.Was = d.Digest()
		r.next.Detectors, r.parts = append(r.next.Detectors, next), append(r.parts, made)
	}
	if err := r.rungs(ctx, cases); err != nil {
		return nil, err
	}
	c := &Candidate{Schema: Schema, Created: r.state.created, Kind: r.Kind, Parent: r.Parent, ParentVersion: r.From, Software: r.o.Software, Preprocessing: preprocessing(),
		Data: r.Data, Mode: r.Mode, Start: r.Start, Settings: r.o.Settings, Seed: r.o.Seed, Parts: r.parts}
	files, err := r.next.files()
	if err != nil {
		return nil, err
	}
	report, err := r.report(c)
	if err != nil {
		return nil, err
	}
	files = append(files, report...)
	if ref := r.o.Data.reference; ref != nil {
		files = append(files, content{"reference.json", RoleReference, ref})
	}
	if card := r.o.Data.Card; card != nil {
		told := *card
		told.Noise.Nodules = nil // pseudonyms stay with the data set
		text, err := json.Marshal(told)
		if err != nil {
			return nil, fmt.Errorf("retrain: write data card: %w", err)
		}
		files = append(files, content{"data-card.json", RoleCard, append(text, '\n')})
	}
	return c, c.write(r.o.Out, files)
}

// explained gives what packages below say of a damaged state and of a full disk the
// codes of this one.
func (r *runner) explained(err error) error {
	switch {
	case errors.Is(err, models.ErrCheckpoint), errors.Is(err, models.ErrDigest), errors.Is(err, models.ErrState):
		return refuse(CodeState, "go on with a retraining", "a checkpoint of the state folder is damaged or of another training; remove it to do its part again, or the whole folder", err)
	case errors.Is(err, models.ErrSave):
		return writeError("keep state", err)
	}
	return err
}

const casesFile = "features.json"

// saveEvery is after how many nodules what was measured is kept.
const saveEvery = 20

// describe outlines and measures the nodules of every side but the test side.
func (r *runner) describe(ctx context.Context) ([]rungs.Case, error) {
	ds := r.o.Data.learned()
	var done []features.Vector
	if _, err := r.state.recall(casesFile, &done); err != nil {
		return nil, err
	}
	if len(done) > len(ds.Samples) {
		return nil, damaged(r.state.path(casesFile), errors.New("it has more nodules than the data"))
	}
	r.tracker.begin(partDescribe)
	by := rungs.ByNetwork(r.o.Incumbent.Outliner)
	for i := len(done); i < len(ds.Samples); i++ {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, r.state.keep(casesFile, done))
		}
		v, _, err := rungs.Describe(ctx, &ds.Samples[i], by)
		if err != nil {
			return nil, fmt.Errorf("nodule %d of the data: %w", i, err)
		}
		if done = append(done, v); len(done)%saveEvery == 0 || len(done) == len(ds.Samples) {
			if err := r.state.keep(casesFile, done); err != nil {
				return nil, err
			}
		}
		r.tracker.step(len(done), len(ds.Samples), "")
	}
	out := make([]rungs.Case, len(done))
	for i := range out {
		out[i] = rungs.CaseOf(&ds.Samples[i], done[i])
	}
	return out, nil
}

// rungs renews the headline.
func (r *runner) rungs(ctx context.Context, cases []rungs.Case) (err error) {
	was := r.o.Incumbent.Rungs
	r.tracker.begin(partRungs)
	var changes []rungs.Change
	r.next.Rungs, changes, err = rungs.Renew(ctx, was, cases, rungs.RenewOptions{
		Learn: r.learnsRungs(), Scratch: r.o.Scratch, Data: r.Data.Digest, Attribution: r.o.Attribution, Seed: r.o.Seed,
		Progress: func(done, total int) { r.tracker.step(done, total, "") },
	})
	if err != nil {
		return err
	}
	made := Made{Name: rungsFile, Was: was.Digest(), Did: r.Start, Rungs: changes}
	if len(r.learnsRungs()) == 0 {
		made.Did = rungs.DidRecalibrate
	}
	r.parts = append(r.parts, made)
	return nil
}

// detector makes the candidate's detector.
func (r *runner) detector(ctx context.Context, was detector.Detector) (detector.Detector, Made, error) {
	made := Made{Name: was.Name(), Did: rungs.DidRecalibrate}
	name := was.Name() + ".safetensors"
	tell := func(done, total int) { r.tracker.step(done, total, "") }
	var next detector.Detector
	var err error
	switch old := was.(type) {
	case *detector.VAEAD:
		next, err = r.vae(ctx, old, &made, name, tell)
	case *detector.GANAD:
		next, err = r.gan(ctx, old, &made, name, tell)
	default:
		err = fmt.Errorf("retrain: %s cannot be trained", was.Name())
	}
	if err != nil {
		return nil, made, err
	}
	before, after := calibrationOf(was), calibrationOf(next)
	switch {
	case r.o.learns(was):
	case next.Digest() == was.Digest():
		made.Did = rungs.DidKeep
	case before.Normals == after.Normals && before.Anomalies == after.Anomalies && before.Threshold == after.Threshold:
		made.Did = rungs.DidReference
	}
	made.Normals, made.Anomalies, made.Threshold = after.Normals, after.Anomalies, [2]float64{before.Threshold, after.Threshold}
	return next, made, nil
}

func calibrationOf(d detector.Detector) detector.Calibration {
	c, _ := d.(interface{ Calibration() detector.Calibration })
	return c.Calibration()
}

// finished is the calibrated detector that an earlier start has kept.
func (r *runner) finished(name string, made *Made) (detector.Detector, error) {
	if !r.state.has(name) {
		return nil, nil //nolint:nilnil // none is no error
	}
	d, err := detector.Load(r.state.path(name))
	if err != nil {
		return nil, err
	}
	there, err := r.state.recall(name+".json", made)
	if err == nil && !there {
		err = damaged(r.state.path(name+".json"), errors.New("it is missing"))
	}
	return d, err
}

// finish keeps a calibrated detector; made first, for the checkpoint says that it is there.
func (r *runner) finish(d detector.Detector, name string, made *Made) error {
	if err := r.state.keep(name+".json", made); err != nil {
		return err
	}
	s, ok := d.(interface{ Save(path string) error })
	if !ok {
		return fmt.Errorf("retrain: %s cannot be written", d.Name())
	}
	return writeError("keep state", s.Save(r.state.path(name)))
}

// recalibrated keeps the weights.
func (r *runner) recalibrated(ctx context.Context, d detector.Detector, tell func(done, total int)) (detector.Detector, error) {
	r.tracker.begin(partCalibrate(d))
	labelled, more := r.o.Data.unseen(d)
	next, err := detector.Recalibrate(ctx, d, labelled, more, tell)
	if errors.Is(err, detector.ErrTooFew) { // what it knows is kept
		return d, nil
	}
	return next, err
}

// point is one epoch or step of a curve.
type point struct {
	At     int       `json:"at"`
	Values []float64 `json:"values"`
}

// curve are losses over a training.
type curve struct {
	Title  string   `json:"title"`
	X      string   `json:"x"`
	Names  []string `json:"names"`
	Points []point  `json:"points"`
}
