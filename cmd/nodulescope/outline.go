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
	"github.com/nodulescope/nodulescope/nodule"
)

type outlineOptions struct {
	run    outline.Options
	tissue string
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

A fold takes an hour or more on two cores. The run keeps its state in --dir
after every epoch: start it again with the same settings and it goes on where it
stopped, to the same result. Each fold's network is there as unet.safetensors,
which 'score', 'serve' and 'demo' take with --outline.

A network also outlines vessels and the chest wall. --tissue NETWORK trains no
network: it learns which outlines of that one are of no nodule, from outlines at
the nodules and at other tissue in the same cubes, and in phantoms. It refuses
those, at the price of 2 of 100 nodules of the training in each of three bands of
size, and keeps that in NETWORK-tissue.json, where --outline finds it. --fold
names the fold that the network has not seen: this leaves it out as well, and the
table tells what becomes of it.`

func newOutlineCommand(g *globals) *cobra.Command {
	var o outlineOptions
	cmd := newCommand("outline DATA.npz", "Cross-validate the network that outlines nodules", outlineHelp,
		"  nodulescope outline nodules.npz\n  nodulescope outline nodules.npz --fold 1 --epochs 2\n"+
			"  nodulescope outline nodules.npz --fold 1 --tissue runs/outline/fold-1/unet.safetensors",
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runOutline(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	o.run.UNet = models.ReferenceUNet
	f := cmd.Flags()
	f.StringVar(&o.run.Dir, "dir", "runs/outline", "`FOLDER` that keeps state and networks of the run")
	f.StringVar(&o.masks, "masks", "", "`FILE` with the masks of the nodules, in the order of the data set (default: DATA_masks.npz)")
	f.StringVar(&o.tissue, "tissue", "", "learn which outlines of `NETWORK` are of no nodule, and keep that beside it")
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
	if o.tissue != "" {
		return trainTissue(ctx, ds, o, stdout, stderr)
	}
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
		return outlineError(err)
	}
	if o.json {
		return printJSON(stdout, outline.Bands(all))
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s of %s. Networks: %s\n", outline.Markdown(outline.Bands(all)), counted(len(all), "nodule"), counted(folds, "fold"), o.run.Dir)
	return err
}

func outlineError(err error) error {
	switch {
	case errors.Is(err, outline.ErrNoFold):
		return usageError(err, "see 'nodulescope outline --help'")
	case errors.Is(err, outline.ErrNoMasks):
		return badInput(err, "name their file with --masks")
	}
	return err
}

// trainTissue learns which outlines of a network are of no nodule.
func trainTissue(ctx context.Context, ds *nodule.Dataset, o outlineOptions, stdout, stderr io.Writer) error {
	if len(o.run.Folds) > 1 {
		return usageError(errors.New("--tissue with several folds"), "name the one fold that the network has not seen, or none")
	}
	network, err := outline.LoadNetwork(o.tissue)
	if err != nil {
		return badInput(err, "name a network that 'nodulescope outline' wrote")
	}
	bar := newShare(stderr)
	opt := outline.TissueOptions{Attribution: o.run.Attribution, Progress: func(done, total int) {
		bar.set(shares*done/total, fmt.Sprintf("%d of %d", done, total))
	}}
	if len(o.run.Folds) == 1 {
		opt.Fold = o.run.Folds[0]
	}
	tissue, rows, err := network.TrainTissue(ctx, ds, opt)
	bar.done()
	if err != nil {
		return outlineError(err)
	}
	if err := tissue.Save(o.tissue); err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, rows)
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s\n", outline.TissueMarkdown(rows), outline.TissueFile(o.tissue))
	return err
}
