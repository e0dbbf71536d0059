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
	trainedUnit[*models.Trained]
	bounds []models.PatchBound // of the images scored last
}

// trainedUnit is the network N of a unit.
type trainedUnit[N any] struct {
	m       *images
	u       unit
	trained N
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
	return &imageVAE{trainedUnit: trainedUnit[*models.Trained]{m, u, trained}}, err
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

// imageGAN scores images by latent search.
type imageGAN struct {
	trainedUnit[*models.TrainedGAN]
	found []models.Found // of the images scored last
}

// gan trains the GAN of a unit, or reads the one that was trained.
func (m *images) gan(ctx context.Context, u unit, t *tracker) (*imageGAN, error) {
	trained, err := kept(m.options.unit(u), models.LoadGAN, func() (*models.TrainedGAN, error) {
		return m.settings.trainGAN(ctx, m.job(u, t, m.settings.GAN.Steps))
	}, (*models.TrainedGAN).Save)
	return &imageGAN{trainedUnit: trainedUnit[*models.TrainedGAN]{m, u, trained}}, err
}

func (n *imageGAN) name() string   { return detector.GANName }
func (n *imageGAN) digest() string { return n.trained.Params().Digest() }

// score implements imageNetwork. The score is equation 15.
func (n *imageGAN) score(ctx context.Context, set *mnist.Set, tell func(done, last int)) ([]column, error) {
	s, err := models.NewSearcher(n.trained, n.m.settings.search(), n.m.options.Compute)
	if err != nil {
		return nil, err
	}
	s.Progress = tell
	patches, supports, seeds := patchesOf(set, n.digest())
	if n.found, err = s.Search(ctx, patches, supports, seeds); err != nil {
		return nil, err
	}
	term := func(name string) string { return evaluation.TermRow(n.name(), name) }
	take := func(f func(models.Found) float64) []float64 { return valuesOf(n.found, f) }
	loss := take(func(f models.Found) float64 { return f.Loss })
	columns := []column{
		{n.name(), loss},
		{term("loss"), loss},
		{term("residual"), take(func(f models.Found) float64 { return f.Residual })},
		{term("feature"), take(func(f models.Found) float64 { return f.Feature })},
		{term("lowest loss on the way"), take(func(f models.Found) float64 { return f.Best })},
		{term("critic score, negated"), take(func(f models.Found) float64 { return -f.CriticScore })},
	}
	seen, err := n.features(patches, supports)
	if err != nil {
		return nil, err
	}
	known, whole, _ := patchesOf(n.m.training, "")
	reference, err := n.features(known, whole)
	if err != nil {
		return nil, err
	}
	return append(columns, nearFeatures(reference, seen, n.u.seed, term)...), nil
}

// Variants of the score of a GAN on images that search nothing: how near what
// the critic sees (the features of equation 15) is to what it sees in training
// normals. All are fixed here, and all are reported.
var (
	featureNeighbours = []int{1, 5}
	featureGaussians  = []int{1, 40, 100}
)

// featureComponents is the number of principal components that a density of
// features is fitted to.
const featureComponents = 16

func (n *imageGAN) features(patches, supports [][]float32) ([][]float64, error) {
	f, err := models.CriticFeatures(n.trained, patches, supports, n.m.options.Compute)
	if err != nil {
		return nil, err
	}
	rows := make([][]float64, len(f))
	for i, r := range f {
		rows[i] = wide(r)
	}
	return rows, nil
}

// nearFeatures ranks by where features lie among those of training normals.
func nearFeatures(known, here [][]float64, seed uint64, term func(string) string) []column {
	var out []column
	for _, k := range featureNeighbours {
		out = append(out, column{term(fmt.Sprintf("critic's features, neighbours, k = %d", k)), neighbours(known, here, k)})
	}
	axes := principal(known, featureComponents)
	known, here = axes(known), axes(here)
	for _, k := range featureGaussians {
		out = append(out, column{term("critic's features, density, " + gaussians(k)), fitMixture(known, k, seed).surprise(here)})
	}
	return out
}

// draw implements imageNetwork.
func (n *imageGAN) draw(_ context.Context, set *mnist.Set, values []column) error {
	dir := n.m.options.unit(n.u)
	images, curves := make([][]float32, len(n.found)), &sheet{}
	var classes []float64
	for i, f := range n.found {
		images[i] = f.Image
		class := 0.0
		if set.Anomalous(i) {
			class = 1
		}
		if countOf(classes, class) < shownCurves {
			classes = append(classes, class)
			curves.rows = append(curves.rows, append([]float64{class}, wide(f.Curve.Loss)...))
		}
	}
	curves.columns = curveColumns(len(curves.rows[0]) - 1)
	if err := dir.write(curves.csv(), curvesFile); err != nil {
		return err
	}
	if err := drawImages(dir, set, images, values[0].values); err != nil {
		return err
	}
	g, err := models.NewGenerator(n.trained, n.m.options.Compute)
	if err != nil {
		return err
	}
	samples := g.Sample(sampleSeeds(spreadSamples, n.u.seed))
	patches, supports, _ := patchesOf(n.m.training.Head(spreadSamples, 0), "")
	spread, err := models.Diversity(samples[:len(patches)], patches, supports)
	if err != nil {
		return err
	}
	if err := dir.writeJSON(unitNotes{Spread: &spread}, notesFile); err != nil {
		return err
	}
	return drawSamples(dir, nil, samples[:shownSamples], g.Interpolate(n.found[0].Z, n.found[1].Z, shownSteps), n.m.shown())
}

func countOf(values []float64, v float64) int {
	n := 0
	for _, x := range values {
		if x == v {
			n++
		}
	}
	return n
}
