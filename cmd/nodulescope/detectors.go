package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

// detectorFlags say which detectors score, and where. They are settings. A
// command that outlines nodules registers outline and rungs, too.
type detectorFlags struct {
	files   []string
	names   []string
	device  deviceFlag
	outline outlineFlag
	rungs   rungsFlag
}

func (o *detectorFlags) register(f *pflag.FlagSet) {
	f.StringSliceVar(&o.files, "model", nil, "`FILE` of a detector, may be given several times (default: the detectors in the binary)")
	f.StringSliceVar(&o.names, "detectors", nil, "`NAMES` of the detectors to use, such as vae-ad,gan-ad (default: all in the files or the binary)")
	markSettings(f, "model", "detectors")
	o.device.register(f)
}

// load reads the detectors, the quickest first where they are those of the
// binary, otherwise in the order of the files, and the network for outlines, and
// places them on the device.
func (o *detectorFlags) load(log *slog.Logger) ([]detector.Detector, error) {
	ds, err := o.read()
	if err == nil {
		err = o.outline.load(log)
	}
	if err == nil {
		err = o.rungs.load(log, &o.outline)
	}
	if err != nil {
		return nil, err
	}
	o.device.use = func(b *gpu.Backend) {
		detector.Place(ds, b)
		if o.outline.use != nil {
			o.outline.use.Place(b)
		}
	}
	if err := o.device.open(log); err != nil {
		return nil, err
	}
	return ds, nil
}

func (o *detectorFlags) read() ([]detector.Detector, error) {
	all, err := loadDetectors(o.files)
	if err != nil || len(o.names) == 0 {
		return all, err
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
