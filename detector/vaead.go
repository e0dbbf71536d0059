package detector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

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
	header      models.Header
	vae         models.VAE
	params      models.Params
	calibration Calibration
	digest      string

	slot chan *models.Scorer // holds the compiled plans while nobody uses them; nil before first use
}

var _ Detector = (*VAEAD)(nil)

// ErrPreprocessing says that a model was trained on patches of another kind.
var ErrPreprocessing = errors.New("detector: model and program prepare patches differently")

// NewVAEAD makes a detector of weights and calibration. The digest covers
// both, and the preprocessing.
func NewVAEAD(h models.Header, ps models.Params, c Calibration) (*VAEAD, error) {
	b, err := encodeVAEAD(h, ps, c)
	if err != nil {
		return nil, err
	}
	return DecodeVAEAD(b)
}

func encodeVAEAD(h models.Header, ps models.Params, c Calibration) ([]byte, error) {
	var err error
	if h.Detector, err = json.Marshal(c); err != nil {
		return nil, fmt.Errorf("detector: encode calibration: %w", err)
	}
	return models.Encode(h, ps)
}

// DecodeVAEAD reads a detector from the bytes of its file. A file that is cut
// or altered, of another network, of another preprocessing or without
// calibration is refused.
func DecodeVAEAD(b []byte) (*VAEAD, error) {
	h, ps, err := models.Decode(b)
	if err != nil {
		return nil, err
	}
	d := &VAEAD{header: h, params: ps, vae: models.VAE{Dims: h.Dims, Latent: h.Latent}}
	if h.Kind != "vae" || h.Dims != 3 {
		return nil, fmt.Errorf("detector: a %q of %d dimensions is no VAE for nodules", h.Kind, h.Dims)
	}
	if err := errors.Join(d.vae.Validate(), d.vae.Check(ps)); err != nil {
		return nil, err
	}
	if h.Preprocessing != nodule.PreprocessingVersion {
		return nil, fmt.Errorf("%w: %q and %q; train the model again", ErrPreprocessing, h.Preprocessing, nodule.PreprocessingVersion)
	}
	if err := json.Unmarshal(h.Detector, &d.calibration); err != nil || len(d.calibration.Reference) == 0 {
		return nil, fmt.Errorf("detector: the model has no calibration; write it with the train command (%w)", errors.Join(err, models.ErrCheckpoint))
	}
	sum := sha256.Sum256(b)
	d.digest = "sha256:" + hex.EncodeToString(sum[:])
	d.slot = make(chan *models.Scorer, 1)
	d.slot <- nil
	return d, nil
}

// LoadVAEAD reads a detector's file.
func LoadVAEAD(path string) (*VAEAD, error) {
	if _, _, err := models.Load(path); err != nil { // size limit and digest, with the path
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("detector: load model: %w", err)
	}
	d, err := DecodeVAEAD(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// Encode returns the bytes of the detector's file.
func (d *VAEAD) Encode() ([]byte, error) { return encodeVAEAD(d.header, d.params, d.calibration) }

// Name is "vae-ad".
func (d *VAEAD) Name() string { return VAEName }

// Digest is the SHA-256 of the detector's file: "sha256:<hex>".
func (d *VAEAD) Digest() string { return d.digest }

// Calibration tells how raw scores become probabilities.
func (d *VAEAD) Calibration() Calibration { return d.calibration }

// Params are the weights. They must not be changed.
func (d *VAEAD) Params() models.Params { return d.params }

// Header tells how the network was trained.
func (d *VAEAD) Header() models.Header { return d.header }

// scorer waits for the compiled plans, which use every processor: one patch is
// scored after the other. What it returns goes back into the slot.
func (d *VAEAD) scorer(ctx context.Context) (*models.Scorer, error) {
	select {
	case s := <-d.slot:
		if s != nil {
			return s, nil
		}
		s, err := models.NewScorer(d.vae, d.params, BoundSamples, compute.Options{})
		if err != nil {
			d.slot <- nil
		}
		return s, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Score implements Detector. Raw is the reconstruction term per voxel of the
// support, so that it does not depend on how much of a patch the scan covers.
// The noise of the samples is drawn from the digests of patch and model: the
// same patch gives the same score. A patch without support is an error.
func (d *VAEAD) Score(ctx context.Context, patches []nodule.Patch) ([]Score, error) {
	s, err := d.scorer(ctx)
	if err != nil {
		return nil, fmt.Errorf("detector: score: %w", err)
	}
	defer func() { d.slot <- s }()
	out := make([]Score, len(patches))
	for i, p := range patches {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("detector: score: %w", err)
		}
		n := p.SupportCount()
		if n == 0 || len(p.Voxels) != d.vae.Voxels() || len(p.Support) != len(p.Voxels) {
			return nil, fmt.Errorf("detector: patch %d has %d voxels and %d that count", i, len(p.Voxels), n)
		}
		digest := p.Digest()
		b := s.Score(p.Voxels, p.Support, sha256.Sum256(append(digest[:], d.header.Digest...)))
		out[i] = d.judge(Score{
			Raw: b.Recon / float64(n), Sum: b.Recon, PerVoxel: b.Recon / float64(n), KL: b.KL, Reconstruction: b.Mean,
			Terms: []Term{
				{"reconstruction per voxel", b.Recon / float64(n)}, {"reconstruction, sum", b.Recon},
				{"KL", b.KL}, {"reconstruction + KL", b.Recon + b.KL},
			},
		})
	}
	return out, nil
}

// judge adds what the calibration says of a raw score.
func (d *VAEAD) judge(s Score) Score {
	c := &d.calibration
	s.Calibration, s.Prevalence = c.Name(), c.Prevalence
	s.Percentile, s.Anomalous = c.Percentile(s.Raw), s.Raw > c.Threshold
	if c.Logistic != nil {
		p := c.Logistic.Probability(s.Raw)
		s.Probability = &p
	}
	return s
}

// Save writes the detector's file so that a crash leaves the old or the new.
func (d *VAEAD) Save(path string) error {
	h := d.header
	var err error
	if h.Detector, err = json.Marshal(d.calibration); err != nil {
		return fmt.Errorf("detector: encode calibration: %w", err)
	}
	return models.Save(path, h, d.params)
}
