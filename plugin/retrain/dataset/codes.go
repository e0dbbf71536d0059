package dataset

import "github.com/nodulescope/nodulescope/internal/coded"

// Codes of this package: of errors, and of nodules and decisions that are left
// out. Others of these come from dicomio, nodule and detector/outline.
const (
	CodeKey             coded.Code = "site_key_invalid"    // the file of the key is no key, or others may read it, or it is another one
	CodeNothing         coded.Code = "site_data_empty"     // no nodule is left
	CodeChanged         coded.Code = "site_data_changed"   // files or input are not those of the card
	CodeInput           coded.Code = "site_input_invalid"  // a file of results or decisions cannot be read
	CodeResultMissing   coded.Code = "result_missing"      // a decision on a result that is not there
	CodeSuperseded      coded.Code = "result_superseded"   // a decision on a nodule that a newer result does not have at its place
	CodePatientUnknown  coded.Code = "patient_unknown"     // the images name no patient
	CodePatientConflict coded.Code = "patient_conflict"    // one id, two patients
	CodeDuplicate       coded.Code = "duplicate_nodule"    // the same nodule in another series, or marked twice
	CodeNotNodule       coded.Code = "not_a_nodule"        // a reader's verdict
	CodeUndescribed     coded.Code = "nodule_not_outlined" // no outline could be made of it
)
