package plugintest

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// NewDetector is a VAE-AD with weights that were never trained. It is made
// once: its plans are compiled at the first score.
var NewDetector = sync.OnceValues(func() (detector.Detector, error) { return Untrained(1) })

// Untrained is a VAE-AD with weights of a seed.
func Untrained(seed uint64) (*detector.VAEAD, error) {
	ps := models.ReferenceVAE.NewParams(rand.New(rand.NewPCG(seed, 2)))
	return detector.NewVAEAD(
		models.Header{Kind: "vae", Dims: 3, Latent: models.ReferenceVAE.Latent, Preprocessing: nodule.PreprocessingVersion}, ps,
		detector.Calibration{Reference: []float64{0.01, 0.05, 0.1, 0.2}, Threshold: 0.15})
}

// Detector is [NewDetector] in a test.
func Detector(t testing.TB) detector.Detector {
	t.Helper()
	d, err := NewDetector()
	Must(t, err)
	return d
}

// Wrapped is a real detector that does something first.
type Wrapped struct {
	detector.Detector
	Before func(ctx context.Context, patches []nodule.Patch) error
}

// Score fails where Before does.
func (w Wrapped) Score(ctx context.Context, patches []nodule.Patch) ([]detector.Score, error) {
	if err := w.Before(ctx, patches); err != nil {
		return nil, err
	}
	return w.Detector.Score(ctx, patches)
}

// Instant is a detector that costs nothing: its scores are made of a patch's
// middle, not of a network.
type Instant struct{ detector.Detector }

// Score reads one voxel of each patch.
func (i Instant) Score(_ context.Context, patches []nodule.Patch) ([]detector.Score, error) {
	scores := make([]detector.Score, len(patches))
	for n, p := range patches {
		scores[n].Raw = float64(p.Voxels[len(p.Voxels)/2])
	}
	return scores, nil
}

// UntrainedGAN is a GAN-AD with weights that were never trained. Its reference
// lies above every score, so that nothing is flagged.
func UntrainedGAN(t testing.TB, steps int) *detector.GANAD {
	t.Helper()
	n := models.ReferenceGAN
	g, c := n.NewParams(rand.New(rand.NewPCG(5, 6)))
	d, err := detector.NewGANAD(&models.TrainedGAN{GAN: n, Generator: g, Critic: c, Header: models.Header{
		Kind: "gan", Dims: n.Dims, Latent: n.Latent, Loss: models.WGANGP, Prior: models.UniformPrior, Preprocessing: nodule.PreprocessingVersion,
	}}, models.SearchSettings{Steps: steps}, detector.Calibration{
		Reference: []float64{100, 200}, Threshold: 300, DiameterMM: &[2]float64{4, 10},
	})
	Must(t, err)
	return d
}

// Flagging is a VAE-AD that flags everything.
func Flagging(t testing.TB) *detector.VAEAD {
	t.Helper()
	d, err := Untrained(1)
	Must(t, err)
	d, err = detector.NewVAEAD(d.Header(), d.Params(), detector.Calibration{Reference: []float64{1e-9, 2e-9}, Threshold: 1e-9})
	Must(t, err)
	return d
}

// NotANumber is a detector whose scores are none.
type NotANumber struct{ detector.Detector }

// Score gives NaN.
func (n NotANumber) Score(ctx context.Context, ps []nodule.Patch) ([]detector.Score, error) {
	scores, err := n.Detector.Score(ctx, ps)
	for i := range scores {
		scores[i].Raw = math.NaN()
	}
	return scores, err
}
