package detector

import (
	"github.com/nodulescope/nodulescope/nodule"
)

// Protocol fixes how a labelled data set is used: one split by patient,
// normals only in training, every side for one purpose.
type Protocol struct {
	SplitSeed uint64           // 0 takes DefaultSplitSeed
	Fractions nodule.Fractions // zero takes half of the patients for training, 10 % for validation, 15 % for calibration and 25 % for the test
	Exclude   []string         // patients on no side; nil takes nodule.HeldOutPatients
}

// DefaultSplitSeed is the seed of the split of the published figures.
const DefaultSplitSeed = 2018

// defaultFractions are the shares of patients on each side.
var defaultFractions = nodule.Fractions{Train: 0.5, Validation: 0.1, Calibration: 0.15, Test: 0.25}

// Split divides a data set by patient.
func (p Protocol) Split(ds *nodule.Dataset) (*nodule.Split, error) {
	if p.SplitSeed == 0 {
		p.SplitSeed = DefaultSplitSeed
	}
	if p.Fractions == (nodule.Fractions{}) {
		p.Fractions = defaultFractions
	}
	if p.Exclude == nil {
		p.Exclude = nodule.HeldOutPatients()
	}
	return nodule.SplitByPatient(ds, p.SplitSeed, p.Fractions, p.Exclude)
}
