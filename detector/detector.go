package detector

import (
	"context"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// Detector scores patches. A score is a deviation from the normal nodules of
// the training set, never a probability of cancer. Implementations are safe
// for concurrent use, and the score of a patch does not depend on the patches
// that it is scored with.
type Detector interface {
	Name() string   // such as "vae-ad"
	Digest() string // sha256 of weights, preprocessing and calibration: "sha256:<hex>"
	Score(ctx context.Context, patches []nodule.Patch) ([]Score, error)
}

// Score is what one detector says of one patch.
type Score struct {
	Raw            float64   // what the calibration maps: larger is further from normal
	Sum            float64   // what the reconstruction misses, summed over the support: equation 16 with 1/(2 sigma^2) = 1 of VAE-AD, equation 13 of GAN-AD
	PerVoxel       float64   // Sum divided by the number of voxels in the support
	KL             float64   // KL divergence of the posterior from the prior, nats; 0 for a detector without one
	Probability    *float64  // calibrated; nil where the detector is not calibrated
	Calibration    string    // "natural-prevalence" or "uncalibrated"
	Prevalence     float64   // of the calibration set
	Percentile     float64   // 0..100 among the reference normals
	Anomalous      bool      // Raw is above the threshold epsilon
	Reconstruction []float32 // [28,28,28] mean reconstruction, or the nearest image that was found, for the reviewer
	Terms          []Term    // what Raw is made of or stands beside; the same names in the same order for every patch
	Curve          []float32 // loss along a latent search, the start first; nil for a detector that does not search

	Machine compute.Machine // what computed it; zero where the detector does not say
}

// Term is a named value beside a score that evaluation ranks in a row of its
// own: larger is further from normal.
type Term struct {
	Name  string  // such as "KL"; without the name of the detector
	Value float64 // finite
}
