package main

import (
	"errors"
	"log/slog"

	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/nodule"
)

const (
	rungsAuto = "auto"
	rungsOff  = "off"
)

// outlined adds what the rungs need to the settings of an evaluation.
func (o *evaluateOptions) outlined(settings *evaluation.Options, ds *nodule.Dataset, log *slog.Logger) (err error) {
	switch o.rungs {
	case rungsOff:
		return nil
	case rungsAuto:
		settings.Rungs, err = rungs.Pretrained()
	default:
		settings.Rungs, err = rungs.Load(o.rungs)
	}
	if err != nil {
		return err
	}
	if err := o.outline.load(log, nil); err != nil {
		return err
	}
	note := func(text string) { settings.Notes = append(settings.Notes, text) }
	switch network := o.outline.use; {
	case settings.Rungs.Outline == rungs.OutlineThreshold:
		settings.Outlines = rungs.ByThreshold
		note("The rungs were trained on outlines by threshold, and score those.")
	case network == nil && o.outline.setting != outlineAuto:
		return usageError(errors.New("the rungs were trained on outlines of a network, and --outline is off"), "name a network, or give --rungs off")
	case network == nil:
		settings.Outlines = rungs.ByThreshold
		note("The rungs were trained on outlines of a network, and this binary has none: they score outlines by threshold, and these figures are too low.")
	default:
		settings.Outlines = rungs.ByNetwork(network)
		if d := settings.Rungs.Network; d != "" && !network.Outlines(d) {
			note("The rungs were trained on outlines of another network: train them again with 'nodulescope rungs'.")
		}
	}
	if settings.Rungs.Outline == rungs.OutlineReaders {
		note("The rungs were trained on readers' masks: they have not seen the errors of other outlines.")
	}
	if settings.Rungs.Data == ds.Digest() && o.side == "" {
		note("The rungs were trained on nodules of this file: these figures flatter them; 'nodulescope rungs' cross-validates.")
	}
	return nil
}
