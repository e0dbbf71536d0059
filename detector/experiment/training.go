package experiment

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
)

// job is one training.
type job struct {
	dims         int
	train, valid models.Samples // valid may be nil
	seed         uint64
	length       int // epochs of a VAE, steps of a GAN
	header       models.Header
	dir          folder // of the unit
	tell         func(done, last int, note string)
	compute      compute.Options
}

// kept reads the network of a unit, or trains it and keeps it.
func kept[N any](dir folder, load func(path string) (N, error), train func() (N, error), save func(N, string) error) (N, error) {
	path := dir.path(modelFile)
	if dir.has(modelFile) {
		return load(path)
	}
	n, err := train()
	if err != nil {
		return n, err
	}
	return n, save(n, path)
}

// trainVAE trains and keeps the curves. The state lies in the unit's folder
// until the unit is done.
func (s Settings) trainVAE(ctx context.Context, j job) (*models.Trained, error) {
	history, err := readHistory(j.dir)
	if err != nil {
		return nil, err
	}
	v := s.VAE
	var sum [3]float64
	var failed error
	run := models.Run{
		VAE: s.vae(j.dims), Train: j.train, Valid: j.valid, Header: j.header, Dir: j.dir.path(stateDir), Compute: j.compute,
		Settings: models.Settings{Epochs: j.length, Batch: v.Batch, Rate: v.Rate, Clip: models.Exactly(v.Clip),
			KLWeight: models.Exactly(v.KLWeight), Seed: j.seed},
		Progress: func(p models.Progress) {
			if p.Step == 1 {
				sum = [3]float64{}
			}
			for i, x := range []float64{p.Loss, p.Recon, p.KL} {
				sum[i] += x / float64(p.Steps)
			}
			if p.Step == p.Steps { // before the epoch's state is kept: what is lost is repeated
				failed = errors.Join(failed, history.epoch(j.dir, p.Epoch+1, sum))
			}
			j.tell(p.Epoch*p.Steps+p.Step, p.Epochs*p.Steps, fmt.Sprintf("epoch %d of %d, loss %.2f", p.Epoch+1, p.Epochs, p.Loss))
		},
	}
	t, err := models.TrainVAE(ctx, run)
	return t, errors.Join(err, failed)
}

// vae is the network of the settings.
func (s Settings) vae(dims int) models.VAE {
	return models.VAE{Dims: dims, Latent: s.VAE.Latent, LearnedSigma: s.Detector == VAESigma}
}

// trainGAN trains and keeps the curves.
func (s Settings) trainGAN(ctx context.Context, j job) (*models.TrainedGAN, error) {
	g := s.GAN
	run := models.GANRun{
		GAN:   models.GAN{Dims: j.dims, Latent: g.Latent, Norm: s.Detector == DCGAN},
		Train: j.train, Header: j.header, Dir: j.dir.path(stateDir), Compute: j.compute,
		Settings: models.GANSettings{Loss: models.WGANGP, Steps: j.length, Batch: g.Batch, Rate: g.Rate, Beta1: models.Exactly(g.Beta1),
			Beta2: models.Exactly(g.Beta2), CriticSteps: g.CriticSteps, Penalty: models.Exactly(g.Penalty), Prior: g.Prior, Average: g.Average, Seed: j.seed},
		Progress: func(p models.GANProgress) {
			j.tell(p.Step, p.Steps, fmt.Sprintf("step %d of %d, critic %.3g, generator %.3g", p.Step, p.Steps, p.CriticLoss, p.Generator))
		},
	}
	if s.Detector == DCGAN {
		run.Settings.Loss = models.DCGAN
	}
	if err := os.MkdirAll(run.Dir, 0o755); err != nil { //nolint:gosec // weights are no secret
		return nil, fmt.Errorf("experiment: state of the training: %w", err)
	}
	t, err := models.TrainGAN(ctx, run)
	if err != nil {
		return nil, err
	}
	h := &sheet{columns: []string{colStep, "critic loss", "Wasserstein estimate", "gradient penalty", "generator loss"}}
	if s.Detector == DCGAN {
		h.columns = []string{colStep, "discriminator loss", "difference of logits", "generator loss"}
	}
	for _, p := range t.History {
		row := []float64{float64(p.Step), p.CriticLoss, p.Wasserstein, p.Penalty, p.Generator}
		if s.Detector == DCGAN {
			row = []float64{float64(p.Step), p.CriticLoss, p.Wasserstein, p.Generator}
		}
		h.rows = append(h.rows, row)
	}
	return t, j.dir.write(h.csv(), historyFile)
}

// search are the settings of the latent search.
func (s Settings) search() models.SearchSettings {
	q := s.Search
	return models.SearchSettings{Steps: q.Steps, Rate: q.Rate, Momentum: models.Exactly(q.Momentum), Lambda: models.Exactly(q.Lambda),
		Restarts: q.Restarts, Batch: 16}
}

// colStep is the first column of a history: epoch or step, from 1.
const colStep = "step"

// vaeHistory is the mean of every epoch's losses.
type vaeHistory struct{ sheet }

func readHistory(dir folder) (*vaeHistory, error) {
	h := &vaeHistory{sheet{columns: []string{colStep, "loss", "reconstruction", "KL"}}}
	s, err := dir.sheet(historyFile)
	if err != nil || s == nil {
		return h, err
	}
	if len(s.columns) == len(h.columns) {
		h.rows = s.rows
	}
	return h, nil
}

// epoch keeps one epoch. One that is repeated after an interruption stands
// again where it stood.
func (h *vaeHistory) epoch(dir folder, epoch int, sum [3]float64) error {
	if epoch > len(h.rows)+1 {
		return nil // the start was lost with another folder: the curve begins later
	}
	h.rows = append(h.rows[:epoch-1], []float64{float64(epoch), sum[0], sum[1], sum[2]})
	return dir.write(h.csv(), historyFile)
}
