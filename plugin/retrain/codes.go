package retrain

import "github.com/nodulescope/nodulescope/internal/coded"

// Codes of this package. Others come from dataset, nodule, detector/rungs.
const (
	CodeTooFew        coded.Code = "retrain_too_few"       // the data are not enough for what was asked
	CodePreprocessing coded.Code = "retrain_preprocessing" // data or incumbent are of another preprocessing
	CodeIncumbent     coded.Code = "retrain_incumbent"     // the models in use do not belong together
	CodeState         coded.Code = "retrain_state"         // the state folder is damaged, or of another retraining
	CodeLocked        coded.Code = "retrain_locked"        // another process retrains in this folder
	CodeWrite         coded.Code = "retrain_write_failed"  // state or candidate could not be written
)

func refuse(code coded.Code, op, hint string, cause error) error {
	return coded.New(code, op, hint, cause)
}
