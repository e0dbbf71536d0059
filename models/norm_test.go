package models

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// shaken gives scales and shifts other values than the initial ones.
func shaken(n GAN, seed uint64) (generator, critic Params) {
	rng := rand.New(rand.NewPCG(seed, 1))
	generator, critic = n.NewParams(rng)
	for _, p := range append(append(Params{}, generator...), critic...) {
		if len(p.Shape) == 1 {
			for i := range p.Data {
				p.Data[i] += 0.3 * float32(rng.NormFloat64())
			}
		}
	}
	return generator, critic
}

// TestPopulationStatisticsGiveTheOutputOfTraining compares generator and
// features with the moments of one large batch, as in training, with the folded
// network on the statistics over many small ones.
func TestPopulationStatisticsGiveTheOutputOfTraining(t *testing.T) {
	n := GAN{Dims: 2, Latent: 5, Norm: true}
	s := GANSettings{Loss: DCGAN, Batch: 32}.inUse(n)
	tr, err := newGANTrainer(GANRun{GAN: n, Train: blobs{40}, Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	tr.generator, tr.critic = shaken(n, 3)
	stats, err := tr.statistics(context.Background(), tr.generator)
	if err != nil {
		t.Fatal(err)
	}
	const batch = 400
	rng := rand.New(rand.NewPCG(2, 2))
	z, real, support := make([]float32, batch*n.Latent), make([]float32, batch*n.Voxels()), make([]float32, n.Voxels())
	drawPrior(z, s.Prior, rng)
	for b := range batch {
		tr.Train.Patch(b%40, rng, real[b*n.Voxels():(b+1)*n.Voxels()], support)
	}
	// A mean over 400 latents is off by a twentieth of the deviation.
	compareFolded(t, n, tr.generator, tr.critic, stats, batch, z, real, 0.08)
}

// TestFoldedNetworkIsTheSame takes the moments of one batch for those of the
// population: then both must agree but for rounding.
func TestFoldedNetworkIsTheSame(t *testing.T) {
	for _, dims := range []int{2, 3} {
		n := GAN{Dims: dims, Latent: 5, Norm: true}
		g, c := shaken(n, 4)
		foldedEqualsBatch(t, n, g, c, 5)
	}
}

// foldedEqualsBatch takes the moments of one batch for those of the population:
// then both networks must agree but for rounding.
func foldedEqualsBatch(t *testing.T, n GAN, generator, critic Params, batch int) {
	t.Helper()
	plan, err := n.momentsPlan(generator, critic, batch, compute.Options{Backends: cpu.List()})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	z, real := noise(rng, batch*n.Latent), noise(rng, batch*n.Voxels())
	copy(plan.Input("z"), z)
	copy(plan.Input("real"), real)
	plan.Run()
	var stats Params
	for i, s := range statisticsSpecs(n.normed()) {
		stats = append(stats, Param{s.name, s.shape, append([]float32(nil), plan.Output(i)...)})
	}
	compareFolded(t, n, generator, critic, stats, batch, z, real, 1e-4)
}

// compareFolded runs a network in training mode and folded on the same batch.
// tolerance is a share of the largest deviation from the mean output.
func compareFolded(t *testing.T, n GAN, generator, critic, stats Params, batch int, z, real []float32, tolerance float64) {
	t.Helper()
	outputs := func(n GAN, generator, critic Params) [][]float32 {
		g := n.NewGraph(tensor.Float32)
		image := n.Generate(g, g.Input("z", batch, n.Latent))
		features, score := n.Critic(g, g.Input("real", n.images(batch)...))
		if g.Err != nil {
			t.Fatal(g.Err)
		}
		p, err := compute.Compile(gorgonia.Nodes{image, features, score}, append(append(Params{}, generator...), critic...).Bound(), compute.Options{Backends: cpu.List()})
		if err != nil {
			t.Fatal(err)
		}
		copy(p.Input("z"), z)
		copy(p.Input("real"), real)
		p.Run()
		return [][]float32{p.Output(0), p.Output(1), p.Output(2)}
	}
	want := outputs(n, generator, critic)
	folded, fg, fc, err := n.Fold(generator, critic, stats)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range outputs(folded, fg, fc) {
		mean := meanOf(want[i])
		var far, miss float64
		for j, w := range want[i] {
			far += math.Pow(float64(w)-mean, 2)
			miss += math.Pow(float64(got[j]-w), 2)
		}
		if ratio := math.Sqrt(miss / far); !(ratio <= tolerance) {
			t.Errorf("%dD: output %d: folded and training mode differ by %g of the deviation", n.Dims, i, ratio)
		}
	}
}

// TestFoldRefuses weights and statistics of another network.
func TestFoldRefuses(t *testing.T) {
	n := GAN{Dims: 2, Latent: 5, Norm: true}
	g, c := n.NewParams(rand.New(rand.NewPCG(1, 1)))
	if _, _, _, err := n.Fold(g, c, nil); err == nil {
		t.Error("a network with batch normalisation was folded without statistics")
	}
	if _, _, _, err := (GAN{Dims: 2, Latent: 5}).Fold(g, c, nil); err == nil {
		t.Error("weights with batch normalisation were taken for those without")
	}
}

// TestStatisticsStop when the context is cancelled.
func TestStatisticsStop(t *testing.T) {
	n := GAN{Dims: 2, Latent: 5, Norm: true}
	tr, err := newGANTrainer(GANRun{GAN: n, Train: blobs{4}, Settings: GANSettings{Loss: DCGAN, Batch: 2}.inUse(n)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := tr.statistics(ctx, tr.generator); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
