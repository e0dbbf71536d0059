package detector

import (
	"context"

	"github.com/nodulescope/nodulescope/models"
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
