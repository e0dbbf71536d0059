package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/onnx"
)

const exportHelp = `Write the networks of a detector as ONNX models, to serve them elsewhere.

DIR gets encoder.onnx (patches to mean and log variance) and decoder.onnx
(latents to reconstructions), float32, with shapes fixed to --batch. Score and
calibration are not part of them: docs/model-card.md says how a score is made.`

type exportOptions struct {
	model string
	batch int
}

func newExportCommand(*globals) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:     "export DIR",
		Short:   "Write the networks of a detector as ONNX models",
		Long:    exportHelp,
		Example: "  nodulescope export models --batch 8",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(args[0], o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.model, "model", "", "`FILE` of the detector (default: the one in the binary)")
	cmd.Flags().IntVar(&o.batch, "batch", 1, "patches per run, 1 to 1024")
	return cmd
}

func runExport(dir string, o exportOptions, stdout io.Writer) error {
	if o.batch < 1 || o.batch > 1024 {
		return usageError(fmt.Errorf("--batch %d", o.batch), "give 1 to 1024")
	}
	d, err := loadDetector(o.model)
	if err != nil {
		return err
	}
	h := d.Header()
	encoder, decoder, err := onnx.ExportVAE(models.VAE{Dims: h.Dims, Latent: h.Latent}, d.Params(), h, o.batch)
	if err != nil {
		return err
	}
	write := func(name string, b []byte) error {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil { //nolint:gosec // weights are no secret
			return usageError(err, "name a folder that can be written")
		}
		_, err := fmt.Fprintln(stdout, path)
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // weights are no secret
		return usageError(err, "name a folder that can be written")
	}
	return errors.Join(write("encoder.onnx", encoder), write("decoder.onnx", decoder))
}
