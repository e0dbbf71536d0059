package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// outlineFlag says whether nodules are outlined, and by which network. It is a
// setting.
type outlineFlag struct {
	setting string // "": the command outlines nothing
	use     *outline.Outliner
}

const (
	outlineAuto = "auto"
	outlineOff  = "off"
)

func (o *outlineFlag) register(f *pflag.FlagSet) {
	f.StringVar(&o.setting, "outline", outlineAuto, "`WHETHER` nodules are outlined and measured: auto (where the binary has a network), off, or the file of a network")
	markSettings(f, "outline")
}

// load reads the network: that of a set where the setting leaves the choice, or of
// the binary where set is nil.
func (o *outlineFlag) load(log *slog.Logger, set *store.Set) (err error) {
	switch o.setting {
	case "", outlineOff:
		return nil
	case outlineAuto:
		if set != nil {
			o.use = set.Outliner
			return nil
		}
		o.use, err = outline.Pretrained()
		if errors.Is(err, outline.ErrNoNetwork) {
			log.Debug("nodules are not outlined", "reason", err)
			return nil
		}
		return err
	}
	if o.use, err = outline.Load(o.setting); err != nil {
		return badInput(err, "name a network that 'nodulescope outline' wrote, or give --outline off")
	}
	return nil
}

// describe says what outlines nodules, on one line.
func (o *outlineFlag) describe() string {
	switch {
	case o.use != nil:
		return describeOutliner(*scoring.DescribeOutliner(o.use))
	case o.setting == outlineOff:
		return "off"
	}
	return "none: this binary was built without a network for outlines"
}
