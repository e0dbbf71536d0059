package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/internal/use"
)

type rungsOptions struct {
	masks    string
	outlines string
	readers  int
	seeds    int
	noise    float64
	json     bool
}

const rungsHelp = `Cross-validate three scores of what is measured of an outlined nodule.

Each nodule is outlined and described by some thirty features: size, shape,
density, margin and surroundings. Three models score them, the rungs, by what a
reader must have said beforehand:

  normals-only        which nodules are normal; and, from the literature, in which
                      direction each feature is suspicious
  normals-unlabelled  which nodules are normal, beside others without a rating
  readers-ratings     a rating of every nodule

DATA is a NumPy archive (.npz) that 'nodulescope train' reads. The patients are
divided by the plan of five folds that is part of this program; each fold is scored
by models of the other four, and whatever is chosen is chosen inside these four. The
table has every rung without and with a diameter from a simulated detector, beside
what is simpler: diameters, a logistic regression on 17 plain features, distances
from the normals. The same data and settings give the same table.

` + use.Purpose + `
` + use.Meaning

func newRungsCommand(g *globals) *cobra.Command {
	var o rungsOptions
	cmd := newCommand("rungs DATA.npz", "Cross-validate the scores of outlined nodules", rungsHelp,
		"  nodulescope rungs nodules.npz\n  nodulescope rungs nodules.npz --outlines masks --seeds 1 --json",
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runRungs(cmd.Context(), args[0], o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.StringVar(&o.masks, "masks", "", "`FILE` with the masks of the nodules, in the order of the data set (default: DATA_masks.npz, if there)")
	f.StringVar(&o.outlines, "outlines", outlinesThreshold, "`SOURCE` of the outlines: threshold, or masks (the readers': an upper bound)")
	f.IntVar(&o.readers, "min-readers", 3, "count nodules in the table that `N` readers or more rated; all are trained on; 0: all count")
	f.IntVar(&o.seeds, "seeds", 5, "trainings of what is drawn at random")
	f.Float64Var(&o.noise, "diameter-noise", rungs.DiameterNoise, "spread of the simulated detector's diameter: d·exp(N(0, `SD`))")
	f.BoolVar(&o.json, "json", false, "print JSON")
	refuseZero(f, "seeds", "diameter-noise")
	refuseNegative(f, "min-readers")
	return cmd
}

const (
	outlinesThreshold = "threshold"
	outlinesMasks     = "masks"
)

// source is where outlines come from.
func (o *rungsOptions) source() (rungs.Outlines, error) {
	switch o.outlines {
	case outlinesThreshold:
		return rungs.ByThreshold, nil
	case outlinesMasks:
		return rungs.ByReaders, nil
	}
	return nil, usageError(fmt.Errorf("--outlines %q is unknown", o.outlines), "choose threshold or masks")
}

func runRungs(ctx context.Context, path string, o rungsOptions, stdout, stderr io.Writer) error {
	by, err := o.source()
	if err != nil {
		return err
	}
	ds, notes, err := datasetFlags{}.load(path, o.masks)
	if err != nil {
		return err
	}
	bar := newProgress(stderr, "describing", len(ds.Samples))
	cases, without, err := rungs.Cases(ctx, ds, by, func(done, _ int) { bar.set(done, "") })
	bar.done()
	if err != nil {
		return err
	}
	if without > 0 {
		notes = append(notes, fmt.Sprintf("No outline was found of %d of %d nodules: a ball of 5 mm stands in.", without, len(cases)))
	}
	bar = newProgress(stderr, "training", 0)
	table, err := rungs.CrossValidate(ctx, cases, rungs.Options{Seeds: o.seeds, Readers: o.readers, Noise: o.noise, Progress: func(done, total int) {
		bar.total(total)
		bar.set(done, "")
	}})
	bar.done()
	if err != nil {
		return err
	}
	table.Notes = notes
	if o.json {
		return printJSON(stdout, table)
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s\n", table.Markdown(), use.Statement)
	return err
}
