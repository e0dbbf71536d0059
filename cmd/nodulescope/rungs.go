package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
)

type rungsOptions struct {
	masks       string
	outlines    string
	folds       []int
	readers     int
	seeds       int
	noise       float64
	model       string
	attribution string
	robustness  bool
	densities   bool
	curve       bool
	json        bool
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
from the normals. --robustness tells in a second table what becomes of
the scores when the candidate is moved, the scan noisier, of another kernel or of
thicker slices. --model then trains on all patients and writes the file that
'evaluate' reads; --seeds 0 does so without a table. The same data and settings give
the same table and the same file, to the bit.

Train on outlines like those that will be scored. The folder of 'nodulescope
outline' has a network for each fold that has not seen its patients: figures with it
are those of new patients. The network in the binary has learned from the masks of
some of the patients, and flatters them; docs/outlines.md says which fold it has not
seen, for --fold.

` + use.Purpose + `
` + use.Meaning

func newRungsCommand(g *globals) *cobra.Command {
	var o rungsOptions
	cmd := newCommand("rungs DATA.npz", "Cross-validate the scores of outlined nodules", rungsHelp,
		"  nodulescope rungs nodules.npz\n  nodulescope rungs nodules.npz --outlines runs/outline --model rungs.json\n  nodulescope rungs nodules.npz --outlines masks --seeds 1 --json",
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runRungs(cmd.Context(), args[0], o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.StringVar(&o.masks, "masks", "", "`FILE` with the masks of the nodules, in the order of the data set (default: DATA_masks.npz, if there)")
	f.StringVar(&o.outlines, "outlines", outlinesNetwork, "`SOURCE` of the outlines: network (that in the binary), threshold (none), masks (the readers': an upper bound), or the folder of 'nodulescope outline'")
	f.IntSliceVar(&o.folds, "fold", nil, "`FOLDS` to score, such as 1,3 (default: all five)")
	f.IntVar(&o.readers, "min-readers", 3, "count nodules in the table that `N` readers or more rated; all are trained on; 0: all count")
	f.IntVar(&o.seeds, "seeds", 5, "trainings of what is drawn at random; 0: no cross-validation")
	f.Float64Var(&o.noise, "diameter-noise", rungs.DiameterNoise, "spread of the simulated detector's diameter: d·exp(N(0, `SD`))")
	f.BoolVar(&o.densities, "densities", false, "also cross-validate learned densities of the features: MADE, MAF and RealNVP, of the normals and against one of all nodules; takes minutes")
	f.BoolVar(&o.curve, "diameter-curve", false, "also tell what an error of the detector's diameter of 0 to 30 %, or none given, does to the scores")
	f.BoolVar(&o.robustness, "robustness", false, "also tell what a moved candidate, noise, kernel, slice thickness, mirroring and turning do to the scores; takes as long as describing all nodules sixteen times")
	f.StringVar(&o.model, "model", "", "also train on all patients and write the rungs to `FILE`")
	f.StringVar(&o.attribution, "attribution", "", "citation of the data, kept in the file")
	f.BoolVar(&o.json, "json", false, "print JSON")
	refuseZero(f, "diameter-noise")
	refuseNegative(f, "min-readers", "seeds")
	return cmd
}

const (
	outlinesNetwork   = "network"
	outlinesThreshold = "threshold"
	outlinesMasks     = "masks"
)

// source is where outlines come from, and what a file says of that: the kind, and
// the digest of the network where it is one.
func (o *rungsOptions) source() (by rungs.Outlines, kind, digest string, err error) {
	switch o.outlines {
	case outlinesNetwork:
		network, err := outline.Pretrained()
		if err != nil {
			return nil, "", "", usageError(err, "name another source with --outlines")
		}
		return rungs.ByNetwork(network), rungs.OutlineNetwork, network.WithoutTissue().Digest(), nil
	case outlinesThreshold:
		return rungs.ByThreshold, rungs.OutlineThreshold, "", nil
	case outlinesMasks:
		return rungs.ByReaders, rungs.OutlineReaders, "", nil
	}
	if info, err := os.Stat(o.outlines); err != nil || !info.IsDir() {
		return nil, "", "", usageError(fmt.Errorf("--outlines %q is no folder", o.outlines), "choose network, threshold, masks, or the --dir of 'nodulescope outline'")
	}
	return rungs.ByFolds(o.outlines), rungs.OutlineNetwork, "", nil
}

func runRungs(ctx context.Context, path string, o rungsOptions, stdout, stderr io.Writer) error {
	by, kind, network, err := o.source()
	if err != nil {
		return err
	}
	for _, fold := range o.folds {
		if fold < 1 || fold > nodule.PlannedFolds {
			return usageError(fmt.Errorf("--fold %d is no fold of the plan", fold), "choose of 1 to 5")
		}
	}
	if o.seeds == 0 && o.model == "" && !o.robustness && !o.curve {
		return usageError(errors.New("nothing to do"), "name a --model, ask for --robustness or --diameter-curve, or give --seeds 1 or more")
	}
	if o.robustness && o.outlines == outlinesMasks {
		return usageError(errors.New("--robustness with the readers' masks: they do not follow what is disturbed"), "name another source with --outlines")
	}
	ds, notes, err := datasetFlags{}.load(path, o.masks)
	if err != nil {
		return err
	}
	if o.outlines == outlinesNetwork && o.seeds > 0 {
		notes = append(notes, "The network in the binary has learned from the masks of the patients of some folds (docs/outlines.md): figures of these folds flatter its outlines.")
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
	if o.seeds > 0 {
		if err := o.table(ctx, cases, notes, stdout, stderr); err != nil {
			return err
		}
	}
	if o.curve {
		if err := o.diameters(ctx, cases, stdout, stderr); err != nil {
			return err
		}
	}
	if o.robustness {
		if err := o.disturb(ctx, ds, cases, by, stdout, stderr); err != nil {
			return err
		}
	}
	if o.model == "" {
		return nil
	}
	bar = newProgress(stderr, "training", 0)
	trained, err := rungs.Train(ctx, cases, rungs.TrainOptions{Seed: 1, Noise: o.noise, Data: ds.Digest(), Attribution: o.attribution, Outline: kind, Network: network,
		Progress: func(done, total int) {
			bar.total(total)
			bar.set(done, "")
		}})
	bar.done()
	if err != nil {
		return err
	}
	if err := trained.Save(o.model); err != nil {
		return usageError(err, "give --model a file that can be written")
	}
	_, err = fmt.Fprintf(stderr, "%s: %s\n", o.model, trained.Digest())
	return err
}

// table cross-validates and prints.
func (o *rungsOptions) table(ctx context.Context, cases []rungs.Case, notes []string, stdout, stderr io.Writer) error {
	bar := newProgress(stderr, "cross-validating", 0)
	table, err := rungs.CrossValidate(ctx, cases, rungs.Options{Folds: o.folds, Seeds: o.seeds, Readers: o.readers, Noise: o.noise, Densities: o.densities, Progress: func(done, total int) {
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

// diameters tells what an error of the diameter does to the scores.
func (o *rungsOptions) diameters(ctx context.Context, cases []rungs.Case, stdout, stderr io.Writer) error {
	bar := newProgress(stderr, "scoring", 0)
	points, err := rungs.DiameterCurve(ctx, cases, rungs.Options{Folds: o.folds, Seeds: max(o.seeds, 1), Readers: o.readers, Noise: o.noise, Progress: func(done, total int) {
		bar.total(total)
		bar.set(done, "")
	}})
	bar.done()
	if errors.Is(err, rungs.ErrNoDiameters) {
		return usageError(err, "leave --diameter-curve out")
	}
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, points)
	}
	_, err = fmt.Fprintf(stdout, "AUROC / size-matched, by the error of the detector's diameter:\n\n%s\n%s\n", rungs.DiameterMarkdown(points), use.Statement)
	return err
}

// disturb tells what disturbances do to the scores.
func (o *rungsOptions) disturb(ctx context.Context, ds *nodule.Dataset, cases []rungs.Case, by rungs.Outlines, stdout, stderr io.Writer) error {
	bar := newProgress(stderr, "disturbing", 0)
	all, err := rungs.Robustness(ctx, ds, cases, by, rungs.RobustOptions{Folds: o.folds, Readers: o.readers, Seed: 1, Progress: func(done, total int) {
		bar.total(total)
		bar.set(done, "")
	}})
	bar.done()
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, all)
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s\n", rungs.RobustMarkdown(all), use.Statement)
	return err
}
