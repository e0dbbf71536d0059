package detector

import (
	"context"
	"errors"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// TrainOptions of TrainVAEAD.
type TrainOptions struct {
	Settings    models.Settings
	Dir         string // where the state is kept for resuming; empty: nowhere
	Attribution string // of the data, kept in the model
	Progress    func(models.Progress)
	Compute     compute.Options // where the network is trained; it is calibrated on the processor
}

// ErrNoNormals says that there is nothing to learn from.
var ErrNoNormals = errors.New("detector: the training side of the data set has no normal nodules")

// TrainVAEAD trains the reference VAE on the normals of the training patients,
// keeps the weights that bound the normals of the validation patients best, and
// calibrates them on the calibration patients at the prevalence that they have.
// Labels beyond "normal" reach the calibration alone, and the test side is not
// touched.
func TrainVAEAD(ctx context.Context, ds *nodule.Dataset, split *nodule.Split, o TrainOptions) (*VAEAD, error) {
	train := split.TrainNormals()
	if len(train) == 0 {
		return nil, ErrNoNormals
	}
	valid := Normals(split.Validation)
	r, err := models.TrainVAE(ctx, models.Run{
		VAE: models.ReferenceVAE, Train: Patches(train, true), Valid: Patches(valid, false), Settings: o.Settings,
		Header: models.Header{Preprocessing: nodule.PreprocessingVersion, DataDigest: ds.Digest(), Attribution: o.Attribution},
		Dir:    o.Dir, Progress: o.Progress, Compute: o.Compute,
	})
	if err != nil {
		return nil, err
	}
	return Calibrate(ctx, r, split, nil)
}
