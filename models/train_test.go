package models

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// blobs are pictures of a disc at a place that the index decides, shifted at
// random.
type blobs struct{ n int }

func (b blobs) Len() int { return b.n }

func (b blobs) Patch(i int, rng *rand.Rand, x, support []float32) {
	cx, cy := 9+float64(i%5)*2+rng.Float64(), 9+float64(i/5%5)*2+rng.Float64()
	for p := range x {
		d := math.Hypot(float64(p%28)-cx, float64(p/28)-cy)
		x[p] = float32(1 / (1 + math.Exp(d-5)))
		support[p] = 1
	}
}

func run(dir string) Run {
	return Run{VAE: VAE{Dims: 2, Latent: 4}, Train: blobs{20}, Valid: blobs{6}, Dir: dir,
		Settings: Settings{Epochs: 4, Batch: 8, Rate: 1e-3, Seed: 3}, Header: Header{Preprocessing: "p", DataDigest: "d"}}
}

func TestTrainingLearns(t *testing.T) {
	r := run("")
	r.Settings.Epochs = 30
	var first, last float64
	r.Progress = func(p Progress) {
		if p.Epoch == 1 && p.Step == 1 {
			first = p.Valid
		}
		last = p.Best
	}
	got, err := TrainVAE(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !(last < 0.6*first) {
		t.Errorf("validation bound went from %g to %g", first, last)
	}
	if got.Header.Metrics["valid_negative_bound"] > last {
		t.Errorf("the kept weights have the bound %g, the best was %g", got.Header.Metrics["valid_negative_bound"], last)
	}
}

// TestInterruptedRunEndsTheSame cancels a run in the middle of an epoch and
// resumes it.
func TestInterruptedRunEndsTheSame(t *testing.T) {
	interrupt(t, run)
	interrupt(t, func(dir string) Run {
		r := run(dir)
		r.VAE.LearnedSigma = true
		return r
	})
}

func interrupt(t *testing.T, run func(dir string) Run) {
	t.Helper()
	whole, err := TrainVAE(context.Background(), run(""))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for stop := 1; stop <= 3; stop++ {
		cancelled(t, func(ctx context.Context, cancel func()) error {
			r := run(dir)
			r.Progress = func(p Progress) {
				if p.Epoch == stop && p.Step == 2 {
					cancel()
				}
			}
			_, err := TrainVAE(ctx, r)
			return err
		})
	}
	again, err := TrainVAE(context.Background(), run(dir))
	checktest.Must(t, err)
	resumed(t, again.Params, whole.Params, again.Header, whole.Header)
}

// cancelled starts a training that calls cancel, and wants the context's error
// of it.
func cancelled(t *testing.T, train func(ctx context.Context, cancel func()) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := train(ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled run: %v", err)
	}
}

// resumed holds what a resumed training came to against one in one go.
func resumed(t *testing.T, got, want Params, header, wantHeader Header) {
	t.Helper()
	if d := cmp.Diff(want.Digest(), got.Digest()); d != "" {
		t.Errorf("weights differ (-whole +resumed):\n%s", d)
	}
	if d := cmp.Diff(wantHeader, header); d != "" {
		t.Errorf("headers differ (-whole +resumed):\n%s", d)
	}
}

func TestResumeRefusesAnotherRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := TrainVAE(context.Background(), run(dir)); err != nil {
		t.Fatal(err)
	}
	r := run(dir)
	r.Settings.Seed++
	if _, err := TrainVAE(context.Background(), r); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("other seed: %v", err)
	}
	r = run(dir)
	r.Header.DataDigest = "other"
	if _, err := TrainVAE(context.Background(), r); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("other data: %v", err)
	}
	path := filepath.Join(dir, stateFile)
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := TrainVAE(context.Background(), run(dir)); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("cut state: %v", err)
	}
}

// nan is a set with a value that is no number, in sample 3.
type nan struct{ blobs }

func (n nan) Patch(i int, rng *rand.Rand, x, support []float32) {
	n.blobs.Patch(i, rng, x, support)
	if i == 3 {
		x[5] = float32(math.NaN())
	}
}

func TestTrainingRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Run)
		want   string
	}{
		"empty":      {func(r *Run) { r.Train = blobs{0} }, "empty"},
		"NaN":        {func(r *Run) { r.Train = nan{blobs{8}} }, "voxel 5 of sample 3"},
		"NaN, valid": {func(r *Run) { r.Valid = nan{blobs{8}} }, "validation set: models: a sample cannot be learned from: voxel 5 of sample 3"},
		"no support": {func(r *Run) { r.Train = hollow{blobs{8}} }, "no voxel that counts"},
		"rate":       {func(r *Run) { r.Settings.Rate = math.NaN() }, "learning rate"},
		"batch":      {func(r *Run) { r.Settings.Batch = -1 }, "batch"},
		"dimensions": {func(r *Run) { r.VAE.Dims = 4 }, "dimensions"},
	} {
		r := run("")
		c.change(&r)
		if _, err := TrainVAE(context.Background(), r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestScoreIsReproducible(t *testing.T) {
	v := VAE{Dims: 2, Latent: 4}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 1)))
	x, support := make([]float32, v.Voxels()), make([]float32, v.Voxels())
	blobs{1}.Patch(0, rand.New(rand.NewPCG(1, 1)), x, support)
	var scores []PatchBound
	for range 2 {
		s := newScorer(t, v, ps, 10, run("").Compute)
		s.Score(support, support, [32]byte{9}) // another patch before
		scores = append(scores, s.Score(x, support, [32]byte{1}))
	}
	if d := cmp.Diff(scores[0], scores[1]); d != "" {
		t.Errorf("two scorers differ:\n%s", d)
	}
	if !(scores[0].Recon > 0) || !(scores[0].KL > 0) {
		t.Errorf("reconstruction %g, KL %g", scores[0].Recon, scores[0].KL)
	}
}

// TestOff: 0 takes the default, Off and Exactly(0) switch off.
func TestOff(t *testing.T) {
	if s := (Settings{}).inUse(); s.Clip != 100 || s.KLWeight != 1 {
		t.Errorf("defaults %+v", s)
	}
	if s := (Settings{Clip: Off, KLWeight: Exactly(0)}).inUse(); s.Clip != 0 || s.KLWeight != 0 || s.Validate() != nil {
		t.Errorf("switched off %+v", s)
	}
	if err := (Settings{KLWeight: -0.5}).inUse().Validate(); err == nil {
		t.Error("a negative weight is taken")
	}
	g := GANSettings{Loss: DCGAN, Beta1: Exactly(0), Beta2: Exactly(0.9)}.inUse(GAN{Dims: 2})
	if g.Beta1 != 0 || g.Beta2 != 0.9 {
		t.Errorf("betas %g and %g", g.Beta1, g.Beta2)
	}
	if g := (GANSettings{Penalty: Exactly(0)}).inUse(GAN{Dims: 2}); g.Penalty != 0 {
		t.Errorf("a penalty of %g", g.Penalty)
	}
	if s, err := (SearchSettings{Momentum: Off, Lambda: Off}).InUse(GAN{Dims: 2}); err != nil || s.Momentum != 0 || s.Lambda != 0 {
		t.Errorf("search %+v: %v", s, err)
	}
	if _, err := (SearchSettings{Momentum: -0.5}).InUse(GAN{Dims: 2}); err == nil {
		t.Error("a negative momentum is taken")
	}
}
