package detector

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/nodule"
)

// GANName is the name under which GAN-AD reports its scores.
const GANName = "gan-ad"

// GANAD is a trained and calibrated generative adversarial network that
// searches its latent space for the image nearest to a patch (section V-A of
// the paper).
type GANAD struct {
	calibrated
	gan     *models.TrainedGAN
	search  models.SearchSettings
	batcher *batcher[*models.Searcher, models.Found]
}

var _ Detector = (*GANAD)(nil)

// ganSettings stand in the header of the file: what a score means follows from
// the search as well as from the weights.
type ganSettings struct {
	Calibration
	Search models.SearchSettings `json:"search"`
}

// NewGANAD makes a detector of a trained network, the settings of its search
// and a calibration. The digest covers all of them, and the preprocessing. The
// zero value of a search setting takes its default, which is written into the
// file.
func NewGANAD(t *models.TrainedGAN, search models.SearchSettings, c Calibration) (*GANAD, error) {
	s, err := models.NewSearcher(t, search, compute.Options{})
	if err != nil {
		return nil, err
	}
	b, err := encodeCalibrated(t.Header, t.Params(), ganSettings{c, pinned(s.Settings())})
	if err != nil {
		return nil, err
	}
	return decodeGANAD(b)
}

// pinned are settings in use in the form in which they are given.
func pinned(s models.SearchSettings) models.SearchSettings {
	s.Momentum, s.Lambda = models.Exactly(s.Momentum), models.Exactly(s.Lambda)
	return s
}

// decodeGANAD reads a detector from the bytes of its file. A file that is cut
// or altered, of another network, of another preprocessing, or without
// calibration or search is refused.
func decodeGANAD(b []byte) (*GANAD, error) {
	c, err := decodeCalibrated(b, kindGAN)
	if err != nil {
		return nil, err
	}
	return c.ganad()
}

// Bounds of what a file may ask for, so that one that is damaged does not keep
// a service busy for days.
const (
	maxSearchSteps    = 10_000
	maxSearchRestarts = 100
	maxSearchBatch    = 64
)

func (d calibrated) ganad() (*GANAD, error) {
	t, err := models.GANOf(d.header, d.params)
	if err != nil {
		return nil, err
	}
	var set ganSettings
	if err := json.Unmarshal(d.header.Detector, &set); err != nil {
		return nil, fmt.Errorf("detector: settings of the search: %w", err)
	}
	s := set.Search
	if s.Steps < 1 || s.Rate == 0 || s.Momentum == 0 || s.Lambda == 0 || s.Restarts < 1 || s.Batch < 1 {
		return nil, fmt.Errorf("detector: the model does not say how its search is done; write it with the experiment command (%w)", models.ErrCheckpoint)
	}
	if s.Steps > maxSearchSteps || s.Restarts > maxSearchRestarts || s.Batch > maxSearchBatch {
		return nil, fmt.Errorf("detector: a search of %d steps, %d starts, %d at once: at most %d, %d and %d are done (%w)",
			s.Steps, s.Restarts, s.Batch, maxSearchSteps, maxSearchRestarts, maxSearchBatch, models.ErrCheckpoint)
	}
	build := func(b compute.Backend) (*models.Searcher, error) { // plans are compiled when they are needed
		return models.NewSearcher(t, s, compute.Options{Backends: cpu.List(b)})
	}
	if _, err := build(nil); err != nil { // of weights or settings that cannot be searched with
		return nil, fmt.Errorf("%w (%w)", err, models.ErrCheckpoint)
	}
	return &GANAD{calibrated: d, gan: t, search: s, batcher: &batcher[*models.Searcher, models.Found]{
		build:    build,
		turn:     BatchSize,
		fits:     func(s *models.Searcher, _ int) int { return s.Together() },
		onDevice: (*models.Searcher).OnDevice,
		run: func(ctx context.Context, s *models.Searcher, rows []row) ([]models.Found, error) {
			voxels, supports, seeds := lists(rows)
			return s.Search(ctx, voxels, supports, seeds)
		},
	}}, nil
}

// LoadGANAD reads a detector's file.
func LoadGANAD(path string) (*GANAD, error) { return load(path, decodeGANAD) }

// Name is "gan-ad".
func (d *GANAD) Name() string { return GANName }

// Trained is the network. It must not be changed.
func (d *GANAD) Trained() *models.TrainedGAN { return d.gan }

// Search are the settings of the search; a negative one is switched off.
func (d *GANAD) Search() models.SearchSettings { return d.search }

// Score implements Detector. A search from one start (or Search.Restarts)
// descends equation 15, L = (1-lambda) sum|x - G(z)| + lambda sum|f(x) -
// f(G(z))|, where the first sum is over the support and the critic sees both
// images within the support alone.
//
// Raw is L after the last step divided by the number of voxels of the support.
// Both sums grow with what the scan covers of a patch: residuals are counted
// there alone, and features that see nothing of it are equal. (Features at the
// edge of what is covered count in full: with half of a patch covered, Raw was
// 13 to 25 % higher after a short training, where L fell to 0.6.) For patches
// with the whole support, Raw ranks as the equation does. The terms are the equation
// as printed and its parts, and the critic's score of the patch, which is
// large for normal ones, negated.
//
// Sum and PerVoxel are the residual loss (equation 13), Reconstruction is G(z)
// and Curve the way of L. The start is the encoder's, or drawn from the digest of the
// model: the same patch gives the same score, whatever is searched beside it. A
// patch without support is an error; a cancelled ctx ends a search between two
// steps.
func (d *GANAD) Score(ctx context.Context, patches []nodule.Patch) ([]Score, error) {
	searched, counts, err := found(ctx, &d.calibrated, d.batcher, patches)
	if err != nil {
		return nil, err
	}
	out := make([]Score, len(patches))
	for i, f := range searched {
		raw := f.Loss / counts[i]
		out[i] = d.applyCalibration(Score{
			Raw: raw, Sum: f.Residual, PerVoxel: f.PerVoxel, Reconstruction: d.shown(patches[i], f.Image), Curve: f.Curve.Loss, Machine: f.Machine,
			Terms: []Term{
				{"loss per voxel", raw}, {"loss", f.Loss}, {"residual", f.Residual}, {"feature", f.Feature},
				{"residual per voxel", f.PerVoxel}, {"critic score, negated", -f.CriticScore},
			},
		})
	}
	return out, nil
}
