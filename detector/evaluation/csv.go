package evaluation

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/nodule"
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

// Limits of a file of scores.
const (
	maxScoresBytes = 64 << 20
	maxScoresLines = 200_000
	maxScoresWidth = 256
)

// ReadCSV reads what WriteCSV wrote. It reads at most 64 MiB;
// what is longer, wider or no such file is refused with ErrScores, by line.
func ReadCSV(r io.Reader) ([]Scored, error) {
	limited := &io.LimitedReader{R: r, N: maxScoresBytes + 1}
	c := csv.NewReader(bufio.NewReader(limited))
	c.ReuseRecord = true
	head, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: no head line: %w", ErrScores, err)
	}
	cols, err := parseHead(slices.Clone(head))
	if err != nil {
		return nil, err
	}
	var scored []Scored
	for {
		line, err := c.Read()
		if limited.N <= 0 {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrScores, maxScoresBytes)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrScores, err)
		}
		if len(scored) == maxScoresLines {
			return nil, fmt.Errorf("%w: more than %d nodules", ErrScores, maxScoresLines)
		}
		s, err := cols.parse(line)
		if err != nil {
			n, _ := c.FieldPos(0)
			return nil, fmt.Errorf("%w: line %d: %w", ErrScores, n, err)
		}
		scored = append(scored, s)
	}
	if len(scored) == 0 {
		return nil, fmt.Errorf("%w: the file has no nodule", ErrScores)
	}
	return scored, checkScored(scored)
}

// scoresHead is what the head line says.
type scoresHead struct {
	detectors []string
	machines  []bool // per detector: what computed stands in the file
	values    []string
}

func parseHead(head []string) (scoresHead, error) {
	var h scoresHead
	bad := func(format string, args ...any) (scoresHead, error) {
		return h, fmt.Errorf("%w: head line: "+format, append([]any{ErrScores}, args...)...)
	}
	if len(head) > maxScoresWidth {
		return bad("%d columns, at most %d are read", len(head), maxScoresWidth)
	}
	n := len(scoredColumns)
	if len(head) < n || !slices.Equal(head[:n], scoredColumns) {
		return bad("the first columns must be %s; write the file with 'evaluate --csv'", strings.Join(scoredColumns, ","))
	}
	rest := head[n:]
	for len(rest) > 0 {
		name, ok := strings.CutSuffix(rest[0], "@"+predictionColumns[0])
		if !ok {
			break
		}
		for i, want := range predictionColumns {
			if len(rest) <= i || rest[i] != name+"@"+want {
				return bad("detector %.64q lacks column %q", name, want)
			}
		}
		if name == "" || slices.Contains(h.detectors, name) {
			return bad("detector %.64q has no name or stands twice", name)
		}
		h.detectors, rest = append(h.detectors, name), rest[len(predictionColumns):]
		machine := len(rest) > 0 && rest[0] == name+"@"+machineColumns[0]
		for i, want := range machineColumns {
			if machine && (len(rest) <= i || rest[i] != name+"@"+want) {
				return bad("detector %.64q lacks column %q", name, want)
			}
		}
		if h.machines = append(h.machines, machine); machine {
			rest = rest[len(machineColumns):]
		}
	}
	for _, name := range rest {
		if name == "" || strings.Contains(name, "@") || slices.Contains(h.values, name) {
			return bad("column %.64q has no name, has an @ or stands twice", name)
		}
		h.values = append(h.values, name)
	}
	return h, nil
}

func (h scoresHead) parse(line []string) (s Scored, err error) {
	note := func(e error) { err = errors.Join(err, e) }
	num := func(what, text string) float64 {
		if text == "" {
			return math.NaN()
		}
		v, e := strconv.ParseFloat(text, 64)
		if e != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			note(fmt.Errorf("%s: %.32q is not a finite number", what, text))
		}
		return v
	}
	s.Data, s.Patient, s.Nodule = line[0], line[3], line[5]
	var e error
	if s.Seed, e = strconv.ParseUint(line[1], 10, 64); e != nil {
		note(fmt.Errorf("seed: %w", e))
	}
	if s.Fold, e = strconv.Atoi(line[2]); e != nil || s.Fold < 0 {
		note(fmt.Errorf("fold: %.32q is not a whole number from 0", line[2]))
	}
	switch line[4] {
	case "0":
		s.Unverified = true
	case "1":
	default:
		note(fmt.Errorf("patient_verified: %.32q is neither 0 nor 1", line[4]))
	}
	label := slices.Index([]string{nodule.Indeterminate.String(), nodule.Normal.String(), nodule.Anomaly.String()}, line[6])
	if s.Label = nodule.Label(label); label < 0 {
		note(fmt.Errorf("label: %.32q is unknown", line[6]))
	}
	if line[7] != "" {
		if s.Malignancy, e = strconv.Atoi(line[7]); e != nil || s.Malignancy < 1 || s.Malignancy > 5 {
			note(fmt.Errorf("malignancy: %.32q is not 1 to 5", line[7]))
		}
	}
	if line[8] != "" {
		s.DiameterMM = num("diameter_mm", line[8])
	}
	rest := line[len(scoredColumns):]
	for i, d := range h.detectors {
		s.Predictions = append(s.Predictions, Prediction{Detector: d, Digest: rest[0], Calibration: rest[1], Probability: num("probability", rest[2]),
			Percentile: num("percentile", rest[3]), Threshold: num("threshold", rest[4]), Sensitive: num("sensitive_threshold", rest[5])})
		rest = rest[len(predictionColumns):]
		if h.machines[i] {
			s.Predictions[i].Machine = compute.Machine{Device: rest[0], Name: rest[1], Precision: rest[2]}
			rest = rest[len(machineColumns):]
		}
	}
	for i, name := range h.values {
		s.Values = append(s.Values, detector.Term{Name: name, Value: num(name, rest[i])})
	}
	return s, err
}
