package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

type outlineOptions struct {
	run    outline.Options
	masks  string
	json   bool
	device deviceFlag
}

const outlineHelp = `Train the network that outlines nodules, and tell how far it agrees with readers.

DATA is a NumPy archive (.npz) that 'nodulescope train' reads, with masks: those
of DATA_masks.npz, where that lies beside it, or of --masks. The patients are
divided by the plan of five folds that is part of this program. For every fold a
network learns from the patients of the other four and outlines the nodules of
that one; nothing is chosen by what comes out. The table gives the agreement with
the readers' masks by size, medians with quartiles, beside an outline by
threshold that needs no training.

A fold takes about twenty minutes on two cores. The run keeps its state in --dir
after every epoch: start it again with the same settings and it goes on where it
stopped, to the same result. Each fold's network is there as unet.safetensors,
which 'score', 'serve' and 'demo' take with --outline.`

func newOutlineCommand(g *globals) *cobra.Command {
	var o outlineOptions
	cmd := newCommand("outline DATA.npz", "Cross-validate the network that outlines nodules", outlineHelp,
		"  nodulescope outline nodules.npz\n  nodulescope outline nodules.npz --fold 1 --epochs 2",
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runOutline(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	o.run.UNet = models.ReferenceUNet
	f := cmd.Flags()
	f.StringVar(&o.run.Dir, "dir", "runs/outline", "`FOLDER` that keeps state and networks of the run")
	f.StringVar(&o.masks, "masks", "", "`FILE` with the masks of the nodules, in the order of the data set (default: DATA_masks.npz)")
	f.IntSliceVar(&o.run.Folds, "fold", nil, "`FOLDS` to run, such as 1,3 (default: all five)")
	f.IntVar(&o.run.Settings.Epochs, "epochs", outline.DefaultSettings().Epochs, "passes through the training nodules")
	f.IntVar(&o.run.Settings.Batch, "batch", outline.DefaultSettings().Batch, "nodules per step")
	f.Float64Var(&o.run.Settings.Rate, "rate", outline.DefaultSettings().Rate, "highest learning rate of Adam")
	f.Uint64Var(&o.run.Settings.Seed, "seed", 1, "seed of the first fold's weights, order and augmentation; each further fold has the next")
	f.StringVar(&o.run.Attribution, "attribution", "", "citation of the data, kept in the networks")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.StringVar(&o.device.setting, "device", gpu.CPU, trainDeviceHelp)
	refuseZero(f, "epochs", "batch", "rate")
	return cmd
}

func runOutline(ctx context.Context, path string, o outlineOptions, g *globals, stdout, stderr io.Writer) error {
	ds, notes, err := datasetFlags{}.load(path, o.masks)
	if err != nil {
		return err
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(stderr, note); err != nil {
			return err
		}
	}
	ctx, device, err := o.device.demand(ctx, g.log)
	if err != nil {
		return err
	}
	defer device.close()
	o.run.Compute = device.options
	folds := max(len(o.run.Folds), 1)
	if len(o.run.Folds) == 0 {
		folds = 5
	}
	bar, done, last := newShare(stderr), -1, 0
	o.run.Progress = func(fold int, p models.OutlineProgress) {
		if fold != last {
			done, last = done+1, fold
		}
		share := (float64(p.Epoch) + float64(p.Step)/float64(p.Steps)) / float64(p.Epochs)
		bar.set(int(shares*(float64(done)+share)/float64(folds)),
			fmt.Sprintf("fold %d, epoch %d of %d, Dice loss %.2f, %s", fold, p.Epoch+1, p.Epochs, p.Dice, p.Elapsed.Round(time.Second)))
	}
	all, err := outline.CrossValidate(ctx, ds, o.run)
	bar.done()
	if err = device.because(ctx, err); err != nil {
		switch {
		case errors.Is(err, outline.ErrNoFold):
			return usageError(err, "see 'nodulescope outline --help'")
		case errors.Is(err, outline.ErrNoMasks):
			return badInput(err, "name their file with --masks")
		}
		return err
	}
	if o.json {
		return printJSON(stdout, outline.Bands(all))
	}
	_, err = fmt.Fprintf(stdout, "%s\n%d nodules of %d folds. Networks: %s\n", outline.Markdown(outline.Bands(all)), len(all), folds, o.run.Dir)
	return err
}
