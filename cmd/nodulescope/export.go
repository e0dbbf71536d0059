package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/onnx"
)

const exportHelp = `Write trained networks as ONNX models, to serve them elsewhere: those in the
binary, or that of FILE, which 'train', 'experiment' or 'outline' wrote.

A VAE gives encoder.onnx (patches to mean and log variance) and decoder.onnx
(latents to reconstructions). A GAN gives generator.onnx (latents to images),
critic.onnx (patches to features and critic score), where it has an encoder
search-start.onnx (patches to the latents at which a search starts), and
search-step.onnx, one step of the latent search: run it repeatedly, each output
next_NAME as the next input NAME; how often, and the settings it was made with, is in
its metadata. The network that
outlines nodules gives outline.onnx (cubes with the mark of the candidate to the
probability of every voxel).

All are float32, with shapes fixed to --batch. Score and calibration, and what is
made of the probabilities, are not part of them: docs/model-card.md and
docs/outlines.md say how.`

type exportOptions struct {
	model string
	batch int
}

func newExportCommand(*globals) *cobra.Command {
	var o exportOptions
	cmd := newCommand("export DIR", "Write trained networks as ONNX models", exportHelp,
		`  nodulescope export models --batch 8
  nodulescope export models --model runs/wgan/seed-1/model.safetensors`,
		cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
			return runExport(args[0], o, cmd.OutOrStdout())
		})
	cmd.Flags().StringVar(&o.model, "model", "", "`FILE` of a detector, of a network of an experiment or of 'outline' (default: the networks in the binary)")
	cmd.Flags().IntVar(&o.batch, "batch", 1, "patches per run, 1 to 1024")
	return cmd
}

func runExport(dir string, o exportOptions, stdout io.Writer) error {
	if o.batch < 1 || o.batch > 1024 {
		return usageError(fmt.Errorf("--batch %d", o.batch), "give 1 to 1024")
	}
	files, err := o.files()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // weights are no secret
		return usageError(err, "name a folder that can be written")
	}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, f.model, 0o644); err != nil { //nolint:gosec // weights are no secret
			return usageError(err, "name a folder that can be written")
		}
		if _, err := fmt.Fprintln(stdout, path); err != nil {
			return err
		}
	}
	return nil
}

// exported is one ONNX model.
type exported struct {
	name  string
	model []byte
}

func (o exportOptions) files() ([]exported, error) {
	if o.model != "" {
		h, ps, err := models.Load(o.model)
		if err != nil {
			return nil, badInput(err, "name a file that 'nodulescope train', 'experiment' or 'outline' wrote")
		}
		switch h.Kind {
		case "gan":
		case "unet":
			t, err := models.UNetOf(h, ps)
			if err != nil {
				return nil, badInput(err, "name a network that 'nodulescope outline' wrote")
			}
			return exportUNet(t, o.batch)
		default:
			return exportVAE(h, ps, o.batch)
		}
		if len(h.Detector) == 0 { // a network alone: the search of an experiment
			t, err := models.GANOf(h, ps)
			if err != nil {
				return nil, badInput(err, "name a network that 'nodulescope experiment' wrote")
			}
			return exportGAN(t, models.SearchSettings{}, o.batch)
		}
		d, err := detector.LoadGANAD(o.model)
		if err != nil {
			return nil, badInput(err, "name a detector that 'nodulescope experiment' wrote")
		}
		return exportGAN(d.Trained(), d.Search(), o.batch)
	}
	all, err := detector.PretrainedAll()
	if err != nil {
		return nil, err
	}
	var files []exported
	for _, d := range all {
		var more []exported
		switch d := d.(type) {
		case *detector.VAEAD:
			more, err = exportVAE(d.Header(), d.Params(), o.batch)
		case *detector.GANAD:
			more, err = exportGAN(d.Trained(), d.Search(), o.batch)
		default:
			err = errors.New("detector " + d.Name() + " has no ONNX form")
		}
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	u, err := outline.Pretrained()
	if errors.Is(err, outline.ErrNoNetwork) {
		return files, nil
	}
	if err != nil {
		return nil, err
	}
	more, err := exportUNet(u.Trained(), o.batch)
	return append(files, more...), err
}

func exportUNet(t *models.TrainedUNet, batch int) ([]exported, error) {
	b, err := onnx.ExportUNet(t, batch)
	return []exported{{"outline.onnx", b}}, err
}

func exportVAE(h models.Header, ps models.Params, batch int) ([]exported, error) {
	encoder, decoder, err := onnx.ExportVAE(h.VAE(), ps, h, batch)
	return []exported{{"encoder.onnx", encoder}, {"decoder.onnx", decoder}}, err
}

func exportGAN(t *models.TrainedGAN, s models.SearchSettings, batch int) ([]exported, error) {
	m, err := onnx.ExportGAN(t, s, batch)
	files := []exported{{"generator.onnx", m.Generator}, {"critic.onnx", m.Critic}, {"search-step.onnx", m.Step}}
	if m.Encoder != nil {
		files = append(files, exported{"search-start.onnx", m.Encoder})
	}
	return files, err
}
