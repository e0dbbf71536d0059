package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
)

const evaluateHelp = `Score a labelled data set and print the evaluation table.

DATA is a NumPy archive (.npz) as for 'nodulescope train'. Each row ranks the
same nodules in another way: the detector, its terms, and what needs no model at
all (diameter, mask, intensity, distance to the mean normal nodule). A detector
that does not beat those is a ruler.

With --side, the data set is split as 'train' split it and one side is scored;
the row of the mean image then uses the training side. Without, all nodules are
scored, which is right for data that the model has never seen.`

type evaluateOptions struct {
	model     string
	side      string
	splitSeed uint64
	csv       string
	json      bool
}

func newEvaluateCommand(g *globals) *cobra.Command {
	var o evaluateOptions
	cmd := &cobra.Command{
		Use:     "evaluate DATA.npz",
		Short:   "Score labelled nodules and print AUROC with intervals beside rows that need no model",
		Long:    evaluateHelp,
		Example: "  nodulescope evaluate nodules.npz --side test --csv scores.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runEvaluate(cmd.Context(), args[0], o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "`FILE` of the detector (default: the one in the binary)")
	f.StringVar(&o.side, "side", "", "`SIDE` of the split: train, validation, calibration or test (default: all nodules)")
	f.Uint64Var(&o.splitSeed, "split-seed", detector.DefaultSplitSeed, "seed of the split by patient")
	f.StringVar(&o.csv, "csv", "", "also write one line per nodule to `FILE`")
	f.BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func runEvaluate(ctx context.Context, path string, o evaluateOptions, stdout, stderr io.Writer) error {
	d, err := loadDetector(o.model)
	if err != nil {
		return err
	}
	ds, err := nodule.LoadNPZ(path)
	if err != nil {
		return err
	}
	var mean []float32
	if o.side != "" {
		split, err := detector.Protocol{SplitSeed: o.splitSeed}.Split(ds)
		if err != nil {
			return err
		}
		sides := map[string]*nodule.Dataset{"train": split.Train, "validation": split.Validation, "calibration": split.Calibration, "test": split.Test}
		if ds = sides[o.side]; ds == nil {
			return usageError(fmt.Errorf("--side %q is unknown", o.side), "choose train, validation, calibration or test")
		}
		mean = detector.MeanPatch(split.TrainNormals())
	}
	bar := newProgress(stderr, "scoring", 0)
	e, err := detector.Evaluate(ctx, d, ds, mean, func(done, total int) {
		bar.total(total)
		bar.set(done, "")
	})
	bar.done()
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
	_, err = fmt.Fprintf(stdout, "%s %s\n\n%s", e.Detector, e.Digest, e.Markdown())
	return err
}

func writeCSV(path string, e *detector.Evaluation) error {
	f, err := os.Create(path) //nolint:gosec // the user names it
	if err != nil {
		return usageError(err, "give --csv a file that can be written")
	}
	return errors.Join(e.WriteCSV(f), f.Close())
}

// loadDetector reads a detector's file, or the one in the binary.
func loadDetector(path string) (*detector.VAEAD, error) {
	if path == "" {
		return detector.Pretrained()
	}
	d, err := detector.LoadVAEAD(path)
	if err != nil {
		return nil, badInput(err, "name a detector that 'nodulescope train' wrote")
	}
	return d, nil
}
