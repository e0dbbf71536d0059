package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
)

// rungsFlag says which rungs give outlined nodules their headline, and for which
// prevalence. It is a setting.
type rungsFlag struct {
	setting    string // "": the command gives no headline
	prevalence float64
	use        *rungs.Rungs
	why        string // there are none
}

func (o *rungsFlag) register(f *pflag.FlagSet) {
	f.StringVar(&o.setting, "rungs", rungsAuto, "`WHICH` rungs give outlined nodules their headline: auto (those in the binary), off, or a file that 'nodulescope rungs' wrote")
	f.Float64Var(&o.prevalence, "prevalence", 0, "`SHARE` of anomalous nodules among the candidates of this site, such as 0.05, at which the headline's probability is told (default: that of its calibration)")
	markSettings(f, "rungs", "prevalence")
}

// load reads the rungs. They score the outlines of the network that they were
// trained with, and no others.
// A setting that leaves the choice takes those of a set, or of the binary where set is nil.
func (o *rungsFlag) load(log *slog.Logger, outlines *outlineFlag, set *store.Set) (err error) {
	if o.setting == "" || o.setting == rungsOff {
		o.why = "off"
		return nil
	}
	if o.setting == rungsAuto && set != nil {
		if o.use = set.Rungs; o.use == nil {
			o.why = "the set of models has no rungs"
			return nil
		}
	} else if o.setting == rungsAuto {
		o.use, err = rungs.Pretrained()
	} else if o.use, err = rungs.Load(o.setting); err != nil {
		return badInput(err, "name a file that 'nodulescope rungs' wrote, or give --rungs off")
	}
	if err != nil {
		return err
	}
	switch network := outlines.use; {
	case network == nil:
		o.why = "nodules are not outlined"
	case o.use.Outline != rungs.OutlineNetwork:
		o.why = "the rungs were trained on outlines that no network made"
	case o.use.Network != "" && !network.Outlines(o.use.Network):
		o.why = "the rungs were trained on outlines of another network; train them with 'nodulescope rungs'"
	}
	if o.why != "" {
		if o.use = nil; o.setting != rungsAuto {
			return usageError(errors.New("these rungs cannot be used: "+o.why), "give --rungs off, or rungs and --outline that belong together")
		}
		if outlines.use != nil {
			log.Warn("nodules get no headline", "reason", o.why)
		}
		return nil
	}
	if o.prevalence != 0 {
		if o.use, err = o.use.AtPrevalence(o.prevalence); err != nil {
			return usageError(err, "give --prevalence a share such as 0.05")
		}
	}
	return nil
}

// describe says what gives the headline, on one line.
func (o *rungsFlag) describe() string {
	switch {
	case o.use == nil:
		return "none: " + o.why
	case o.prevalence != 0:
		return fmt.Sprintf("rungs %s, at a prevalence of %.3g", shortDigest(o.use.Digest()), o.prevalence)
	}
	return "rungs " + shortDigest(o.use.Digest())
}
