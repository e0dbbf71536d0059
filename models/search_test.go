package models

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
)

// randomGAN has random weights that make images which differ from one another.
func randomGAN(n GAN, prior string) *TrainedGAN {
	generator, critic := n.NewParams(rand.New(rand.NewPCG(1, 1)))
	for _, p := range generator {
		if strings.HasSuffix(p.Name, ".weight") {
			for i := range p.Data {
				p.Data[i] *= 4
			}
		}
	}
	return &TrainedGAN{GAN: n, Generator: generator, Critic: critic,
		Header: Header{Kind: "gan", Dims: n.Dims, Latent: n.Latent, Loss: WGANGP, Prior: prior}}
}

func searcherOf(t testing.TB, g *TrainedGAN, s SearchSettings, o compute.Options) *Searcher {
	t.Helper()
	out, err := NewSearcher(g, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// searcherOn is a searcher of a network with random weights.
func searcherOn(t testing.TB, n GAN, s SearchSettings) *Searcher {
	return searcherOf(t, randomGAN(n, UniformPrior), s, compute.Options{})
}

// queries are patches with supports and seeds.
func queries(n GAN, count int) (patches, supports [][]float32, seeds [][32]byte) {
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range count {
		x, support := noise(rng, n.Voxels()), make([]float32, n.Voxels())
		for j := range support {
			if j%7 != i%7 {
				support[j] = 1
			}
		}
		patches, supports = append(patches, x), append(supports, support)
	}
	return patches, supports, seedsOf(count)
}

// workers are options for the processor with some workers.
func workers(t *testing.T, n int) compute.Options {
	t.Helper()
	b, err := cpu.New(cpu.Options{Threads: n})
	if err != nil {
		t.Fatal(err)
	}
	return compute.Options{Backends: []compute.Backend{b}}
}

// TestSearchDoesNotDependOnNeighbours: each patch alone, in other company, in
// batches of other sizes and with other numbers of workers has the same result
// to the bit.
func TestSearchDoesNotDependOnNeighbours(t *testing.T) {
	for _, g := range []*TrainedGAN{randomGAN(GAN{Dims: 2, Latent: 6}, UniformPrior), randomGAN(GAN{Dims: 3, Latent: 6}, NormalPrior)} {
		count, batch, large := 10, 5, 20
		if g.GAN.Dims == 3 {
			count, batch, large = 3, 2, 5
		}
		x, support, seeds := queries(g.GAN, count)
		s := SearchSettings{Steps: 2, Batch: batch}
		search := func(s SearchSettings, threads int, x, support [][]float32, seeds [][32]byte) []Found {
			f, err := searcherOf(t, g, s, workers(t, threads)).Search(context.Background(), x, support, seeds)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		want := search(s, 1, x, support, seeds)
		if d := cmp.Diff(want, search(s, 3, x, support, seeds)); d != "" {
			t.Errorf("%dD: three workers (-one +three):\n%.400s", g.GAN.Dims, d)
		}
		for i := range 2 { // through the plan for a few
			if d := cmp.Diff(want[i:i+1], search(s, 2, x[i:i+1], support[i:i+1], seeds[i:i+1])); d != "" {
				t.Errorf("%dD: patch %d alone (-all +alone):\n%.400s", g.GAN.Dims, i, d)
			}
		}
		s.Batch = large
		if d := cmp.Diff(want, search(s, 2, x, support, seeds)); d != "" {
			t.Errorf("%dD: one batch that is not full (-two +one):\n%.400s", g.GAN.Dims, d)
		}
	}
}

// TestSearchFindsWhatTheGeneratorMade starts elsewhere and ends close to a
// picture of the generator, and keeps count of the way.
func TestSearchFindsWhatTheGeneratorMade(t *testing.T) {
	g := randomGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
	gen, err := NewGenerator(g, compute.Options{})
	if err != nil {
		t.Fatal(err)
	}
	images := gen.Sample(seedsOf(3))
	_, supports, _ := queries(g.GAN, 3)
	starts := [][32]byte{{100}, {101}, {102}}
	s := searcherOf(t, g, SearchSettings{Steps: 150, Rate: 1e-3}, compute.Options{})
	var last, of int
	s.Progress = func(done, all int) { last, of = done, all }
	found, err := s.Search(context.Background(), images, supports, starts)
	if err != nil {
		t.Fatal(err)
	}
	if last != 450 || of != 450 {
		t.Errorf("progress ended at %d of %d, want 450", last, of)
	}
	for i, f := range found {
		if first := float64(f.Curve.Loss[0]); !(f.Loss < 0.2*first) {
			t.Errorf("patch %d: the loss went from %g to %g", i, first, f.Loss)
		}
		if len(f.Curve.Loss) != 151 || float64(f.Curve.Loss[150]) != f.Loss || float64(f.Curve.Loss[f.BestStep]) != f.Best || f.Best > f.Loss {
			t.Errorf("patch %d: the curve of %d values does not hold loss %g or best %g at %d", i, len(f.Curve.Loss), f.Loss, f.Best, f.BestStep)
		}
		var residual, n float64
		for j, c := range supports[i] {
			residual += float64(c) * math.Abs(float64(f.Image[j]-images[i][j]))
			n += float64(c)
		}
		if math.Abs(residual-f.Residual) > 1e-4*residual || math.Abs(f.PerVoxel-f.Residual/n) > 1e-9 {
			t.Errorf("patch %d: residual %g (%g per voxel), its image has %g over %g voxels", i, f.Residual, f.PerVoxel, residual, n)
		}
		if math.Abs(0.5*f.Residual+0.5*f.Feature-f.Loss) > 1e-3 {
			t.Errorf("patch %d: %g and %g do not add up to %g", i, f.Residual, f.Feature, f.Loss)
		}
		if d := cmp.Diff(gen.Images([][]float32{f.Z})[0], f.Image); d != "" {
			t.Errorf("patch %d: the image is not that of its z", i)
		}
	}
}

// TestSearchStaysWithinThePrior unless it is free, and goes on from the start
// by plain descent where there is no momentum.
func TestSearchStaysWithinThePrior(t *testing.T) {
	g := randomGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
	x, support, seeds := queries(g.GAN, 2)
	largest := func(s SearchSettings, prior string) float64 {
		g.Header.Prior = prior
		f, err := searcherOf(t, g, s, compute.Options{}).Search(context.Background(), x, support, seeds)
		if err != nil {
			t.Fatal(err)
		}
		top := 0.0
		for _, z := range f[0].Z {
			top = math.Max(top, math.Abs(float64(z)))
		}
		return top
	}
	far := SearchSettings{Steps: 10, Rate: 10}
	if top := largest(far, UniformPrior); top != 1 {
		t.Errorf("a far search from the uniform prior ends at |z| %g, want 1", top)
	}
	far.Free = true
	if top := largest(far, UniformPrior); !(top > 1) {
		t.Errorf("a free search ends at |z| %g, want more than 1", top)
	}
	far.Free = false
	if top := largest(far, NormalPrior); !(top > 1) {
		t.Errorf("a search from the normal prior ends at |z| %g, want more than 1", top)
	}
}

// TestRestarts: the first start is the same whatever their number, and of
// several the one that ends lowest counts.
func TestRestarts(t *testing.T) {
	g := randomGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
	x, support, seeds := queries(g.GAN, 3)
	var lowest []float64
	var first []float32
	for _, restarts := range []int{1, 2, 7} { // 21 starts: two batches, the first ends within a patch
		f, err := searcherOf(t, g, SearchSettings{Steps: 3, Restarts: restarts}, compute.Options{}).Search(context.Background(), x, support, seeds)
		if err != nil {
			t.Fatal(err)
		}
		lowest = append(lowest, f[2].Loss)
		if restarts == 1 {
			first = f[2].Curve.Loss
		} else if cmp.Equal(first, f[2].Curve.Loss) != (f[2].Loss == lowest[0]) {
			t.Error("the curve is not that of the start that counts")
		}
	}
	if !(lowest[1] <= lowest[0] && lowest[2] <= lowest[1] && lowest[2] < lowest[0]) {
		t.Errorf("1, 2 and 7 starts end at %v", lowest)
	}
}

// TestSearchOfDCGAN runs the folded network, whatever else is in the batch.
func TestSearchOfDCGAN(t *testing.T) {
	r := dcganRun("")
	r.Settings.Steps = 2
	g, err := TrainGAN(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	x, support, seeds := queries(g.GAN, 3)
	s := searcherOf(t, g, SearchSettings{Steps: 2}, compute.Options{})
	all, err := s.Search(context.Background(), x, support, seeds)
	if err != nil {
		t.Fatal(err)
	}
	one, err := s.Search(context.Background(), x[1:2], support[1:2], seeds[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(all[1], one[0]); d != "" {
		t.Errorf("a patch alone (-among others +alone):\n%.400s", d)
	}
}

func TestSearchRefuses(t *testing.T) {
	g := randomGAN(GAN{Dims: 2, Latent: 6}, UniformPrior)
	for name, s := range map[string]SearchSettings{
		"steps": {Steps: -1}, "rate": {Rate: math.NaN()}, "momentum": {Momentum: 1}, "lambda": {Lambda: 2}, "starts": {Restarts: -1},
	} {
		if _, err := NewSearcher(g, s, compute.Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := searcherOf(t, g, SearchSettings{Steps: 3}, compute.Options{})
	x, support, seeds := queries(g.GAN, 2)
	for name, change := range map[string]func(){
		"3 seeds": func() { seeds = append(seeds, [32]byte{}) },
		"voxel 4": func() { x[1][4] = float32(math.NaN()) },
		"counts":  func() { clear(support[1]) },
		"voxels":  func() { x[1] = x[1][:100] },
	} {
		x, support, seeds = queries(g.GAN, 2)
		change()
		if _, err := s.Search(context.Background(), x, support, seeds); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	x, support, seeds = queries(g.GAN, 2)
	ctx, cancel := context.WithCancel(context.Background())
	s.Progress = func(int, int) { cancel() }
	if _, err := s.Search(ctx, x, support, seeds); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if f, err := s.Search(context.Background(), nil, nil, nil); err != nil || len(f) != 0 {
		t.Errorf("no patch: %v, %v", f, err)
	}
}

// TestSearchStepAllocatesNothing within the loop.
func TestSearchStepAllocatesNothing(t *testing.T) {
	s := searcherOn(t, GAN{Dims: 2, Latent: 6}, SearchSettings{Steps: 3})
	p, err := s.plan(16)
	if err != nil {
		t.Fatal(err)
	}
	p.clear()
	if n := testing.AllocsPerRun(5, func() { _ = p.plan.Repeat(nil) }); n != 0 {
		t.Errorf("a search makes %g allocations", n)
	}
}
