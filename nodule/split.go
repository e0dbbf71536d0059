package nodule

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Fractions are the shares of patients on each side of a split. They add up to 1.
type Fractions struct {
	Train, Validation, Calibration, Test float64
}

// Split holds the four sides of a data set. No patient is on two of them.
type Split struct {
	Train, Validation, Calibration, Test *Dataset
}

// TrainNormals returns the training samples labelled normal: what an anomaly
// detector learns from.
func (s *Split) TrainNormals() []Sample {
	return s.Train.Filter(func(x *Sample) bool { return x.Label == Normal }).Samples
}

// HeldOutPatients are the patients whose CT series show that training data and
// scans agree. They take no part in training, calibration or test.
func HeldOutPatients() []string { return []string{"LIDC-IDRI-0001", "LIDC-IDRI-0003"} }

// SplitByPatient puts every patient of ds on one side and leaves out those in
// exclude. The side follows from the SHA-256 of seed and patient alone: it is
// the same in every data set, and does not change when patients are added. With
// few patients the shares differ from the fractions by chance. It refuses
// fractions that are negative or do not add up to 1, and samples without a
// patient, with CodeSplitInvalid.
func SplitByPatient(ds *Dataset, seed uint64, f Fractions, exclude []string) (*Split, error) {
	bad := func(format string, args ...any) error {
		return &Error{Code: CodeSplitInvalid, Op: "split data set", Hint: fmt.Sprintf(format, args...)}
	}
	shares := [4]float64{f.Train, f.Validation, f.Calibration, f.Test}
	sum := 0.0
	for _, s := range shares {
		if !(s >= 0) {
			return nil, bad("a fraction is %g; give 0 to 1", s)
		}
		sum += s
	}
	if math.Abs(sum-1) > 1e-9 {
		return nil, bad("the fractions add up to %g; they must add up to 1", sum)
	}
	sides := [4]*Dataset{}
	for i := range sides {
		sides[i] = ds.none()
	}
	for i := range ds.Samples {
		s := &ds.Samples[i]
		if s.Patient == "" {
			return nil, bad("sample %d has no patient, so its side is unknown", i)
		}
		if slices.Contains(exclude, s.Patient) {
			continue
		}
		side := sides[sideOf(seed, s.Patient, shares)]
		side.Samples = append(side.Samples, *s)
	}
	return &Split{Train: sides[0], Validation: sides[1], Calibration: sides[2], Test: sides[3]}, nil
}

// sideOf maps a patient to a number in [0, 1) and finds the share it falls into.
func sideOf(seed uint64, patient string, shares [4]float64) int {
	sum := sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), patient...))
	u := float64(binary.LittleEndian.Uint64(sum[:8])>>11) / (1 << 53)
	side, edge := 0, 0.0
	for i, s := range shares {
		if s == 0 {
			continue
		}
		side = i // the last share that is not 0 also takes what rounding leaves
		edge += s
		if u < edge {
			break
		}
	}
	return side
}
