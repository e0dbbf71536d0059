package experiment

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule/mnist"
)

// imageGAN scores images by latent search.
type imageGAN struct {
	m       *images
	u       unit
	trained *models.TrainedGAN
	found   []models.Found // of the images scored last
}

// gan trains the GAN of a unit, or reads the one that was trained.
func (m *images) gan(ctx context.Context, u unit, t *tracker) (*imageGAN, error) {
	trained, err := kept(m.options.unit(u), models.LoadGAN, func() (*models.TrainedGAN, error) {
		return m.settings.trainGAN(ctx, m.job(u, t, m.settings.GAN.Steps))
	}, (*models.TrainedGAN).Save)
	return &imageGAN{m: m, u: u, trained: trained}, err
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
