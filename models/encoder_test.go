package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorgonia.org/gorgonia"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/models/op"
)

// encodedGAN is a GAN with an encoder with random weights.
func encodedGAN(n GAN, prior string) *TrainedGAN {
	g := randomGAN(n, prior)
	g.Encoder, g.Header.Encoder = n.NewEncoder(rand.New(rand.NewPCG(4, 4))), true
	return g
}

// TestEncoderGradients holds latents, loss and every gradient of the encoder
// against the plain operators in float64, which takes long in three dimensions.
func TestEncoderGradients(t *testing.T) {
	for _, n := range []GAN{{Dims: 2, Latent: 5}, {Dims: 3, Latent: 3}} {
		for _, lambda := range []float64{0, 0.5}[n.Dims-2:] { // the second loss holds the first
			g := encodedGAN(n, UniformPrior)
			rng := rand.New(rand.NewPCG(2, 2))
			inputs := map[string][]float32{"x": noise(rng, n.Voxels()), "support": noise(rng, n.Voxels())}
			for i, s := range inputs["support"] {
				inputs["support"][i] = float32(math.Round(float64(s)))
			}
			if lambda > 0 {
				inputs["other"] = noise(rng, n.Voxels())
			}
			shape := n.images(1)
			got, want := both(t, func(h *Graph) gorgonia.Nodes {
				x := h.Input("x", shape...)
				features, _ := n.Critic(h, x)
				if lambda > 0 { // of another patch: where both are equal the slope has no value
					features, _ = n.Critic(h, h.Input("other", shape...))
				}
				loss := n.EncoderLoss(h, x, h.Input("support", shape...), features, UniformPrior, lambda)
				checktest.Must(t, h.Err)
				grads, err := op.Grad(loss, h.Params(g.Encoder)...)
				checktest.Must(t, err)
				return append(gorgonia.Nodes{loss, n.Encode(h, x, UniformPrior), n.Encode(h, x, NormalPrior)}, grads...)
			}, n, g.Params(), inputs)
			close64(t, fmt.Sprintf("%dD, lambda %g", n.Dims, lambda), got, want, 1e-4)
		}
	}
}

// TestTrainEncoder: it maps patches better than at the start, leaves generator
// and critic alone, gives the same weights for the same seed, and goes on from an
// encoder that there is.
func TestTrainEncoder(t *testing.T) {
	g := randomGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
	before := g.Params().Digest()
	var first, last float64
	run := EncoderRun{GAN: g, Train: blobs{5}, Valid: blobs{3}, Settings: EncoderSettings{Steps: 120, Batch: 4, Rate: 2e-3, Seed: 3},
		Header: Header{DataDigest: "sha256:d", Attribution: "A"},
		Progress: func(p EncoderProgress) {
			if p.Step == 1 {
				first = p.Loss
			}
			last = p.Loss
		}}
	got, err := TrainEncoder(context.Background(), run)
	checktest.Must(t, err)
	if !(last < 0.8*first) {
		t.Errorf("the loss went from %g to %g", first, last)
	}
	if h := got.Header; g.Params().Digest() != before || h.Parent != before || !h.Encoder || h.DataDigest != "sha256:d" || h.Attribution != "A" || !(h.Metrics["encoder_valid_loss"] > 0) || h.EncoderTraining == nil {
		t.Errorf("header %+v", h)
	}
	again, err := TrainEncoder(context.Background(), run)
	checktest.Must(t, err)
	if d := cmp.Diff(got.Encoder, again.Encoder); d != "" {
		t.Error("the same seed gave other weights")
	}
	start := first
	run.GAN, run.Settings.Steps = got, 1
	if _, err := TrainEncoder(context.Background(), run); err != nil || !(last < 0.9*start) {
		t.Errorf("going on: loss %g, the start of the first training had %g (%v)", last, start, err)
	}
	path := filepath.Join(t.TempDir(), "g.safetensors")
	checktest.Must(t, got.Save(path))
	read, err := LoadGAN(path)
	checktest.Must(t, err)
	if d := cmp.Diff(got.Params(), read.Params()); d != "" || len(read.Encoder) == 0 {
		t.Error("the file holds other weights")
	}
	read.Header.Encoder = false
	if _, err := GANOf(read.Header, read.Params()); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("an encoder that the header does not tell of: %v", err)
	}
}

func TestTrainEncoderRefuses(t *testing.T) {
	g := randomGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
	for name, r := range map[string]EncoderRun{
		"nothing to learn from": {GAN: g},
		"steps":                 {GAN: g, Train: blobs{3}, Settings: EncoderSettings{Steps: -1}},
		"lambda":                {GAN: g, Train: blobs{3}, Settings: EncoderSettings{Lambda: 2}},
		"rate":                  {GAN: g, Train: blobs{3}, Settings: EncoderSettings{Rate: 2}},
	} {
		if _, err := TrainEncoder(context.Background(), r); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := TrainEncoder(ctx, EncoderRun{GAN: g, Train: blobs{3}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := NewSearcher(g, SearchSettings{Encoder: true}, compute.Options{}); err == nil {
		t.Error("a search from an encoder that there is not")
	}
	for _, s := range []SearchSettings{{Optimiser: "newton"}, {Stop: 1}, {Stop: math.NaN()}} {
		if _, err := NewSearcher(g, s, compute.Options{}); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}

// shortest is the search that detectors with an encoder do.
var shortest = SearchSettings{Encoder: true, Optimiser: AdamSearch, Steps: 12, Rate: 0.1, Stop: 0.008, Batch: 6}

// TestSearchFromTheEncoder starts where the encoder maps a patch, ends with the
// lowest loss on its way, stops where it no longer pays, and depends on nothing
// beside its patch.
func TestSearchFromTheEncoder(t *testing.T) {
	for _, lambda := range []float64{Off, 0.5} {
		g := encodedGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
		x, support, seeds := queries(g.GAN, 5)
		gen, err := NewGenerator(g, compute.Options{})
		checktest.Must(t, err)
		copy(x[1:4], gen.Sample(seedsOf(3))) // which can be found, unlike noise
		set := shortest
		set.Lambda = lambda
		s := searcherOf(t, g, set, compute.Options{})
		all, err := s.Search(context.Background(), x, support, seeds)
		checktest.Must(t, err)
		lengths := map[int]bool{}
		for i, f := range all {
			one, err := s.Search(context.Background(), x[i:i+1], support[i:i+1], [][32]byte{{200}}) // no seed matters
			checktest.Must(t, err)
			if d := cmp.Diff(f, one[0]); d != "" {
				t.Errorf("patch %d (-among others +alone):\n%.400s", i, d)
			}
			c := f.Curve.Loss
			lengths[len(c)] = true
			if f.Loss != f.Best || float64(c[f.BestStep]) != f.Loss || f.Loss > float64(c[0]) {
				t.Errorf("patch %d: loss %g, lowest %g at %d of %v", i, f.Loss, f.Best, f.BestStep, c)
			}
			if d := cmp.Diff(gen.Images([][]float32{f.Z})[0], f.Image); d != "" {
				t.Errorf("patch %d: the image is not that of its z", i)
			}
			waits, lowest := 0, float32(noLoss)
			for k, loss := range c {
				if waits++; float64(loss) < (1-set.Stop)*float64(lowest) {
					waits = 0
				}
				lowest = min(lowest, loss)
				if done := waits == patience || k == set.Steps; done != (k == len(c)-1) {
					t.Errorf("patch %d: %d entries of %v, done after %d: %t", i, len(c), c, k, done)
				}
			}
		}
		if len(lengths) < 2 {
			t.Errorf("all searches take %v rounds: the case is too simple", lengths)
		}
	}
}

// TestSearchByAdam lowers the loss as descent with momentum does, in fewer steps.
func TestSearchByAdam(t *testing.T) {
	g := randomGAN(GAN{Dims: 2, Latent: 6}, NormalPrior)
	gen, err := NewGenerator(g, compute.Options{})
	checktest.Must(t, err)
	images := gen.Sample(seedsOf(2))
	_, supports, _ := queries(g.GAN, 2)
	found, err := searcherOf(t, g, SearchSettings{Steps: 60, Rate: 0.1, Optimiser: AdamSearch}, compute.Options{}).
		Search(context.Background(), images, supports, [][32]byte{{100}, {101}})
	checktest.Must(t, err)
	for i, f := range found {
		if c := f.Curve.Loss; len(c) != 61 || !(f.Loss < 0.3*float64(c[0])) || f.Loss != float64(c[60]) {
			t.Errorf("patch %d: the loss went from %g to %g", i, c[0], f.Loss)
		}
	}
}

// TestSearchFromTheEncoderOnDevice follows that of the processor.
func TestSearchFromTheEncoderOnDevice(t *testing.T) {
	b := deviceFor(t, gpu.Options{})
	g := encodedGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
	x, support, seeds := queries(g.GAN, 5)
	want, err := searcherOf(t, g, shortest, compute.Options{}).Search(context.Background(), x, support, seeds)
	checktest.Must(t, err)
	s := searcherOf(t, g, shortest, compute.Options{Backends: cpu.List(b)})
	got, err := s.Search(context.Background(), x, support, seeds)
	checktest.Must(t, err)
	if !s.full.onDevice() {
		t.Fatal("the device does not search")
	}
	for i, f := range got {
		if w := want[i]; math.Abs(f.Loss/w.Loss-1) > 1e-3 || len(f.Curve.Loss) != len(w.Curve.Loss) || math.Abs(float64(f.Z[0]-w.Z[0])) > 1e-2 {
			t.Errorf("patch %d: loss %g after %d rounds, on the processor %g after %d", i, f.Loss, len(f.Curve.Loss), w.Loss, len(w.Curve.Loss))
		}
	}
}
