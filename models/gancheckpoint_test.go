package models

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

func TestGANCheckpointRoundTrip(t *testing.T) {
	for name, r := range map[string]GANRun{"wgan-gp": ganRun(""), "dcgan": dcganRun("")} {
		r.Settings.Steps = 1
		want, err := TrainGAN(context.Background(), r)
		checktest.Must(t, err)
		path := filepath.Join(t.TempDir(), "g.safetensors")
		checktest.Must(t, want.Save(path))
		got, err := LoadGAN(path)
		checktest.Must(t, err)
		want.Header.Format, want.Header.Digest = 1, want.Params().Digest()
		sameGAN(t, name, &TrainedGAN{Generator: want.Generator, Critic: want.Critic, Statistics: want.Statistics, Header: want.Header}, got)
		if got.GAN != r.GAN || got.Header.Loss != name || len(got.Statistics) != len(want.Statistics) {
			t.Errorf("%s: %+v with %d statistics", name, got.Header, len(got.Statistics))
		}
	}
}

func TestGANOfRefuses(t *testing.T) {
	good := randomGAN(GAN{Dims: 2, Latent: 3}, UniformPrior)
	for name, change := range map[string]func(h *Header, ps *Params){
		"kind":    func(h *Header, _ *Params) { h.Kind = "vae" },
		"prior":   func(h *Header, _ *Params) { h.Prior = "" },
		"dims":    func(h *Header, _ *Params) { h.Dims = 7 },
		"latent":  func(h *Header, _ *Params) { h.Latent = -1 },
		"missing": func(_ *Header, ps *Params) { *ps = (*ps)[1:] },
		"no norm": func(h *Header, _ *Params) { h.Norm = true },
	} {
		h, ps := good.Header, good.Params()
		change(&h, &ps)
		if _, err := GANOf(h, ps); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := GANOf(good.Header, good.Params()); err != nil {
		t.Error(err)
	}
}

// TestOldHeadersStillRead: what a header gained since is left out where it is
// not used, so that files of before are the same bytes.
func TestOldHeadersStillRead(t *testing.T) {
	h, ps := small(t)
	if d := cmp.Diff(VAE{Dims: 2, Latent: 2}, h.VAE()); d != "" {
		t.Error(d)
	}
	b, err := Encode(h, ps)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"learned_sigma", "norm", "loss", "prior"} {
		if bytes.Contains(b, []byte(`\"`+key+`\"`)) {
			t.Errorf("the header of a plain VAE names %s", key)
		}
	}
	if !bytes.Contains(b, []byte(`\"latent\"`)) {
		t.Error("the header was not looked at")
	}
}

func FuzzGANOf(f *testing.F) {
	gan := randomGAN(GAN{Dims: 2, Latent: 1}, UniformPrior)
	good, err := Encode(gan.Header, gan.Params())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[:3000])
	f.Add([]byte{})
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ps, err := Decode(b)
		if err != nil {
			return
		}
		if g, err := GANOf(h, ps); err == nil && g.GAN.check(g.Generator, g.Critic) != nil {
			t.Error("weights of another network were accepted")
		}
	})
}
