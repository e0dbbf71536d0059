package evaluation

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
)

// Errors of an evaluation.
var (
	// ErrOneClass says that a set has normals or anomalies alone.
	ErrOneClass = errors.New("evaluation: both normal and anomalous nodules are needed to evaluate")
	// ErrScores says that per-nodule scores do not make a table.
	ErrScores = errors.New("evaluation: not a usable set of scores")
)

// Scored is a labelled nodule (or image) with every value that it is ranked
// by. It is what a CSV of scores holds line by line; tables and figures are
// made of it without the model.
type Scored struct {
	Data        string // digest of the file that it comes from
	Seed        uint64 // of the training of the detectors
	Fold        int    // of a cross-validation, from 1; 0: none
	Patient     string // empty: a case of its own
	Unverified  bool   // the patient could not be checked against another source
	Nodule      string
	Label       nodule.Label
	Malignancy  int             // 1 to 5; 0: unknown
	DiameterMM  float64         // 0: unknown
	Predictions []Prediction    // per detector
	Values      []detector.Term // by name of the row, the same for every nodule; NaN: not known
}

// Prediction is what a calibrated detector says of one nodule beside its raw
// score, which stands in Values under the detector's name. NaN: not known.
type Prediction struct {
	Detector    string
	Digest      string
	Calibration string  // "natural-prevalence" or "uncalibrated"
	Probability float64 // 0..1
	Percentile  float64 // 0..100 among the detector's reference normals
	Threshold   float64 // epsilon: Youden's, or the 95th percentile of the reference where uncalibrated
	Sensitive   float64 // threshold for a sensitivity of 95 % on the calibration patients

	Machine compute.Machine // what computed the score; zero: not known
}

// Value of a row; NaN where the nodule has none.
func (s *Scored) Value(row string) float64 {
	for _, v := range s.Values {
		if v.Name == row {
			return v.Value
		}
	}
	return math.NaN()
}

// Prediction of a detector; nil where there is none.
func (s *Scored) Prediction(detector string) *Prediction {
	for i := range s.Predictions {
		if s.Predictions[i].Detector == detector {
			return &s.Predictions[i]
		}
	}
	return nil
}

// TermRow is the name of the row of a detector's term.
func TermRow(detector, term string) string { return detector + ": " + term }

// predictionOf makes a prediction of a score of the detector.
func predictionOf(name, digest string, s detector.Score, c *detector.Calibration) Prediction {
	v := Prediction{Detector: name, Digest: digest, Calibration: s.Calibration, Probability: math.NaN(), Percentile: s.Percentile,
		Machine: s.Machine, Threshold: math.NaN(), Sensitive: math.NaN()}
	if s.Probability != nil {
		v.Probability = *s.Probability
	}
	if c != nil {
		v.Threshold = c.Threshold
		if c.Sensitive != nil {
			v.Sensitive = *c.Sensitive
		}
	}
	return v
}

// owner tells whose row a name is: a detector's, for its score or a term, or
// nobody's ("").
func owner(row string, predictions []Prediction) string {
	best := ""
	for _, v := range predictions {
		if (row == v.Detector || strings.HasPrefix(row, v.Detector+": ")) && len(v.Detector) > len(best) {
			best = v.Detector
		}
	}
	return best
}

// checkScored refuses sets whose nodules do not have the same rows and
// detectors in the same order, or values that no ranking can use.
func checkScored(scored []Scored) error {
	for i := range scored {
		s, first := &scored[i], &scored[0]
		if len(s.Values) != len(first.Values) || len(s.Predictions) != len(first.Predictions) {
			return fmt.Errorf("%w: nodule %d has other rows than the first", ErrScores, i)
		}
		for j, v := range s.Values {
			if v.Name != first.Values[j].Name {
				return fmt.Errorf("%w: nodule %d has a row %q where the first has %q", ErrScores, i, v.Name, first.Values[j].Name)
			}
			if math.IsInf(v.Value, 0) {
				return fmt.Errorf("%w: nodule %d has an infinite %q", ErrScores, i, v.Name)
			}
		}
		for j, v := range s.Predictions {
			if v.Detector != first.Predictions[j].Detector {
				return fmt.Errorf("%w: nodule %d is scored by %q where the first is by %q", ErrScores, i, v.Detector, first.Predictions[j].Detector)
			}
			if v.Probability < 0 || v.Probability > 1 {
				return fmt.Errorf("%w: nodule %d has a probability of %g", ErrScores, i, v.Probability)
			}
		}
		if !(s.DiameterMM >= 0) || math.IsInf(s.DiameterMM, 0) {
			return fmt.Errorf("%w: nodule %d has a diameter of %g mm", ErrScores, i, s.DiameterMM)
		}
		if s.Label < nodule.Indeterminate || s.Label > nodule.Anomaly {
			return fmt.Errorf("%w: nodule %d has the label %d", ErrScores, i, s.Label)
		}
	}
	return nil
}
