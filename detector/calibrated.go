package detector

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/nodule"
)

// maxDetectorBytes bounds what is read as a detector's file.
const maxDetectorBytes = 256 << 20

// ErrPreprocessing says that a model was trained on patches of another kind.
var ErrPreprocessing = errors.New("detector: model and program prepare patches differently")

// calibrated is what the file of any detector holds: weights, and how the raw
// scores of these weights become what a reader sees.
type calibrated struct {
	header      models.Header
	params      models.Params
	calibration Calibration
	digest      string
}

// encodeCalibrated writes a detector's file. settings is the calibration, or a
// struct that holds it beside what else the detector needs.
func encodeCalibrated(h models.Header, ps models.Params, settings any) ([]byte, error) {
	var err error
	if h.Detector, err = json.Marshal(settings); err != nil {
		return nil, fmt.Errorf("detector: encode calibration: %w", err)
	}
	return models.Encode(h, ps)
}

// decodeCalibrated reads a file whose network is of one of the kinds. Whether
// the weights are those of the network is left to the caller.
func decodeCalibrated(b []byte, kinds ...string) (calibrated, error) {
	h, ps, err := models.Decode(b)
	if err != nil {
		return calibrated{}, err
	}
	d := calibrated{header: h, params: ps}
	if !slices.Contains(kinds, h.Kind) || h.Dims != 3 {
		return d, fmt.Errorf("detector: a %q of %d dimensions is no %s for nodules", h.Kind, h.Dims, strings.ToUpper(strings.Join(kinds, " or ")))
	}
	if !slices.Contains(nodule.PatchVersions(), h.Preprocessing) {
		return d, fmt.Errorf("%w: %q and %q; train the model again", ErrPreprocessing, h.Preprocessing, nodule.PatchVersions())
	}
	if err := json.Unmarshal(h.Detector, &d.calibration); err != nil || len(d.calibration.Reference) == 0 {
		return d, fmt.Errorf("detector: the model has no calibration; write it with the train command (%w)", errors.Join(err, models.ErrCheckpoint))
	}
	if err := d.calibration.check(); err != nil {
		return d, err
	}
	d.digest = digest.Of(b)
	return d, nil
}

// Kinds of network, as the header of a checkpoint names them.
const (
	kindVAE = "vae"
	kindGAN = "gan"
)

// Digest is the SHA-256 of the detector's file: "sha256:<hex>".
func (d *calibrated) Digest() string { return d.digest }

// Calibration tells how raw scores become probabilities.
func (d *calibrated) Calibration() Calibration { return d.calibration }

// Params are the weights. They must not be changed.
func (d *calibrated) Params() models.Params { return d.params }

// Header tells how the network was trained.
func (d *calibrated) Header() models.Header { return d.header }

// Encode returns the bytes of the detector's file.
func (d *calibrated) Encode() ([]byte, error) { return models.Encode(d.header, d.params) }

// Save writes the detector's file so that a crash leaves the old or the new.
func (d *calibrated) Save(path string) error { return models.Save(path, d.header, d.params) }

// applyCalibration adds what the calibration says of a raw score.
func (d *calibrated) applyCalibration(s Score) Score {
	c := &d.calibration
	s.Calibration, s.Prevalence = c.Name(), c.Prevalence
	s.Percentile, s.Anomalous = c.Percentile(s.Raw), s.Raw > c.Threshold
	if c.Logistic != nil {
		p := c.Logistic.Probability(s.Raw)
		s.Probability = &p
	}
	return s
}

// seed is where noise comes from. It is the same for all patches: the same weights and patch
// give the same score, and patches that hardly differ, hardly another one.
func (d *calibrated) seed() [32]byte { return sha256.Sum256([]byte(d.header.Digest)) }

// checkPatch counts the voxels of the support. A patch without any, or of
// another size, is an error.
func checkPatch(i int, p nodule.Patch) (support int, err error) {
	n := p.SupportCount()
	if n == 0 || len(p.Voxels) != nodule.PatchVoxels || len(p.Support) != len(p.Voxels) {
		return 0, fmt.Errorf("detector: patch %d has %d voxels and %d that count", i, len(p.Voxels), n)
	}
	return n, nil
}

// rows are patches as the network reads them, and how many voxels of each
// count.
func (d *calibrated) rows(patches []nodule.Patch) (rows []row, counts []float64, err error) {
	for i, p := range patches {
		if _, err := checkPatch(i, p); err != nil {
			return nil, nil, err
		}
		p = p.As(d.header.Preprocessing)
		n, err := checkPatch(i, p)
		if err != nil {
			return nil, nil, err
		}
		rows, counts = append(rows, row{p.Voxels, p.Support, d.seed()}), append(counts, float64(n))
	}
	return rows, counts, nil
}

// shown is a reconstruction as a score gives it: what the detector does not look at
// is the patch itself, so that no picture shows a difference there.
func (d *calibrated) shown(p nodule.Patch, image []float32) []float32 {
	if d.header.Preprocessing != nodule.CoreVersion {
		return image
	}
	out := slices.Clone(p.Voxels)
	for _, i := range nodule.CoreVoxels() {
		out[i] = image[i]
	}
	return out
}

// found is what a network gives for patches, and how many voxels of each count.
func found[N any, F any](ctx context.Context, d *calibrated, b *batcher[N, F], patches []nodule.Patch) ([]F, []float64, error) {
	rows, counts, err := d.rows(patches)
	if err != nil {
		return nil, nil, err
	}
	all, err := b.score(ctx, rows)
	if err != nil {
		return nil, nil, fmt.Errorf("detector: score: %w", err)
	}
	return all, counts, nil
}

// lists are rows as package models takes them.
func lists(rows []row) (voxels, supports [][]float32, seeds [][32]byte) {
	for _, r := range rows {
		voxels, supports, seeds = append(voxels, r.voxels), append(supports, r.support), append(seeds, r.seed)
	}
	return voxels, supports, seeds
}

// Load reads a detector's file of either kind: VAE-AD or GAN-AD, as its header
// says. What is cut, altered, larger than 256 MiB or no detector is refused.
func Load(path string) (Detector, error) { return load(path, Decode) }

// Decode is Load of the bytes of a file.
func Decode(b []byte) (Detector, error) {
	c, err := decodeCalibrated(b, kindVAE, kindGAN)
	if err != nil {
		return nil, err
	}
	if c.header.Kind == kindGAN {
		return c.ganad()
	}
	return c.vaead()
}

// load reads a file of bounded size. Errors name it.
func load[D any](path string, decode func([]byte) (D, error)) (d D, err error) {
	b, err := smallfile.Read(path, maxDetectorBytes)
	switch {
	case errors.Is(err, smallfile.ErrTooLarge):
		return d, fmt.Errorf("%w: %s is larger than %d bytes", models.ErrCheckpoint, path, maxDetectorBytes)
	case err != nil:
		return d, fmt.Errorf("detector: load model: %w", err)
	}
	if d, err = decode(b); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}
