package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/nodule"
)

type trainOptions struct {
	settings    models.Settings
	dataset     datasetFlags
	dir         string
	out         string
	splitSeed   uint64
	attribution string
	encoderOf   string
	device      deviceFlag
}

const trainHelp = `Train the 3D VAE on the normal nodules of a labelled data set and calibrate it.

DATA is a NumPy archive (.npz) of cubes in one of the two layouts that
'docs/model-card.md' describes. Patients are split into training, validation,
calibration and test sides. The network sees only the normal nodules of the
training side; validation chooses the epoch; the calibration side gives
probability and threshold at its own prevalence. The test side is left
for 'nodulescope evaluate'.

With --encoder-of FILE it trains the encoder of a GAN-AD instead, which 'experiment'
wrote: a search in its latent space then starts where the encoder maps the patch, and
ends after a few steps. Generator and critic stay as they are, and the detector is
calibrated anew. Such a run is short and keeps no state.

The run keeps its state in --dir after every epoch: start it again with the same
settings and it resumes where it stopped, with the same result.

--device trains on a graphics card: the weights differ by rounding from those of
the processor. What the device cannot do ends the training run, and so does a
fault; started again, it resumes from the last epoch.`

func newTrainCommand(g *globals) *cobra.Command {
	var o trainOptions
	cmd := newCommand("train DATA.npz", "Train and calibrate a detector on labelled nodules", trainHelp,
		`  nodulescope train nodules.npz --dir runs/vae-1 --out vae-ad.safetensors
  nodulescope train nodules.npz --encoder-of gan.safetensors --batch 16 --rate 1e-3 --out gan-ad.safetensors`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runTrain(cmd.Context(), args[0], o, g, cmd.OutOrStdout(), cmd.ErrOrStderr())
		})
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", "runs/vae", "`FOLDER` that keeps the state of the run")
	f.StringVar(&o.out, "out", "", "`FILE` for the detector (default: vae-ad.safetensors, or gan-ad.safetensors, in --dir)")
	o.dataset.register(f)
	f.IntVar(&o.settings.Epochs, "epochs", 100, "passes through the training normals")
	f.IntVar(&o.settings.Batch, "batch", 32, "patches per step")
	f.Float64Var(&o.settings.Rate, "rate", 5e-4, "learning rate of Adam")
	f.Float64Var(&o.settings.Clip, "clip", 100, "largest norm of the gradient; 0: no limit")
	f.Float64Var(&o.settings.KLWeight, "kl-weight", 1, "weight of the KL term; 0: without it")
	f.Uint64Var(&o.settings.Seed, "seed", 1, "seed of weights, order, augmentation and noise")
	f.Uint64Var(&o.splitSeed, "split-seed", detector.DefaultSplitSeed, "seed of the split by patient")
	f.StringVar(&o.attribution, "attribution", "", "citation of the data, kept in the model")
	f.StringVar(&o.encoderOf, "encoder-of", "", "train the encoder of the GAN-AD in `FILE`, not a VAE")
	f.StringVar(&o.device.setting, "device", gpu.CPU, trainDeviceHelp)
	refuseZero(f, "epochs", "batch", "rate", "split-seed")
	refuseNegative(f, "clip", "kl-weight")
	return cmd
}

func runTrain(ctx context.Context, path string, o trainOptions, g *globals, stdout, stderr io.Writer) error {
	ds, notes, err := o.dataset.load(path, "")
	if err != nil {
		return err
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(stderr, note); err != nil {
			return err
		}
	}
	split, err := detector.Protocol{SplitSeed: o.splitSeed}.Split(ds)
	if err != nil {
		return err
	}
	ctx, device, err := o.device.demand(ctx, g.log)
	if err != nil {
		return err
	}
	defer device.close()
	if o.encoderOf != "" {
		d, err := o.encoder(ctx, ds, split, device, stderr)
		if err = device.because(ctx, err); err != nil {
			return err
		}
		return o.keep(d, path, stdout)
	}
	bar := newProgress(stderr, "training", o.settings.Epochs)
	o.settings.Clip, o.settings.KLWeight = models.Exactly(o.settings.Clip), models.Exactly(o.settings.KLWeight)
	d, err := detector.TrainVAEAD(ctx, ds, split, detector.TrainOptions{
		Settings: o.settings, Dir: o.dir, Attribution: o.attribution, Compute: device.options,
		Progress: func(p models.Progress) {
			if p.Step == p.Steps {
				bar.set(p.Epoch+1, fmt.Sprintf("loss %.2f (reconstruction %.2f, KL %.2f) best validation %s",
					p.Loss, p.Recon, p.KL, finite(p.Best)))
			}
		},
	})
	bar.done()
	if err = device.because(ctx, err); err != nil {
		return err
	}
	return o.keep(d, path, stdout)
}

// trained is a detector that a training made.
type trained interface {
	detector.Detector
	Save(path string) error
	Calibration() detector.Calibration
	Header() models.Header
}

// keep writes the detector and says what it is.
func (o trainOptions) keep(d trained, data string, stdout io.Writer) error {
	if o.out == "" {
		o.out = filepath.Join(o.dir, d.Name()+".safetensors")
		if err := os.MkdirAll(o.dir, 0o755); err != nil { //nolint:gosec // weights are no secret
			return usageError(err, "name a folder that can be written")
		}
	}
	if err := d.Save(o.out); err != nil {
		return err
	}
	c, h := d.Calibration(), d.Header()
	at := fmt.Sprintf("epoch       %d", h.Epoch)
	if h.Encoder {
		at = fmt.Sprintf("step        %.0f", h.Metrics["encoder_step"])
	}
	_, err := fmt.Fprintf(stdout, "%s\n  digest      %s\n  %s\n  calibration %s (%s, %s, prevalence %.2f)\n  threshold   %.5g\nNext: nodulescope evaluate %s --model %s --side test%s\n",
		o.out, d.Digest(), at, c.Name(), counted(c.Normals, "normal"), counted(c.Anomalies, "anomaly"), c.Prevalence, c.Threshold, data, o.out, o.dataset.again())
	return err
}

// encoder trains the encoder of a GAN.
func (o trainOptions) encoder(ctx context.Context, ds *nodule.Dataset, split *nodule.Split, device trainDevice, stderr io.Writer) (*detector.GANAD, error) {
	old, err := detector.LoadGANAD(o.encoderOf)
	if err != nil {
		return nil, badInput(err, "name a detector that 'nodulescope experiment nodules --detector wgan --model' wrote")
	}
	normals := len(split.TrainNormals())
	bar := newProgress(stderr, "training", 0)
	defer bar.done()
	return detector.TrainGANEncoder(ctx, old, ds, split, detector.EncoderOptions{
		Settings: models.EncoderSettings{Steps: o.settings.Epochs * max(1, (normals+o.settings.Batch-1)/o.settings.Batch), Batch: o.settings.Batch,
			Rate: o.settings.Rate, Seed: o.settings.Seed},
		Attribution: o.attribution, Compute: device.options,
		Progress: func(p models.EncoderProgress) {
			bar.total(p.Steps)
			bar.set(p.Step, fmt.Sprintf("loss %.2f, best validation %s", p.Loss, finite(p.Best)))
		},
	})
}

// finite hides the infinity that stands before the first validation.
func finite(v float64) string {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}
