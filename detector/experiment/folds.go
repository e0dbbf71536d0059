package experiment

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
)

// foldOf is the fold of a patient, from 1: a number from the SHA-256 of seed
// and patient alone.
func foldOf(seed uint64, patient string, folds int) int {
	h := sha256.Sum256(append(binary.LittleEndian.AppendUint64([]byte("fold"), seed), patient...))
	return 1 + int(binary.LittleEndian.Uint64(h[:8])%uint64(folds)) //nolint:gosec // at most 20
}

// inFold tells which patients are tested in a fold. Held-out patients are in
// none of the plan.
func (s Settings) inFold(fold int) func(*nodule.Sample) bool {
	return func(x *nodule.Sample) bool {
		if !s.FoldPlan {
			return foldOf(s.SplitSeed, x.Patient, s.Folds) == fold
		}
		planned, err := nodule.FoldOf(x.Patient)
		return err == nil && planned == fold
	}
}

// foldFractions are the shares of the patients outside a fold.
var foldFractions = nodule.Fractions{Train: 0.7, Validation: 0.12, Calibration: 0.18}

// splitFold tests on the patients of one fold of a cross-validation and divides
// the others as Protocol does. Every patient but the excluded ones is tested in
// one fold.
func splitFold(ds *nodule.Dataset, s Settings, fold int) (*nodule.Split, error) {
	inside := s.inFold(fold)
	rest := ds.Filter(func(s *nodule.Sample) bool { return !inside(s) })
	p := detector.Protocol{SplitSeed: s.SplitSeed + uint64(fold), Fractions: foldFractions} //nolint:gosec // at most 20
	split, err := p.Split(rest)
	if err != nil {
		return nil, err
	}
	split.Test = ds.Filter(func(s *nodule.Sample) bool {
		return inside(s) && !slices.Contains(nodule.HeldOutPatients(), s.Patient)
	})
	return split, nil
}

// checkSplit names the side of a split that cannot do what it is for.
func checkSplit(split *nodule.Split) error {
	count := func(ds *nodule.Dataset, l nodule.Label) int {
		return len(ds.Filter(func(s *nodule.Sample) bool { return s.Label == l }).Samples)
	}
	if count(split.Train, nodule.Normal) == 0 {
		return detector.ErrNoNormals
	}
	bad := func(side, format string, args ...any) error {
		return &nodule.Error{Code: nodule.CodeSplitInvalid, Op: "split data set", Hint: "the " + side + " side has " + fmt.Sprintf(format, args...) +
			"; use a larger data set"}
	}
	if n := count(split.Test, nodule.Normal); n == 0 {
		return bad("test", "no normal nodule")
	}
	if n := count(split.Test, nodule.Anomaly); n == 0 {
		return bad("test", "no anomaly")
	}
	if count(split.Validation, nodule.Normal)+count(split.Calibration, nodule.Normal) == 0 {
		return bad("validation and calibration", "no normal nodule")
	}
	return nil
}
