package models

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
)

// noiseSamples are patches of noise with a full support.
type noiseSamples struct{ n, voxels int }

func (s noiseSamples) Len() int { return s.n }

func (s noiseSamples) Patch(_ int, rng *rand.Rand, x, support []float32) {
	for i := range x {
		x[i], support[i] = rng.Float32(), 1
	}
}

func BenchmarkVAE3DTrainStep32(b *testing.B) {
	v := ReferenceVAE
	t, err := newTrainer(Run{VAE: v, Train: noiseSamples{32, v.Voxels()}, Settings: Settings{}.inUse()})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 32 {
		if err := t.load(t.plan, t.Train, i, i, t.rng(drawPatch, 0, i), t.rng(drawNoise, 0, i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		t.plan.Run()
	}
}

func BenchmarkVAE3DScore(b *testing.B) {
	v := ReferenceVAE
	s, err := NewScorer(v, v.NewParams(rand.New(rand.NewPCG(1, 1))), 10, compute.Options{})
	if err != nil {
		b.Fatal(err)
	}
	x := make([]float32, v.Voxels())
	for b.Loop() {
		s.Score(x, x, [32]byte{})
	}
}

// ganTrainerOn is a trainer on noise.
func ganTrainerOn(b *testing.B, n GAN, s GANSettings) *ganTrainer {
	b.Helper()
	t, err := newGANTrainer(GANRun{GAN: n, Train: noiseSamples{16, n.Voxels()}, Settings: s.inUse(n)})
	if err != nil {
		b.Fatal(err)
	}
	if err := t.loadCritic(0); err != nil {
		b.Fatal(err)
	}
	return t
}

func benchmarkGAN(b *testing.B, f func(b *testing.B, n GAN, s GANSettings)) {
	for _, dims := range []int{2, 3} {
		for _, loss := range []string{WGANGP, DCGAN} {
			b.Run(fmt.Sprintf("%s-%dD", loss, dims), func(b *testing.B) {
				f(b, GAN{Dims: dims, Latent: 100, Norm: loss == DCGAN}, GANSettings{Loss: loss})
			})
		}
	}
}

func BenchmarkCriticStep(b *testing.B) {
	benchmarkGAN(b, func(b *testing.B, n GAN, s GANSettings) {
		t := ganTrainerOn(b, n, s)
		for b.Loop() {
			t.planC.Run()
		}
	})
}

func BenchmarkGeneratorStep(b *testing.B) {
	benchmarkGAN(b, func(b *testing.B, n GAN, s GANSettings) {
		t := ganTrainerOn(b, n, s)
		for b.Loop() {
			t.planG.Run()
		}
	})
}

func BenchmarkSearchStep16(b *testing.B) {
	for _, dims := range []int{2, 3} {
		b.Run(fmt.Sprintf("%dD", dims), func(b *testing.B) {
			s := searcherOn(b, GAN{Dims: dims, Latent: 100}, SearchSettings{Steps: 1})
			p, err := s.plan(16)
			if err != nil {
				b.Fatal(err)
			}
			p.clear()
			for b.Loop() {
				p.plan.Run()
			}
		})
	}
}
