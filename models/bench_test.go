package models

import (
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
	t, err := newTrainer(Run{VAE: v, Train: noiseSamples{32, v.Voxels()}, Settings: Settings{}.withDefaults()})
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
