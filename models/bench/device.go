package bench

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// DeviceWorks prepares the works of a card: those of Works, and what the
// detectors do, from patches in the host's memory to scores there. o names the
// back end. Weights of training steps stay on the device between steps.
func DeviceWorks(o compute.Options) ([]Work, error) {
	ws, err := Works(o)
	if err != nil {
		return nil, err
	}
	for i := range ws {
		ws[i].Plan.Hold()
	}
	for _, n := range []int{1, 16} {
		w, err := vaeDetect(n, o)
		if err != nil {
			return nil, err
		}
		ws = append(ws, w)
	}
	w, err := ganDetect(16, o)
	return append(ws, w), err
}

// queries are patches with supports and seeds.
func queries(n, voxels int) (patches, supports [][]float32, seeds [][32]byte) {
	for i := range n {
		x, s := fill(make([]float32, voxels)), make([]float32, voxels)
		for j := range s {
			s[j] = 1
		}
		patches, supports, seeds = append(patches, x), append(supports, s), append(seeds, [32]byte{byte(i)})
	}
	return patches, supports, seeds
}

// vaeDetect is VAE-AD on a number of nodules, ten samples each.
func vaeDetect(n int, o compute.Options) (Work, error) {
	const samples = 10
	v := models.ReferenceVAE
	s, err := models.NewScorer(v, v.NewParams(seeded()), samples, o)
	if err != nil {
		return Work{}, err
	}
	x, support, seeds := queries(n, v.Voxels())
	if _, err := s.ScoreAll(x, support, seeds); err != nil {
		return Work{}, err
	}
	flops, err := vaeFLOPs(v, samples)
	return Work{Name: fmt.Sprintf("vae-ad, %d nodules", n), FLOPs: n * flops, Run: func() { _, _ = s.ScoreAll(x, support, seeds) }}, err
}

// vaeFLOPs of one patch.
func vaeFLOPs(v models.VAE, samples int) (int, error) {
	g := v.NewGraph(tensor.Float32)
	mean, logvar := v.Encode(g, g.Input("x", 1, 1, 28, 28, 28))
	image := v.Decode(g, g.Input("z", samples, v.Latent))
	if g.Err != nil {
		return 0, g.Err
	}
	p, err := compute.Compile(gorgonia.Nodes{mean, logvar, image}, v.NewParams(seeded()).Bound(), compute.Options{Backends: cpu.List()})
	if err != nil {
		return 0, err
	}
	return p.FLOPs(), nil
}

// ganDetect is GAN-AD on a number of nodules: 100 steps of search.
func ganDetect(n int, o compute.Options) (Work, error) {
	const steps = 100
	gan := models.ReferenceGAN
	gen, critic := gan.NewParams(seeded())
	t := &models.TrainedGAN{GAN: gan, Generator: gen, Critic: critic, Header: models.Header{Kind: "gan", Dims: gan.Dims, Latent: gan.Latent, Loss: models.WGANGP, Prior: models.UniformPrior}}
	s, err := models.NewSearcher(t, models.SearchSettings{Steps: steps, Batch: n}, o)
	if err != nil {
		return Work{}, err
	}
	x, support, seeds := queries(n, gan.Voxels())
	one, err := searchWith(append(gen, critic...), compute.Options{Backends: cpu.List()})
	if err != nil {
		return Work{}, err
	}
	return Work{Name: fmt.Sprintf("gan-ad, %d nodules", n), FLOPs: steps * one.FLOPs, Run: func() {
		_, _ = s.Search(context.Background(), x, support, seeds)
	}}, nil
}

// FirstScore compiles VAE-AD for one nodule and scores it: the end of a cold
// start.
func FirstScore(o compute.Options) error {
	w, err := vaeDetect(1, o)
	if err != nil {
		return err
	}
	w.Run()
	return nil
}
