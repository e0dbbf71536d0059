package experiment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// Options of Run.
type Options struct {
	Settings Settings
	Data     string // mnist: the folder of the four files; nodules: the NumPy archive
	Dir      string // of the run; what is there already is not done again

	Test    bool // mnist: also score the test files, once
	Rebuild bool // make tables and figures anew from what Dir holds; no data is read, nothing is trained

	Model string // nodules: also write the calibrated detector of seed Ship to this file
	Ship  int    // 0: 1

	Variants    string // file that lists every variant that was tried; empty: variants.csv beside Dir
	Attribution string // citation of the data, kept in detectors
	Command     string // command line, for the report
	Software    string // version, for the report

	Progress func(Progress)
	Compute  compute.Options

	images imageSource // of tests; nil: the files in Data
}

// unit is the folder of a unit.
func (o Options) unit(u unit) folder { return folder(filepath.Join(o.Dir, u.name())) }

// variants is the file of all variants.
func (o Options) variants() string {
	if o.Variants != "" {
		return o.Variants
	}
	return filepath.Join(filepath.Dir(filepath.Clean(o.Dir)), "variants.csv")
}

// unit is one network: a seed on the fixed split, or a fold.
type unit struct {
	seed uint64
	fold int // 0: the fixed split
}

func (u unit) name() string {
	if u.fold > 0 {
		return fmt.Sprintf("fold-%d", u.fold)
	}
	return fmt.Sprintf("seed-%d", u.seed)
}

// units lists the networks of a run in the order in which they are trained.
func (s Settings) units() []unit {
	var us []unit
	for i := range s.Seeds {
		us = append(us, unit{seed: uint64(i + 1)}) //nolint:gosec // at most 100
	}
	for i := range s.Folds {
		us = append(us, unit{seed: 1, fold: i + 1})
	}
	return us
}

// length is how many epochs or steps the network of a unit is trained.
func (s Settings) length(u unit) int {
	switch {
	case s.VAE != nil && u.fold > 0:
		return s.VAE.FoldEpochs
	case s.VAE != nil:
		return s.VAE.Epochs
	case u.fold > 0:
		return s.GAN.FoldSteps
	}
	return s.GAN.Steps
}

// lengthUnit is what length counts.
func (s Settings) lengthUnit() string {
	if s.VAE != nil {
		return "epochs"
	}
	return "steps"
}

// Names of what is scored.
const (
	choiceSet = "choice"
	testSet   = "test"
	testSide  = "test side" // of the split of nodules
)

// experiment is one of the two.
type experiment interface {
	digest() string
	cost(unit) work
	// run trains what is not trained yet and scores a set.
	run(ctx context.Context, u unit, t *tracker, set string) ([]evaluation.Scored, error)
}

// unitNotes is what a unit leaves beside its scores, for the report.
type unitNotes struct {
	Reasons map[string]string `json:"reasons,omitempty"` // why rows are missing
	Notes   []string          `json:"notes,omitempty"`
	Spread  *models.Spread    `json:"diversity,omitempty"` // of a generator's samples
}

// Run does an experiment or goes on with it. A run that was interrupted at any
// point and started again ends in the same scores, tables and figures.
func Run(ctx context.Context, o Options) (*Results, error) {
	if o.Rebuild {
		if err := o.recall(); err != nil {
			return nil, err
		}
		return o.report(ctx)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	e, err := o.open()
	if err != nil {
		return nil, err
	}
	if err := folder(o.Dir).claim(o.Settings, e.digest()); err != nil {
		return nil, err
	}
	if err := o.work(ctx, e); err != nil {
		return nil, err
	}
	r, err := o.report(ctx)
	if err != nil {
		return nil, err
	}
	if o.Model != "" {
		return r, o.ship()
	}
	return r, nil
}

func (o *Options) check() error {
	if err := o.Settings.Validate(); err != nil {
		return err
	}
	if o.Ship == 0 {
		o.Ship = 1
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrSettings, fmt.Sprintf(format, args...))
	}
	switch {
	case o.Dir == "":
		return bad("a run needs a folder")
	case o.Test && o.Settings.Experiment != MNIST:
		return bad("test files belong to mnist; nodules are scored on the test side of the split")
	case o.Model != "" && o.Settings.Experiment != Nodules:
		return bad("only detectors of nodules are written to a file")
	case o.Ship < 1 || o.Ship > o.Settings.Seeds:
		return bad("seed %d to ship: there are seeds 1 to %d", o.Ship, o.Settings.Seeds)
	}
	return nil
}

func (o Options) open() (experiment, error) {
	if o.Settings.Experiment == MNIST {
		return openImages(o)
	}
	return openLungs(o)
}

// recall takes the settings from the run folder.
func (o *Options) recall() error {
	b, err := folder(o.Dir).read(settingsFile)
	if err != nil {
		return fmt.Errorf("%w; name the folder of a run", err)
	}
	if o.Settings, err = ReadSettings(bytes.NewReader(b), Settings{}); err != nil {
		return err
	}
	return o.check()
}

// work trains and scores what is missing.
func (o Options) work(ctx context.Context, e experiment) error {
	sets := []string{testSide}
	if o.Settings.Experiment == MNIST {
		sets = []string{choiceSet}
		if o.Test {
			sets = append(sets, testSet)
		}
	}
	plan := map[string]work{}
	for _, u := range o.Settings.units() {
		w := e.cost(u)
		w[scoring] *= float64(len(sets))
		plan[u.name()] = w
	}
	t := newTracker(plan, time.Now, o.Progress)
	for _, u := range o.Settings.units() {
		t.begin(u.name())
		for i, set := range sets {
			t.set, t.sets = i, len(sets)
			if err := o.one(ctx, e, u, t, set); err != nil {
				return fmt.Errorf("experiment: %s: %w", u.name(), err)
			}
		}
		if err := os.RemoveAll(o.unit(u).path(stateDir)); err != nil { // the network itself is kept
			return fmt.Errorf("experiment: %s: %w", u.name(), err)
		}
		t.end()
	}
	return nil
}

// one scores one set with one network, unless that was done.
func (o Options) one(ctx context.Context, e experiment, u unit, t *tracker, set string) error {
	dir := o.unit(u)
	if dir.has(scoresOf(set)) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if set == testSet {
		if err := folder(o.Dir).markTest(o.Settings, u.name()); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(string(dir), 0o755); err != nil { //nolint:gosec // results are no secret
		return err
	}
	scored, err := e.run(ctx, u, t, set)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := evaluation.WriteCSV(&b, scored); err != nil {
		return err
	}
	return dir.write(b.Bytes(), scoresOf(set)) // last: it says that the unit is done
}

// ship copies the detector of a seed.
func (o Options) ship() error {
	from := o.unit(unit{seed: uint64(o.Ship)}).path(modelFile) //nolint:gosec // 1 to 100
	d, err := detector.Load(from)
	if err != nil {
		return err
	}
	s, ok := d.(interface{ Save(path string) error })
	if !ok {
		return errors.New("experiment: the detector cannot be written")
	}
	if err := s.Save(o.Model); err != nil {
		return fmt.Errorf("experiment: write detector: %w", err)
	}
	return nil
}

// notes of a unit; empty where it left none.
func (o Options) notes(u unit) (unitNotes, error) {
	var n unitNotes
	if !o.unit(u).has(notesFile) {
		return n, nil
	}
	b, err := o.unit(u).read(notesFile)
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return n, fmt.Errorf("experiment: %s: %w", o.unit(u).path(notesFile), err)
	}
	return n, nil
}
