package detector

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// VAEName is the name under which VAE-AD reports its scores.
const VAEName = "vae-ad"

// BoundSamples is L, the number of posterior samples per patch.
const BoundSamples = 10

// VAEAD is a trained and calibrated variational autoencoder.
type VAEAD struct {
	calibrated
	vae  models.VAE
	slot slot[models.Scorer]
}

var _ Detector = (*VAEAD)(nil)

// NewVAEAD makes a detector of weights and calibration. The digest covers
// both, and the preprocessing.
func NewVAEAD(h models.Header, ps models.Params, c Calibration) (*VAEAD, error) {
	b, err := encodeCalibrated(h, ps, c)
	if err != nil {
		return nil, err
	}
	return DecodeVAEAD(b)
}

// DecodeVAEAD reads a detector from the bytes of its file. A file that is cut
// or altered, of another network, of another preprocessing or without
// calibration is refused.
func DecodeVAEAD(b []byte) (*VAEAD, error) {
	c, err := decodeCalibrated(b, kindVAE)
	if err != nil {
		return nil, err
	}
	return c.vaead()
}

func (d calibrated) vaead() (*VAEAD, error) {
	v := d.header.VAE()
	if err := v.Validate(); err != nil {
		return nil, err
	}
	if err := v.Check(d.params); err != nil {
		return nil, err
	}
	return &VAEAD{d, v, newSlot[models.Scorer]()}, nil
}

// LoadVAEAD reads a detector's file.
func LoadVAEAD(path string) (*VAEAD, error) { return load(path, DecodeVAEAD) }

// Name is "vae-ad".
func (d *VAEAD) Name() string { return VAEName }

// Score implements Detector. Raw is the reconstruction term per voxel of the
// support, so that it does not depend on how much of a patch the scan covers.
// The noise of the samples is drawn from the digests of patch and model: the
// same patch gives the same score. A patch without support is an error.
func (d *VAEAD) Score(ctx context.Context, patches []nodule.Patch) ([]Score, error) {
	s, err := d.slot.take(ctx, func() (*models.Scorer, error) {
		return models.NewScorer(d.vae, d.params, BoundSamples, compute.Options{})
	})
	if err != nil {
		return nil, fmt.Errorf("detector: score: %w", err)
	}
	defer func() { d.slot <- s }()
	out := make([]Score, len(patches))
	for i, p := range patches {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("detector: score: %w", err)
		}
		n, err := checkPatch(i, p)
		if err != nil {
			return nil, err
		}
		b := s.Score(p.Voxels, p.Support, d.seed(p))
		out[i] = d.judge(Score{
			Raw: b.Recon / float64(n), Sum: b.Recon, PerVoxel: b.Recon / float64(n), KL: b.KL, Reconstruction: b.Mean,
			Terms: []Term{
				{"reconstruction per voxel", b.Recon / float64(n)}, {"reconstruction, sum", b.Recon},
				{"KL", b.KL}, {"reconstruction + KL", b.Recon + b.KL},
			},
		})
		if d.vae.LearnedSigma {
			out[i].Terms = append(out[i].Terms, Term{"misfit under the learned sigma", b.Misfit}, Term{"misfit + KL", b.Misfit + b.KL})
		}
	}
	return out, nil
}
