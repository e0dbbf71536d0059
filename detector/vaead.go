package detector

import (
	"context"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/nodule"
)

// VAEName is the name under which VAE-AD reports its scores.
const VAEName = "vae-ad"

// BoundSamples is L, the number of posterior samples per patch.
const BoundSamples = 10

// VAEAD is a trained and calibrated variational autoencoder.
type VAEAD struct {
	calibrated
	vae     models.VAE
	batcher *batcher[*models.Scorer, models.PatchBound]
}

var _ Detector = (*VAEAD)(nil)

// NewVAEAD makes a detector of weights and calibration. The digest covers
// both, and the preprocessing.
func NewVAEAD(h models.Header, ps models.Params, c Calibration) (*VAEAD, error) {
	b, err := encodeCalibrated(h, ps, c)
	if err != nil {
		return nil, err
	}
	return decodeVAEAD(b)
}

// decodeVAEAD reads a detector from the bytes of its file. A file that is cut
// or altered, of another network, of another preprocessing or without
// calibration is refused.
func decodeVAEAD(b []byte) (*VAEAD, error) {
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
	return &VAEAD{calibrated: d, vae: v, batcher: &batcher[*models.Scorer, models.PatchBound]{
		build: func(b compute.Backend) (*models.Scorer, error) {
			return models.NewScorer(v, d.params, BoundSamples, compute.Options{Backends: cpu.List(b)})
		},
		turn:     BatchSize,
		fits:     (*models.Scorer).Together,
		onDevice: (*models.Scorer).OnDevice,
		run: func(_ context.Context, s *models.Scorer, rows []row) ([]models.PatchBound, error) {
			return s.ScoreAll(lists(rows))
		},
	}}, nil
}

// LoadVAEAD reads a detector's file.
func LoadVAEAD(path string) (*VAEAD, error) { return load(path, decodeVAEAD) }

// Name is "vae-ad".
func (d *VAEAD) Name() string { return VAEName }

// Score implements Detector. Raw is the reconstruction term per voxel of the
// support, so that it does not depend on how much of a patch the scan covers.
// The noise of the samples is drawn from the digest of the weights: the
// same patch gives the same score. A patch without support is an error.
func (d *VAEAD) Score(ctx context.Context, patches []nodule.Patch) ([]Score, error) {
	bounds, counts, err := found(ctx, &d.calibrated, d.batcher, patches)
	if err != nil {
		return nil, err
	}
	out := make([]Score, 0, len(patches))
	for i, b := range bounds {
		score := d.applyCalibration(Score{
			Raw: b.Recon / counts[i], Sum: b.Recon, PerVoxel: b.Recon / counts[i], KL: b.KL, Reconstruction: d.shown(patches[i], b.Mean), Machine: b.Machine,
			Terms: []Term{
				{"reconstruction per voxel", b.Recon / counts[i]}, {"reconstruction, sum", b.Recon},
				{"KL", b.KL}, {"reconstruction + KL", b.Recon + b.KL},
			},
		})
		if d.vae.LearnedSigma {
			score.Terms = append(score.Terms, Term{"misfit under the learned sigma", b.Misfit}, Term{"misfit + KL", b.Misfit + b.KL})
		}
		out = append(out, score)
	}
	return out, nil
}
