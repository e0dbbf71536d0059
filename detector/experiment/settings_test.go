package experiment

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultsAreThePapers(t *testing.T) {
	for _, e := range experiments {
		for _, d := range Detectors() {
			for _, quick := range []bool{false, true} {
				s, err := Defaults(e, d, quick)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Validate(); err != nil {
					t.Errorf("%s, %s, quick %t: %v", e, d, quick, err)
				}
				if got, err := ReadSettings(bytes.NewReader(s.JSON()), Settings{}); err != nil || got.Digest() != s.Digest() {
					t.Errorf("%s, %s: written and read again they differ (%v)", e, d, err)
				}
			}
		}
	}
	vae, _ := Defaults(MNIST, VAE, false)
	gan, _ := Defaults(Nodules, WGAN, false)
	flat, _ := Defaults(MNIST, DCGAN, false)
	if vae.VAE.Epochs != 30 || vae.Training != 9216 || vae.Normals != 450 || vae.Nines != 450 || vae.Seeds != 5 {
		t.Errorf("VAE on MNIST: %s", vae.JSON())
	}
	if g := gan.GAN; g.CriticSteps != 5 || g.Penalty != 10 || g.Rate != 1e-4 || g.Beta1 != 0 || g.Beta2 != 0.9 || g.Latent != 100 || g.Prior != "uniform" {
		t.Errorf("WGAN on nodules: %s", gan.JSON())
	}
	if q := gan.Search; q.Steps != 100 || q.Lambda != 0.5 || q.Momentum != 0.9 || q.Restarts != 1 {
		t.Errorf("search: %s", gan.JSON())
	}
	if steps := flat.GAN.Steps * flat.GAN.Batch; steps != 50*9216 {
		t.Errorf("DCGAN on MNIST sees %d images, want 50 epochs of 9216", steps)
	}
	for _, bad := range [][2]string{{"lungs", VAE}, {MNIST, "gan"}} {
		if _, err := Defaults(bad[0], bad[1], false); !errors.Is(err, ErrSettings) {
			t.Errorf("%v: error %v", bad, err)
		}
	}
}

func TestReadSettings(t *testing.T) {
	base, err := Defaults(Nodules, VAE, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"YAML": "seeds: 3\nvae:\n  latent: 16\n", "JSON": `{"seeds": 3, "vae": {"latent": 16}}`} {
		s, err := ReadSettings(strings.NewReader(text), base)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Seeds != 3 || s.VAE.Latent != 16 || s.VAE.Epochs != base.VAE.Epochs || s.Folds != 5 {
			t.Errorf("%s: %s", name, s.JSON())
		}
	}
	if base.VAE.Latent != 64 {
		t.Error("reading changed the defaults")
	}
	for text, want := range map[string]string{
		"sedes: 3":                         "sedes",
		"vae: {epoch: 3}":                  "epoch",
		"gan: {steps: 3}":                  "section",
		"folds: 1":                         "folds",
		"training: 9":                      "settings of mnist",
		"vae: {samples: 3}":                "samples",
		"vae: {rate: 0}":                   "rate",
		"seeds: many":                      "seeds",
		"{":                                "",
		"[1]":                              "",
		strings.Repeat("#", maxSettings+1): "bytes",
	} {
		if _, err := ReadSettings(strings.NewReader(text), base); !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: error %v, want %q", text, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(path, []byte("sedes: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSettings(path, base); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name the file", err)
	}
	if _, err := LoadSettings(path+"x", base); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: error %v", err)
	}
}

func FuzzReadSettings(f *testing.F) {
	base, err := Defaults(MNIST, WGAN, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(base.JSON()))
	f.Add("gan: {steps: 3}\nsearch: {lambda: .nan}")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadSettings(strings.NewReader(text), base)
		if err == nil && s.Validate() != nil {
			t.Errorf("%q was taken and makes no sense", text)
		}
	})
}
