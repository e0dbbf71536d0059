package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// WholeWork is how much a user waits for.
type WholeWork struct {
	SearchSteps int // of a latent search of 16 patches
	Epochs      int // of a training of the VAE, batch 32,
	Patches     int // on so many patches
}

// PaperWork is the paper's: 100 steps and 100 epochs, on as many patches as the
// training side of the labelled nodules has.
var PaperWork = WholeWork{SearchSteps: 100, Epochs: 100, Patches: 142}

// Whole times a latent search and a training from beginning to end: compiling,
// noise, loading of patches and checks included. The search is run three times
// and the shortest counts, the training once. tell hears what is done.
func Whole(ctx context.Context, w WholeWork, o compute.Options, tell func(done, all int, what string)) ([]Result, error) {
	const searches = 3
	all := searches + w.Epochs
	gan := models.ReferenceGAN
	gen, critic := gan.NewParams(seeded())
	s, err := models.NewSearcher(&models.TrainedGAN{GAN: gan, Generator: gen, Critic: critic}, models.SearchSettings{Steps: w.SearchSteps}, o)
	if err != nil {
		return nil, err
	}
	const batch = 16
	noise := patchesOf(batch)
	seeds := make([][32]byte, batch)
	search := Result{Name: fmt.Sprintf("search, %d steps, b%d", w.SearchSteps, batch)}
	for i := range searches {
		start := time.Now()
		if _, err := s.Search(ctx, noise, noise, seeds); err != nil {
			return nil, err
		}
		if ms := since(start); i == 0 || ms < search.MS {
			search.MS = ms
		}
		tell(i+1, all, search.Name)
	}

	training := Result{Name: fmt.Sprintf("training, %d epochs", w.Epochs)}
	start := time.Now()
	_, err = models.TrainVAE(ctx, models.Run{
		VAE: models.ReferenceVAE, Train: noisePatches(w.Patches), Settings: models.Settings{Epochs: w.Epochs, Batch: 32}, Compute: o,
		Progress: func(p models.Progress) { tell(searches+p.Epoch, all, training.Name) },
	})
	training.MS = since(start)
	return []Result{search, training}, err
}

func since(start time.Time) float64 { return float64(time.Since(start)) / 1e6 }

func patchesOf(n int) [][]float32 {
	ps := make([][]float32, n)
	for i := range ps {
		ps[i] = fill(make([]float32, models.ReferenceVAE.Voxels()))
	}
	return ps
}

// noisePatches is a training set of that many patches of noise.
type noisePatches int

// Len implements models.Samples.
func (n noisePatches) Len() int { return int(n) }

// Patch implements models.Samples.
func (n noisePatches) Patch(i int, _ *rand.Rand, x, support []float32) {
	rng := rand.New(rand.NewPCG(uint64(i), 1)) //nolint:gosec // not negative, and no secret
	for j := range x {
		x[j], support[j] = rng.Float32(), 1
	}
}
