package experiment

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule/mnist"
)

// Variants of the score of a VAE on images, beside those that are terms of the
// bound. All are fixed here, and all are reported; which is best is read from
// the choice set.
var (
	latentNeighbours = []int{1, 5, 20}
	latentGaussians  = []int{1, 10, 40, 100, 160}
)

// imageVAE scores images with a trained VAE.
type imageVAE struct {
	m       *images
	u       unit
	trained *models.Trained
	bounds  []models.PatchBound // of the images scored last
}

// vae trains the VAE of a unit, or reads the one that was trained.
func (m *images) vae(ctx context.Context, u unit, t *tracker) (*imageVAE, error) {
	trained, err := kept(m.options.unit(u), func(path string) (*models.Trained, error) {
		h, ps, err := models.Load(path)
		return &models.Trained{Params: ps, Header: h}, err
	}, func() (*models.Trained, error) {
		return m.settings.trainVAE(ctx, m.job(u, t, m.settings.VAE.Epochs))
	}, func(n *models.Trained, path string) error {
		return models.Save(path, n.Header, n.Params)
	})
	return &imageVAE{m: m, u: u, trained: trained}, err
}

func (n *imageVAE) name() string   { return detector.VAEName }
func (n *imageVAE) digest() string { return n.trained.Params.Digest() }

func (n *imageVAE) scorer(samples int) (*models.Scorer, error) {
	return models.NewScorer(n.m.settings.vae(2), n.trained.Params, samples, n.m.options.Compute)
}

// bound scores images in parts, so that it can be told and cancelled.
func bound(ctx context.Context, s *models.Scorer, set *mnist.Set, weights string, tell func(done int)) ([]models.PatchBound, error) {
	patches, supports, seeds := patchesOf(set, weights)
	var out []models.PatchBound
	const chunk = 128
	for lo := 0; lo < len(patches); lo += chunk {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("experiment: score: %w", err)
		}
		hi := min(lo+chunk, len(patches))
		b, err := s.ScoreAll(patches[lo:hi], supports[lo:hi], seeds[lo:hi])
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
		tell(hi)
	}
	return out, nil
}

// score implements imageNetwork. The score is equation 16, summed.
func (n *imageVAE) score(ctx context.Context, set *mnist.Set, tell func(done, last int)) ([]column, error) {
	all := set.Len() + n.m.training.Len()
	s, err := n.scorer(n.m.settings.VAE.Samples)
	if err != nil {
		return nil, err
	}
	if n.bounds, err = bound(ctx, s, set, n.digest(), func(done int) { tell(done, all) }); err != nil {
		return nil, err
	}
	if s, err = n.scorer(1); err != nil {
		return nil, err
	}
	known, err := bound(ctx, s, n.m.training, n.digest(), func(done int) { tell(set.Len()+done, all) })
	if err != nil {
		return nil, err
	}
	term := func(name string) string { return evaluation.TermRow(n.name(), name) }
	recon := func(b models.PatchBound) float64 { return b.Recon }
	columns := []column{
		{n.name(), valuesOf(n.bounds, recon)},
		{term("reconstruction"), valuesOf(n.bounds, recon)},
		{term("KL"), valuesOf(n.bounds, func(b models.PatchBound) float64 { return b.KL })},
		{term("reconstruction + KL"), valuesOf(n.bounds, func(b models.PatchBound) float64 { return b.Misfit + b.KL })},
	}
	return append(columns, n.latent(known, valuesOf(known, recon), valuesOf(n.bounds, recon), term)...), nil
}

// latent ranks by where the posterior means lie among those of the training
// normals.
func (n *imageVAE) latent(known []models.PatchBound, knownRecon, recon []float64, term func(string) string) []column {
	points := func(from []models.PatchBound) [][]float64 {
		rows := make([][]float64, len(from))
		for i, b := range from {
			rows[i] = wide(b.Posterior)
		}
		return rows
	}
	reference, here := points(known), points(n.bounds)
	use := active(reference)
	reference, here = only(reference, use), only(here, use)
	var out []column
	for _, k := range latentNeighbours {
		out = append(out, column{term(fmt.Sprintf("latent neighbours, k = %d", k)), neighbours(reference, here, k)})
	}
	misfit := standardiser(knownRecon)(recon)
	for _, k := range latentGaussians {
		name := "latent density, " + gaussians(k)
		m := fitMixture(reference, k, n.u.seed)
		surprise := m.surprise(here)
		out = append(out, column{term(name), surprise},
			column{term(name + " + reconstruction"), sum(standardiser(m.surprise(reference))(surprise), misfit)})
	}
	return out
}

func gaussians(k int) string {
	if k == 1 {
		return "one Gaussian"
	}
	return fmt.Sprintf("%d Gaussians", k)
}

// draw implements imageNetwork.
func (n *imageVAE) draw(_ context.Context, set *mnist.Set, values []column) error {
	images := make([][]float32, len(n.bounds))
	for i, b := range n.bounds {
		images[i] = b.Mean
	}
	dir := n.m.options.unit(n.u)
	if err := drawImages(dir, set, images, values[0].values); err != nil {
		return err
	}
	decode, err := newDecoder(n.m.settings.vae(2), n.trained.Params, n.m.options.Compute)
	if err != nil {
		return err
	}
	z0, z1 := n.bounds[0].Posterior, n.bounds[1].Posterior // a zero and a one
	return drawSamples(dir, nil, decode.sample(shownSamples, n.u.seed), decode.images(straight(z0, z1, shownSteps)), n.m.shown())
}
