package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// twoKinds are small or large discs, with a support that leaves a border out.
type twoKinds struct{ blobs }

func (k twoKinds) Patch(i int, rng *rand.Rand, x, support []float32) {
	radius := 3 + 4*float64(i%2)
	for p := range x {
		d := math.Hypot(float64(p%28)-14, float64(p/28)-14)
		x[p] = float32(0.9 / (1 + math.Exp(d-radius)))
		support[p] = 1
		if p%28 < 3 {
			x[p], support[p] = 0, 0
		}
	}
}

func ganRun(dir string) GANRun {
	return GANRun{GAN: GAN{Dims: 2, Latent: 4}, Train: twoKinds{blobs{20}}, Dir: dir,
		Settings: GANSettings{Steps: 7, Batch: 4, CriticSteps: 2, Average: 0.5, Seed: 3}, Header: Header{Preprocessing: "p", DataDigest: "d"}}
}

func dcganRun(dir string) GANRun {
	r := ganRun(dir)
	r.GAN.Norm = true
	r.Settings = GANSettings{Loss: DCGAN, Steps: 7, Batch: 4, Seed: 3}
	return r
}

func TestWGANLearns(t *testing.T) {
	r := ganRun("")
	r.Settings = GANSettings{Steps: 90, Batch: 8, CriticSteps: 2, Rate: 5e-4, Seed: 3}
	steps := 0
	r.Progress = func(p GANProgress) {
		if steps++; p.Step != steps || p.Steps != 90 {
			t.Errorf("progress tells step %d of %d in step %d", p.Step, p.Steps, steps)
		}
	}
	got, err := TrainGAN(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	mean := func(h []GANPoint) (w float64) {
		for _, p := range h {
			w += p.Wasserstein / float64(len(h))
		}
		return w
	}
	// The critic needs some steps before it measures anything.
	if early, late := mean(got.History[5:20]), mean(got.History[75:]); !(late < 0.5*early) {
		t.Errorf("the Wasserstein estimate went from %g to %g", early, late)
	}
	if d := brightnessGap(t, got, r.Train); !(math.Abs(d) < 0.05) {
		t.Errorf("samples are brighter than the data by %g", d)
	}
}

// brightnessGap is the mean of 32 samples less that of the data, within the
// support.
func brightnessGap(t *testing.T, g *TrainedGAN, data Samples) float64 {
	t.Helper()
	gen, err := NewGenerator(g, run("").Compute)
	if err != nil {
		t.Fatal(err)
	}
	x, support := make([]float32, g.GAN.Voxels()), make([]float32, g.GAN.Voxels())
	var gap, n float64
	for i, s := range gen.Sample(seedsOf(32)) {
		data.Patch(i%data.Len(), rand.New(rand.NewPCG(1, 1)), x, support)
		for j, c := range support {
			gap += float64(c * (s[j] - x[j]))
			n += float64(c)
		}
	}
	return gap / n
}

func seedsOf(n int) [][32]byte {
	s := make([][32]byte, n)
	for i := range s {
		s[i] = [32]byte{byte(i), 1}
	}
	return s
}

func TestDCGANLearnsTheBrightness(t *testing.T) {
	r := dcganRun("")
	r.Settings.Steps, r.Settings.Batch = 80, 16
	got, err := TrainGAN(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	// It starts at the mean of the data; noise of the first steps drives it off.
	if d := brightnessGap(t, got, r.Train); !(math.Abs(d) < 0.08) {
		t.Errorf("samples are brighter than the data by %g", d)
	}
	if len(got.Statistics) != 10 || len(got.History) != 80 {
		t.Errorf("%d tensors of statistics, %d points of history", len(got.Statistics), len(got.History))
	}
}

// A state is written once its time has passed, and none with every step.
func TestGANStatesByTime(t *testing.T) {
	for every, want := range map[time.Duration]bool{0: false, time.Nanosecond: true} {
		r := ganRun(t.TempDir())
		r.SaveEvery = every
		r.Progress = func(p GANProgress) {
			if _, err := os.Stat(filepath.Join(r.Dir, ganStateFile)); p.Step > 1 && (err == nil) != want {
				t.Errorf("every %v, in step %d: %v", every, p.Step, err)
			}
		}
		if _, err := TrainGAN(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(r.Dir, ganStateFile)); err != nil {
			t.Errorf("every %v, at the end: %v", every, err)
		}
	}
}

// TestInterruptedGANEndsTheSame stops runs at several steps and resumes them.
func TestInterruptedGANEndsTheSame(t *testing.T) {
	for name, start := range map[string]func(dir string) GANRun{"wgan-gp": ganRun, "dcgan": dcganRun} {
		whole, err := TrainGAN(context.Background(), start(""))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, stop := range []int{1, 3, 5} {
			ctx, cancel := context.WithCancel(context.Background())
			r := start(dir)
			r.Progress = func(p GANProgress) {
				if p.Step == stop {
					cancel()
				}
			}
			if _, err := TrainGAN(ctx, r); !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: cancelled run: %v", name, err)
			}
		}
		r := start(dir)
		first := 0
		r.Progress = func(p GANProgress) {
			if first == 0 {
				first = p.Step
			}
		}
		again, err := TrainGAN(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if first != 6 {
			t.Errorf("%s: resumed at step %d, want 6", name, first)
		}
		sameGAN(t, name+" resumed", whole, again)
		done, err := TrainGAN(context.Background(), start(dir)) // nothing is left to do
		if err != nil {
			t.Fatal(err)
		}
		sameGAN(t, name+" finished", whole, done)
	}
}

func sameGAN(t *testing.T, name string, want, got *TrainedGAN) {
	t.Helper()
	if d := cmp.Diff(want.Params().Digest(), got.Params().Digest()); d != "" {
		t.Errorf("%s: weights differ (-whole +resumed):\n%s", name, d)
	}
	if d := cmp.Diff(want.Header, got.Header); d != "" {
		t.Errorf("%s: headers differ (-whole +resumed):\n%s", name, d)
	}
	if d := cmp.Diff(want.History, got.History); d != "" {
		t.Errorf("%s: histories differ (-whole +resumed):\n%s", name, d)
	}
}

// TestGANDoesNotDependOnWorkers trains with one and with three.
func TestGANDoesNotDependOnWorkers(t *testing.T) {
	r := ganRun("")
	r.Settings.Steps = 2
	r.Compute = workers(t, 1)
	one, err := TrainGAN(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Compute = workers(t, 3)
	three, err := TrainGAN(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	sameGAN(t, "three workers", one, three)
}

func TestGANResumeRefusesAnotherRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := TrainGAN(context.Background(), ganRun(dir)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*GANRun){
		"seed":    func(r *GANRun) { r.Settings.Seed++ },
		"prior":   func(r *GANRun) { r.Settings.Prior = NormalPrior },
		"average": func(r *GANRun) { r.Settings.Average = 0 },
		"data":    func(r *GANRun) { r.Header.DataDigest = "other" },
		"samples": func(r *GANRun) { r.Train = twoKinds{blobs{19}} },
		"latent":  func(r *GANRun) { r.GAN.Latent++ },
		"dcgan":   func(r *GANRun) { *r = dcganRun(r.Dir) },
	} {
		r := ganRun(dir)
		change(&r)
		if _, err := TrainGAN(context.Background(), r); err == nil || !strings.Contains(err.Error(), "another run") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := ganRun(dir)
	r.Settings.Steps = 6
	if _, err := TrainGAN(context.Background(), r); err == nil || !strings.Contains(err.Error(), "after 7 steps") {
		t.Errorf("fewer steps than done: %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, ganStateFile), 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := TrainGAN(context.Background(), ganRun(dir)); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("cut state: %v", err)
	}
}

func TestGANTrainingRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*GANRun)
		want   string
	}{
		"empty":       {func(r *GANRun) { r.Train = blobs{0} }, "empty"},
		"none":        {func(r *GANRun) { r.Train = nil }, "empty"},
		"NaN":         {func(r *GANRun) { r.Train = nan{blobs{8}} }, "sample 3"},
		"no support":  {func(r *GANRun) { r.Train = hollow{blobs{8}} }, "no voxel that counts"},
		"rate":        {func(r *GANRun) { r.Settings.Rate = math.NaN() }, "learning rate"},
		"batch":       {func(r *GANRun) { r.Settings.Batch = -1 }, "batch"},
		"steps":       {func(r *GANRun) { r.Settings.Steps = -1 }, "steps"},
		"critic":      {func(r *GANRun) { r.Settings.CriticSteps = -1 }, "critic"},
		"beta":        {func(r *GANRun) { r.Settings.Beta1 = 1 }, "betas"},
		"average":     {func(r *GANRun) { r.Settings.Average = 1 }, "average"},
		"penalty":     {func(r *GANRun) { r.Settings.Penalty = math.Inf(1) }, "penalty"},
		"loss":        {func(r *GANRun) { r.Settings.Loss = "lsgan" }, "lsgan"},
		"prior":       {func(r *GANRun) { r.Settings.Prior = "gamma" }, "gamma"},
		"dimensions":  {func(r *GANRun) { r.GAN.Dims = 4 }, "dimensions"},
		"normed wgan": {func(r *GANRun) { r.GAN.Norm = true }, "batch normalisation"},
	} {
		r := ganRun("")
		c.change(&r)
		if _, err := TrainGAN(context.Background(), r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestLossThatIsNotFinite ends a training, whichever network has run away.
func TestLossThatIsNotFinite(t *testing.T) {
	for _, pick := range []func(*ganTrainer) Params{
		func(tr *ganTrainer) Params { return tr.critic }, func(tr *ganTrainer) Params { return tr.generator },
	} {
		r := ganRun("")
		r.Settings = r.Settings.inUse(r.GAN)
		tr, err := newGANTrainer(r)
		if err != nil {
			t.Fatal(err)
		}
		pick(tr)[0].Data[0] = float32(math.Inf(1))
		if err := tr.step(); err == nil || !strings.Contains(err.Error(), "lower the learning rate") {
			t.Errorf("infinite weight: %v", err)
		}
	}
}

// hollow is a set in which no voxel counts.
type hollow struct{ blobs }

func (h hollow) Patch(_ int, _ *rand.Rand, _, support []float32) { clear(support) }

// TestNoLabelReachesATrainer: the interface that data comes through has none.
func TestNoLabelReachesATrainer(t *testing.T) {
	s := reflect.TypeFor[Samples]()
	var methods []string
	for i := range s.NumMethod() {
		methods = append(methods, fmt.Sprint(s.Method(i).Name, s.Method(i).Type))
	}
	want := []string{"Lenfunc() int", "Patchfunc(int, *rand.Rand, []float32, []float32)"}
	if d := cmp.Diff(want, methods); d != "" {
		t.Errorf("what a trainer sees of its data (-wanted +is):\n%s", d)
	}
}
