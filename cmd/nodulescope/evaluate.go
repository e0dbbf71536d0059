package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

type evaluateOptions struct {
	data      string
	dataset   datasetFlags
	masks     string
	detectors detectorFlags
	rungs     string
	outline   outlineFlag
	side      string
	splitSeed uint64
	reference string
	csv       string
	json      bool
}

const evaluateHelp = `Score a labelled data set and print the whole evaluation.

DATA is a NumPy archive (.npz) of any layout that 'nodulescope train' reads, even
of patients that the detectors have never seen. Masks of its nodules come from
DATA_masks.npz beside it, if there, or from --masks. Each row ranks the
same nodules in another way: every detector, its terms, and what needs no model
at all (diameter, mask, intensity, distance to the mean normal nodule). A
detector that does not beat these baselines adds nothing to them. What the
figures mean: docs/evaluation.md.

The rungs score what is measured of each nodule's outline: by normals alone, by
normals and unlabelled nodules, and by readers' ratings ('nodulescope rungs --help'),
without and, where the file has diameters, with one from a simulated detector.

With --side, the data set is split as 'train' split it and one side is scored;
the training side then serves for the rows of the mean image and the nearest
normals. --reference takes those from another file. Without either, all nodules
are scored, which is right for data that the models have never seen.

` + use.Purpose + `
` + use.Meaning

func newEvaluateCommand(g *globals) *cobra.Command {
	var o evaluateOptions
	cmd := newCommand("evaluate DATA.npz", "Score labelled nodules and print AUROC with intervals beside rows that need no model", evaluateHelp,
		`  nodulescope evaluate nodules.npz --side test --csv scores.csv
  nodulescope evaluate others.npz --reference nodules.npz
  nodulescope evaluate others.npz --model a.safetensors --model b.safetensors --json`,
		cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && o.data == "":
				o.data = args[0]
			case len(args) == 1:
				return usageError(errors.New("the data set is named twice"), "give DATA.npz or --data, not both")
			case o.data == "":
				return usageError(errors.New("no data set"), "give DATA.npz; 'nodulescope evaluate --help' shows examples")
			}
			return runEvaluate(cmd.Context(), o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.StringVar(&o.data, "data", "", "`FILE` of the data set, in place of the argument")
	f.StringVar(&o.masks, "masks", "", "`FILE` with the masks of the nodules, in the order of the data set (default: DATA_masks.npz, if there)")
	o.dataset.register(f)
	o.detectors.register(f)
	f.StringVar(&o.rungs, "rungs", rungsAuto, "`WHICH` rungs score outlined nodules: auto (those in the binary), off, or the file of 'nodulescope rungs'")
	o.outline.register(f)
	f.StringVar(&o.side, "side", "", "`SIDE` of the split: train, validation, calibration or test (default: all nodules)")
	f.Uint64Var(&o.splitSeed, "split-seed", detector.DefaultSplitSeed, "seed of the split by patient")
	f.StringVar(&o.reference, "reference", "", "data set `FILE` whose training side gives the mean normal and the nearest normals")
	f.StringVar(&o.csv, "csv", "", "also write one line per nodule to `FILE`")
	f.BoolVar(&o.json, "json", false, "print JSON")
	refuseZero(f, "split-seed")
	return cmd
}

func runEvaluate(ctx context.Context, o evaluateOptions, g *globals, stdout, stderr io.Writer) error {
	detectors, err := o.detectors.load(g.log)
	if err != nil {
		return err
	}
	ds, settings, err := evaluationData(o, detectors)
	if err != nil {
		return err
	}
	if err := o.outlined(&settings, ds, g.log); err != nil {
		return err
	}
	bar := newProgress(stderr, "scoring", 0)
	settings.Progress = func(done, total int) {
		bar.total(total)
		bar.set(done, "")
	}
	e, err := evaluation.Evaluate(ctx, detectors, ds, settings)
	bar.done()
	if errors.Is(err, evaluation.ErrOneClass) {
		return badInput(err, "name a set with malignancy 1-2 and 4-5, or another --side")
	}
	if err != nil {
		return err
	}
	if o.csv != "" {
		if err := writeCSV(o.csv, e); err != nil {
			return err
		}
	}
	if o.json {
		return printJSON(stdout, e)
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s\n", e.Markdown(), use.Statement)
	return err
}

// evaluationData reads what is scored, and what the model saw in training.
func evaluationData(o evaluateOptions, detectors []detector.Detector) (*nodule.Dataset, evaluation.Options, error) {
	var settings evaluation.Options
	ds, notes, err := o.dataset.load(o.data, o.masks)
	if err != nil {
		return nil, settings, err
	}
	settings.Notes = notes
	protocol := detector.Protocol{SplitSeed: o.splitSeed}
	if o.side != "" {
		split, err := protocol.Split(ds)
		if err != nil {
			return nil, settings, err
		}
		sides := map[string]*nodule.Dataset{"train": split.Train, "validation": split.Validation, "calibration": split.Calibration, "test": split.Test}
		if ds = sides[o.side]; ds == nil {
			return nil, settings, usageError(fmt.Errorf("--side %q is unknown", o.side), "choose train, validation, calibration or test")
		}
		settings.Neighbours, settings.Calibration = split.TrainNormals(), split.Calibration
	} else if trainedOn(detectors, ds) {
		settings.Notes = append(settings.Notes, "A model was trained on nodules of this file: these figures flatter it. Name a --side.")
	}
	if o.reference != "" {
		reference, err := nodule.LoadNPZ(o.reference)
		if err != nil {
			return nil, settings, err
		}
		split, err := protocol.Split(reference)
		if err != nil {
			return nil, settings, err
		}
		settings.Neighbours, settings.Calibration = split.TrainNormals(), split.Calibration
		if len(settings.Neighbours) == 0 {
			return nil, settings, badInput(detector.ErrNoNormals, "name another --reference")
		}
	}
	return ds, settings, nil
}

// trainedOn tells whether a model's file names the data set.
func trainedOn(detectors []detector.Detector, ds *nodule.Dataset) bool {
	for _, d := range detectors {
		if h, ok := d.(interface{ Header() models.Header }); ok && h.Header().DataDigest == ds.Digest() {
			return true
		}
	}
	return false
}

func writeCSV(path string, e *evaluation.Evaluation) error {
	f, err := os.Create(path) //nolint:gosec // the user names it
	if err != nil {
		return usageError(err, "give --csv a file that can be written")
	}
	return errors.Join(e.WriteCSV(f), f.Close())
}
