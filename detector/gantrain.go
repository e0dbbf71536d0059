package detector

import (
	"context"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// GANOptions of TrainGANAD.
type GANOptions struct {
	GAN         models.GAN // zero takes models.ReferenceGAN
	Settings    models.GANSettings
	Search      models.SearchSettings
	Dir         string // where the state is kept for resuming; empty: nowhere
	Attribution string // of the data, kept in the model
	Progress    func(models.GANProgress)
}

// TrainGANAD trains a GAN on the normals of the training patients and
// calibrates its search on the calibration patients at the prevalence that they
// have. The normals of the validation patients choose nothing: they are part of
// the reference of percentiles. Labels beyond "normal" reach the calibration
// alone, and the test side is not touched.
func TrainGANAD(ctx context.Context, ds *nodule.Dataset, split *nodule.Split, o GANOptions) (*GANAD, error) {
	train := split.TrainNormals()
	if len(train) == 0 {
		return nil, ErrNoNormals
	}
	if o.GAN == (models.GAN{}) {
		o.GAN = models.ReferenceGAN
	}
	t, err := models.TrainGAN(ctx, models.GANRun{
		GAN: o.GAN, Train: Patches(train, true), Settings: o.Settings,
		Header: models.Header{Preprocessing: nodule.PreprocessingVersion, DataDigest: ds.Digest(), Attribution: o.Attribution},
		Dir:    o.Dir, Progress: o.Progress,
	})
	if err != nil {
		return nil, err
	}
	return CalibrateGAN(ctx, t, o.Search, split, nil)
}

// EncoderOptions of TrainGANEncoder.
type EncoderOptions struct {
	Settings    models.EncoderSettings // Lambda is that of the search
	Attribution string                 // of the data, kept in the model
	Progress    func(models.EncoderProgress)
	Compute     compute.Options // where the encoder is trained; it is calibrated on the processor
}

// EncoderSearch are the settings of a search from an encoder, in place of those
// of one from the prior: a few steps of Adam, up to where they no longer pay.
func EncoderSearch(was models.SearchSettings) models.SearchSettings {
	return models.SearchSettings{Lambda: models.Exactly(was.Lambda), Batch: was.Batch, Free: was.Free,
		Encoder: true, Optimiser: models.AdamSearch, Steps: 5, Stop: 0.01}
}

// TrainGANEncoder trains an encoder for the generator of a detector on the normals
// of the training patients, keeps the weights that map the normals of the
// validation patients best, and calibrates the search that starts there on the
// calibration patients. Generator and critic stay as they are.
func TrainGANEncoder(ctx context.Context, old *GANAD, ds *nodule.Dataset, split *nodule.Split, o EncoderOptions) (*GANAD, error) {
	t, err := GANEncoder(ctx, old.gan, old.search, split, models.Header{DataDigest: ds.Digest(), Attribution: o.Attribution}, o)
	if err != nil {
		return nil, err
	}
	return CalibrateGAN(ctx, t, EncoderSearch(old.Search()), split, nil)
}

// GANEncoder is the network of TrainGANEncoder, for a search with settings as
// they are given. h names the data.
func GANEncoder(ctx context.Context, t *models.TrainedGAN, search models.SearchSettings, split *nodule.Split, h models.Header, o EncoderOptions) (*models.TrainedGAN, error) {
	train := split.TrainNormals()
	if len(train) == 0 {
		return nil, ErrNoNormals
	}
	o.Settings.Lambda = models.Exactly(search.Lambda)
	return models.TrainEncoder(ctx, models.EncoderRun{
		GAN: t, Train: PatchesAs(t.Header.Preprocessing, train, true), Valid: PatchesAs(t.Header.Preprocessing, Normals(split.Validation), false),
		Settings: o.Settings, Header: h, Progress: o.Progress, Compute: o.Compute,
	})
}
