package models

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
)

// deviceFor opens the first device, whatever it is, or skips.
func deviceFor(t *testing.T, o gpu.Options) *gpu.Backend {
	t.Helper()
	all, missing := gpu.Devices()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	b, err := gpu.Open(all[0], o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// TestScoreOnDevice holds scores of a device against the processor's, and a
// patch alone against the same patch among others to the bit.
func TestScoreOnDevice(t *testing.T) {
	b := deviceFor(t, gpu.Options{})
	eachVAE(19, 3, func(v VAE, ps Params, x, support [][]float32, seeds [][32]byte) {
		here := newScorer(t, v, ps, 3, compute.Options{})
		there := newScorer(t, v, ps, 3, compute.Options{Backends: cpu.List(b)})
		want := scoreAll(t, here, x, support, seeds)
		got := scoreAll(t, there, x, support, seeds)
		if !there.OnDevice(1) || !there.OnDevice(len(x)) {
			t.Fatal("the device does not score")
		}
		for i := range got {
			if d := cmp.Diff(there.Score(x[i], support[i], seeds[i]), got[i]); d != "" {
				t.Fatalf("%+v: patch %d (-alone +among others):\n%.400s", v, i, d)
			}
			for what, pair := range map[string][2]float64{"recon": {got[i].Recon, want[i].Recon}, "misfit": {got[i].Misfit, want[i].Misfit}, "KL": {got[i].KL, want[i].KL},
				"image": {float64(got[i].Mean[300]), float64(want[i].Mean[300])}, "posterior": {1 + float64(got[i].Posterior[2]), 1 + float64(want[i].Posterior[2])}} {
				if math.Abs(pair[0]-pair[1]) > 2e-6*math.Abs(pair[1]) {
					t.Errorf("%+v: patch %d: %s is %g, on the processor %g", v, i, what, pair[0], pair[1])
				}
			}
		}
	})
}

// TestSearchOnDevice follows searches of the processor for a few steps, after
// which rounding has not grown yet.
func TestSearchOnDevice(t *testing.T) {
	b := deviceFor(t, gpu.Options{})
	for _, prior := range []string{UniformPrior, NormalPrior} {
		g := randomGAN(GAN{Dims: 2, Latent: 6}, prior)
		x, support, seeds := queries(g.GAN, 6)
		settings := SearchSettings{Steps: 5, Batch: 5, Restarts: 2}
		want, err := searcherOf(t, g, settings, compute.Options{}).Search(context.Background(), x, support, seeds)
		if err != nil {
			t.Fatal(err)
		}
		s := searcherOf(t, g, settings, compute.Options{Backends: cpu.List(b)})
		steps := 0
		s.Progress = func(done, _ int) { steps = done }
		got, err := s.Search(context.Background(), x, support, seeds)
		if err != nil {
			t.Fatal(err)
		}
		if !s.full.onDevice() || steps != 2*6*5 {
			t.Fatalf("on the device %t, %d steps told", s.full.onDevice(), steps)
		}
		for i, f := range got {
			w := want[i]
			if math.Abs(f.Loss/w.Loss-1) > 1e-4 || math.Abs(f.CriticScore-w.CriticScore) > 1e-4 || len(f.Curve.Loss) != 6 || math.Abs(float64(f.Curve.Loss[0]/w.Curve.Loss[0])-1) > 1e-5 {
				t.Errorf("%s: patch %d: loss %g (%g at the start), on the processor %g (%g)", prior, i, f.Loss, f.Curve.Loss[0], w.Loss, w.Curve.Loss[0])
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := s.Search(ctx, x, support, seeds); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

// TestLittleMemoryOnDevice: batches become smaller before the processor has to
// do it, and scores stay what they are.
func TestLittleMemoryOnDevice(t *testing.T) {
	v := VAE{Dims: 2, Latent: 5}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 1)))
	x, support, seeds := queries(GAN{Dims: 2}, 16)
	var want []PatchBound
	for _, c := range []struct {
		mib  int64
		rows int
	}{{1 << 10, 16}, {10, 8}, {2, 0}} {
		b := deviceFor(t, gpu.Options{Memory: c.mib << 20})
		s := newScorer(t, v, ps, 10, compute.Options{Backends: cpu.List(b)})
		got := scoreAll(t, s, x, support, seeds)
		many := s.wholes[len(wholeRows)-1]
		switch {
		case c.rows > 0 && (many == nil || !many.onDevice() || many.rows > c.rows):
			t.Errorf("%d MiB: plan %+v", c.mib, many)
		case c.rows == 0 && s.OnDevice(16):
			t.Errorf("%d MiB suffice", c.mib)
		case !b.Alive():
			t.Errorf("%d MiB: the device was given up", c.mib)
		}
		if want == nil {
			want = got
		}
		for i := range got {
			if math.Abs(got[i].Recon/want[i].Recon-1) > 2e-6 {
				t.Errorf("%d MiB: patch %d has %g, want %g", c.mib, i, got[i].Recon, want[i].Recon)
			}
		}
	}
}

// TestTrainingOnDevice: training follows the processor's, whatever the host
// changes between steps.
func TestTrainingOnDevice(t *testing.T) {
	b := deviceFor(t, gpu.Options{})
	for _, learned := range []bool{false, true} {
		r := run("")
		r.VAE.LearnedSigma, r.Settings.Epochs = learned, 2
		want, err := TrainVAE(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		r.Compute.Backends, r.Dir = []compute.Backend{b}, t.TempDir()
		got, err := TrainVAE(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		sameWeights(t, got.Params, want.Params)
	}
	for _, start := range []func(dir string) GANRun{ganRun, dcganRun} {
		g := start("")
		g.Settings.Steps = 3
		want, err := TrainGAN(context.Background(), g)
		if err != nil {
			t.Fatal(err)
		}
		g.Compute.Backends, g.Dir, g.SaveEvery = []compute.Backend{b}, t.TempDir(), time.Nanosecond
		got, err := TrainGAN(context.Background(), g)
		if err != nil {
			t.Fatal(err)
		}
		sameWeights(t, append(got.Generator, got.Critic...), append(want.Generator, want.Critic...))
	}
	if !b.Alive() {
		t.Error(b.Err())
	}
}

// sameWeights bounds the mean squared difference relative to that of the
// weights.
func sameWeights(t *testing.T, got, want Params) {
	t.Helper()
	for i, p := range got {
		var d, s float64
		for j, v := range p.Data {
			e := float64(v) - float64(want[i].Data[j])
			d, s = d+e*e, s+float64(want[i].Data[j])*float64(want[i].Data[j])
		}
		if math.Sqrt(d) > 2e-2*math.Sqrt(s)+1e-6 {
			t.Errorf("%s differs by %g of %g", p.Name, math.Sqrt(d), math.Sqrt(s))
		}
	}
}
