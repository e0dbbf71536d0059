package retrain

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/models/compute"
)

// Mode is what may be learned of the site's decisions.
type Mode string

// Modes. Networks learn of normals in all of them; probability and threshold take
// the decisions that there are.
const (
	ModeAuto       Mode = ""                   // what the data are enough for
	ModeNormals    Mode = "normals"            // which nodules look benign
	ModeUnlabelled Mode = "normals-unlabelled" // these, and all others without their decisions
	ModeDecisions  Mode = "decisions"          // every decision
)

// Modes are those that can be asked for.
func Modes() []Mode { return []Mode{ModeNormals, ModeUnlabelled, ModeDecisions} }

// learns are the rungs that learn in a mode.
func (m Mode) learns() []rungs.Name {
	switch m {
	case ModeNormals:
		return []rungs.Name{rungs.NormalsOnly}
	case ModeUnlabelled:
		return []rungs.Name{rungs.NormalsOnly, rungs.Unlabelled}
	}
	return rungs.Names()
}

// Where training starts.
const (
	StartContinued = "continued"
	StartScratch   = "scratch"
)

// Settings of a retraining; zero values take the default of its start.
type Settings struct {
	Epochs   int       `json:"epochs"`    // of VAE-AD
	Batch    int       `json:"batch"`     // of VAE-AD
	Rates    []float64 `json:"rates"`     // of VAE-AD, of which validation chooses one
	GANSteps int       `json:"gan_steps"` // of the generator of GAN-AD

	Keep []string `json:"keep,omitempty"` // detectors and rungs that learn nothing, by name: they are calibrated alone
}

// defaults are those that the shipped detectors were trained with, and from
// trained weights fewer.
func (s Settings) defaults(scratch bool) Settings {
	d := Settings{Epochs: 60, Batch: 32, Rates: []float64{1e-4, 5e-4}, GANSteps: 100}
	if scratch {
		d.Epochs, d.Rates, d.GANSteps = 200, []float64{2.5e-4, 5e-4}, 200
	}
	if s.Epochs != 0 {
		d.Epochs = s.Epochs
	}
	if s.Batch != 0 {
		d.Batch = s.Batch
	}
	if len(s.Rates) > 0 {
		d.Rates = s.Rates
	}
	if s.GANSteps != 0 {
		d.GANSteps = s.GANSteps
	}
	d.Keep = slices.Sorted(slices.Values(s.Keep))
	return d
}

// Options say what a retraining is to do.
type Options struct {
	Data      *Data
	Incumbent *Set

	Recalibrate bool // weights stay: calibration alone
	Scratch     bool // training starts anew
	Mode        Mode
	Settings    Settings
	Seed        uint64 // 0: 1

	Dir         string // of the state
	Out         string // folder of the candidate
	Attribution string // of the data
	Software    string
	Compute     compute.Options // where networks are trained; they are calibrated on the processor

	Now      func() time.Time // nil: time.Now
	Progress func(Progress)   // may be nil
}

// ErrOptions says that options contradict each other.
var ErrOptions = errors.New("retrain: these options do not go together")

func (o *Options) check() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Recalibrate {
		if o.Scratch || o.Mode != ModeAuto || len(o.Settings.Keep) > 0 {
			return fmt.Errorf("%w: nothing is learned where only the calibration is new", ErrOptions)
		}
		o.Settings = Settings{}
		return nil
	}
	o.Settings = o.Settings.defaults(o.Scratch)
	known := o.Incumbent.names()
	for _, name := range o.Settings.Keep {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%w: there is no %s to be kept", ErrOptions, name)
		}
	}
	if !slices.ContainsFunc(known, func(name string) bool { return !slices.Contains(o.Settings.Keep, name) }) {
		return fmt.Errorf("%w: all is kept, so that only the calibration is new", ErrOptions)
	}
	for _, rate := range o.Settings.Rates {
		if !(rate > 0 && rate <= 1) {
			return fmt.Errorf("%w: a learning rate of %g", ErrOptions, rate)
		}
	}
	return nil
}

// learns tells whether a detector learns of the data.
func (o *Options) learns(d detector.Detector) bool {
	return !o.Recalibrate && !slices.Contains(o.Settings.Keep, d.Name())
}

func (o *Options) start() string {
	if o.Scratch {
		return StartScratch
	}
	return StartContinued
}

func (o *Options) kind() string {
	if o.Recalibrate {
		return KindRecalibrate
	}
	return KindRetrain
}
