package models

import (
	"context"
	"errors"
	"testing"
)

// A training that goes on from weights starts at them, says so, and keeps them
// where nothing bounds the validation set better.
func TestStart(t *testing.T) {
	v := VAE{Dims: 2, Latent: 4}
	data := blobs{12}
	run := Run{VAE: v, Train: data, Valid: data, Settings: Settings{Epochs: 2, Batch: 4, Rate: 1e-3, Seed: 1}}
	first, err := TrainVAE(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	run.Start, run.Settings.Seed = first.Params, 2
	next, err := TrainVAE(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	if next.Header.Parent != first.Params.Digest() || first.Header.Parent != "" {
		t.Errorf("it comes from %q", next.Header.Parent)
	}
	if a, b := first.Header.Metrics["valid_negative_bound"], next.Header.Metrics["valid_negative_bound"]; !(b < a) {
		t.Errorf("%g, then %g", a, b)
	}
	run.Settings.Rate, run.Settings.Clip = 1, Off // spoils everything
	spoiled, err := TrainVAE(context.Background(), run)
	if err == nil && (spoiled.Header.Epoch != 0 || spoiled.Params.Digest() != first.Params.Digest()) {
		t.Errorf("epoch %d is kept", spoiled.Header.Epoch)
	}
	run.Settings.Rate, run.Settings.Clip, run.Dir = 1e-3, 0, t.TempDir()
	if _, err := TrainVAE(context.Background(), run); err != nil {
		t.Fatal(err)
	}
	run.Start = nil
	if _, err := TrainVAE(context.Background(), run); !errors.Is(err, ErrState) {
		t.Errorf("the state of a training from other weights is taken: %v", err)
	}
	run.Start, run.Dir = first.Params[:3], ""
	if _, err := TrainVAE(context.Background(), run); err == nil {
		t.Error("weights of another network are taken")
	}
}

// A GAN goes on from its weights, too.
func TestStartGAN(t *testing.T) {
	run := GANRun{GAN: GAN{Dims: 2, Latent: 4}, Train: blobs{8}, Settings: GANSettings{Steps: 1, Batch: 4, CriticSteps: 1, Rate: 1e-9, Seed: 1}}
	first, err := TrainGAN(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	run.Start, run.Settings.Seed = first, 2
	next, err := TrainGAN(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	if next.Header.Parent != first.Params().Digest() {
		t.Errorf("it comes from %q", next.Header.Parent)
	}
	for i, p := range next.Params() {
		for j, w := range p.Data {
			if d := w - first.Params()[i].Data[j]; d > 1e-6 || d < -1e-6 {
				t.Fatalf("%s has moved by %g at a rate of 1e-9", p.Name, d)
			}
		}
	}
}
