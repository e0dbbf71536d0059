package evaluation

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/nodulescope/nodulescope/models/compute"
)

// The columns of a file of scores: these, then per detector its name with each
// of predictionColumns behind an "@", and where it is known what computed each of
// machineColumns, then the rows of the table by name.
var (
	scoredColumns     = []string{"data", "seed", "fold", "patient", "patient_verified", "nodule", "label", "malignancy", "diameter_mm"}
	predictionColumns = []string{"digest", "calibration", "probability", "percentile", "threshold", "sensitive_threshold"}
	machineColumns    = []string{"device", "device_name", "precision"}
)

// WriteCSV writes one line per nodule, from which tables and figures can be
// made again. What is not known is empty. Numbers are written so that ReadCSV
// gives the same ones back.
func WriteCSV(w io.Writer, scored []Scored) error {
	if len(scored) == 0 {
		return fmt.Errorf("%w: there are none to write", ErrScores)
	}
	if err := checkScored(scored); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	head := slices.Clone(scoredColumns)
	machines := machinesKnown(scored)
	for i, v := range scored[0].Predictions {
		for _, name := range predictionColumns {
			head = append(head, v.Detector+"@"+name)
		}
		if machines[i] {
			for _, name := range machineColumns {
				head = append(head, v.Detector+"@"+name)
			}
		}
	}
	for _, v := range scored[0].Values {
		head = append(head, v.Name)
	}
	// A name that reads as another column would not come back.
	if rows, err := parseHead(head); err != nil || len(rows.values) != len(scored[0].Values) {
		return errors.Join(fmt.Errorf("%w: a row or detector has a name that is taken", ErrScores), err)
	}
	lines := [][]string{head}
	for i := range scored {
		lines = append(lines, scored[i].line(machines))
	}
	if err := c.WriteAll(lines); err != nil {
		return fmt.Errorf("evaluation: write scores: %w", err)
	}
	return nil
}

// machinesKnown tells of which detectors the machine of a score is known.
func machinesKnown(scored []Scored) []bool {
	known := make([]bool, len(scored[0].Predictions))
	for i := range scored {
		for j, v := range scored[i].Predictions {
			known[j] = known[j] || v.Machine != compute.Machine{}
		}
	}
	return known
}

// number is v with every digit, and nothing where it is not known.
func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func (s *Scored) line(machines []bool) []string {
	verified := "1"
	if s.Unverified {
		verified = "0"
	}
	known := func(v float64) string {
		if v == 0 {
			return ""
		}
		return number(v)
	}
	line := []string{s.Data, strconv.FormatUint(s.Seed, 10), strconv.Itoa(s.Fold), s.Patient, verified, s.Nodule, s.Label.String(),
		known(float64(s.Malignancy)), known(s.DiameterMM)}
	for i, v := range s.Predictions {
		line = append(line, v.Digest, v.Calibration, number(v.Probability), number(v.Percentile), number(v.Threshold), number(v.Sensitive))
		if machines[i] {
			line = append(line, v.Machine.Device, v.Machine.Name, v.Machine.Precision)
		}
	}
	for _, v := range s.Values {
		line = append(line, number(v.Value))
	}
	return line
}
