package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// detectorFlags say which detectors score, and where. They are settings. A
// command that outlines nodules registers outline and rungs, too; one that knows
// the model store registers that.
type detectorFlags struct {
	files   []string
	names   []string
	version string  // of the model store; "": the models in the binary
	dataDir *string // of the model store
	device  deviceFlag
	outline outlineFlag
	rungs   rungsFlag

	loaded string // version that was loaded, "" where files were named
	placed *placement
}

// registerStore is for commands that score with what was promoted. dataDir is the
// flag of the data folder.
func (o *detectorFlags) registerStore(f *pflag.FlagSet, dataDir *string) {
	o.dataDir = dataDir
	f.StringVar(&o.version, "models", store.Promoted, "`VERSION` of the models that score: promoted, shipped (those in the binary), or one of 'nodulescope models list'")
	markSettings(f, "models")
}

func (o *detectorFlags) register(f *pflag.FlagSet) {
	f.StringSliceVar(&o.files, "model", nil, "`FILE` of a detector, may be given several times (default: the detectors in the binary)")
	f.StringSliceVar(&o.names, "detectors", nil, "`NAMES` of the detectors to use, such as vae-ad,gan-ad (default: all in the files or the binary)")
	markSettings(f, "model", "detectors")
	o.device.register(f)
}

// load reads the detectors, the quickest first where they are those of a set,
// otherwise in the order of the files, and the network for outlines, and
// places them on the device.
func (o *detectorFlags) load(log *slog.Logger) ([]detector.Detector, error) {
	set, err := o.fromStore()
	if err != nil {
		return nil, err
	}
	ds, err := o.take(log, set)
	if err != nil {
		return nil, err
	}
	o.placed = &placement{}
	o.placed.add(scoring.Models{Detectors: ds, Outliner: o.outline.use})
	o.device.use = o.placed.on
	if err := o.device.open(log); err != nil {
		return nil, err
	}
	return ds, nil
}

// fromStore reads the set that the setting names; nil: that of the binary. Where
// files are named nothing is of a version.
func (o *detectorFlags) fromStore() (*store.Set, error) {
	if len(o.files) > 0 {
		return nil, nil //nolint:nilnil // the files, and the rest of the binary's
	}
	if o.version == "" || o.version == store.Shipped {
		o.loaded = o.version
		return nil, nil //nolint:nilnil // the binary's is no error
	}
	folder := *o.dataDir
	if folder == "" {
		var err error
		if folder, err = plugin.DefaultDataDir(); err != nil {
			if o.version == store.Promoted { // without a home there is no store
				return nil, nil //nolint:nilnil,nilerr // the binary's
			}
			return nil, err
		}
	}
	models := store.Open(folder)
	if now, err := models.Current(); err == nil && o.version == store.Promoted && now.Version == store.Shipped {
		o.loaded = store.Shipped
		return nil, nil //nolint:nilnil // the binary's
	}
	set, err := models.Load(o.version)
	if err != nil {
		if o.version == store.Promoted {
			err = fmt.Errorf("%w — go back with 'nodulescope models rollback', or give --models shipped", err)
		}
		return nil, err
	}
	if o.loaded = set.Version; set.Version == store.Shipped {
		return nil, nil //nolint:nilnil // the binary's
	}
	return &set, nil
}

// follows tells whether what is promoted later is to be used, too: no setting
// names other models.
func (o *detectorFlags) follows() bool { return o.version == store.Promoted && len(o.files) == 0 }

// next makes what scores of a set that is promoted while the program runs, on the
// same device and with the same settings.
func (o *detectorFlags) next(log *slog.Logger, set store.Set) (scoring.Models, error) {
	now := detectorFlags{names: o.names, outline: outlineFlag{setting: o.outline.setting}, rungs: rungsFlag{setting: o.rungs.setting, prevalence: o.rungs.prevalence}}
	ds, err := now.take(log, &set)
	if err != nil {
		return scoring.Models{}, err
	}
	m := scoring.Models{Detectors: ds, Outliner: now.outline.use, Rungs: now.rungs.use}
	o.placed.add(m)
	return m, nil
}

// take reads what the flags name, and takes the rest of a set.
func (o *detectorFlags) take(log *slog.Logger, set *store.Set) ([]detector.Detector, error) {
	ds, err := o.read(set)
	if err == nil {
		err = o.outline.load(log, set)
	}
	if err == nil {
		err = o.rungs.load(log, &o.outline, set)
	}
	return ds, err
}

func (o *detectorFlags) read(set *store.Set) (all []detector.Detector, err error) {
	if set != nil && len(o.files) == 0 {
		all = slices.Clone(set.Detectors)
	} else if all, err = loadDetectors(o.files); err != nil {
		return nil, err
	}
	if len(o.names) == 0 {
		return all, nil
	}
	var there []string
	for _, d := range all {
		there = append(there, d.Name())
	}
	for _, name := range o.names {
		if !slices.Contains(there, name) {
			return nil, usageError(fmt.Errorf("there is no detector %q", name), "choose from "+strings.Join(there, ", "))
		}
	}
	return slices.DeleteFunc(all, func(d detector.Detector) bool { return !slices.Contains(o.names, d.Name()) }), nil
}

// loadDetectors reads the detectors of files, or all those in the binary where
// no file is named.
func loadDetectors(files []string) ([]detector.Detector, error) {
	if len(files) == 0 {
		return detector.PretrainedAll()
	}
	var all []detector.Detector
	for _, path := range files {
		d, err := detector.Load(path)
		if err != nil {
			return nil, badInput(err, "name a detector that 'nodulescope train' or 'nodulescope experiment' wrote")
		}
		all = append(all, d)
	}
	return all, nil
}

// placed is how many sets may compute at once.
const placed = plugin.FormerModels + 2

// placement has models compute on the device that is used, also those that are
// loaded after it was opened. Those are kept in mind that the service keeps loaded: what
// scores, what did before, and a candidate in its shadow.
type placement struct {
	mu      sync.Mutex
	backend *gpu.Backend
	models  []scoring.Models
}

// on is told the device from now on.
func (p *placement) on(b *gpu.Backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backend = b
	for _, m := range p.models {
		place(m, b)
	}
}

func (p *placement) add(m scoring.Models) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.models = append(p.models, m)
	p.models = p.models[max(0, len(p.models)-placed):]
	if p.backend != nil {
		place(m, p.backend)
	}
}

func place(m scoring.Models, b *gpu.Backend) {
	detector.Place(m.Detectors, b)
	if m.Outliner != nil {
		m.Outliner.Place(b)
	}
}
