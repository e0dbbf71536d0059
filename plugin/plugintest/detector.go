package plugintest

import (
	"context"
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
