package models

import (
	"context"
	"testing"
)

func ganRun(dir string) GANRun {
	return GANRun{GAN: GAN{Dims: 2, Latent: 8}, Train: blobs{20}, Dir: dir,
		Settings: GANSettings{Steps: 150, Batch: 8, Seed: 3, Rate: 5e-4}, Header: Header{Preprocessing: "p", DataDigest: "d"}}
}

func TestWGANLearns(t *testing.T) {
	r := ganRun("")
	r.Progress = func(p GANProgress) {
		if p.Step%10 == 1 {
			t.Logf("%+v", p)
		}
	}
	if _, err := TrainGAN(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	r = ganRun("")
	r.GAN.Norm = true
	r.Settings.Loss = DCGAN
	r.Settings.Rate = 0
	r.Progress = func(p GANProgress) {
		if p.Step%10 == 1 {
			t.Logf("%+v", p)
		}
	}
	if _, err := TrainGAN(context.Background(), r); err != nil {
		t.Fatal(err)
	}
}
