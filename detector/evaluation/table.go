package evaluation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// Names of the model-free baselines. They never change: files of scores and
// JSON name them.
const (
	RowDiameter     = "diameter only"
	RowMaskShare    = "mask only: share of the cube with data"
	RowMaskVolume   = "mask only: volume"
	RowMaskDiameter = "mask only: diameter of its sphere"
	RowSupport      = "support only: voxels that count"
	RowIntensitySum = "intensity only: sum over the support"
	RowIntensity    = "intensity only: mean over the support"
	RowMeanImage    = "mean image: distance to the mean normal"
	RowNearest      = "kNN on pixels: 5 training normals"
)

// Counts says on what a figure stands.
type Counts struct {
	Nodules    int     `json:"nodules"`
	Patients   int     `json:"patients"`
	Unverified int     `json:"unverified"` // nodules whose patient could not be verified
	Normals    int     `json:"normals"`
	Anomalies  int     `json:"anomalies"`
	Prevalence float64 `json:"prevalence"`
}

// Row is one way to rank nodules, and how well it does. Larger is taken for
// more anomalous in every row; the sign was fixed beforehand.
type Row struct {
	Name      string                 `json:"name"`
	Model     bool                   `json:"model"`          // a detector's, not a model-free baseline
	Note      string                 `json:"note,omitempty"` // the term that the score is
	Counts    Counts                 `json:"counts"`         // of the nodules that have the value
	Overall   stats.AUROC            `json:"overall"`
	Matched   *stats.AUROC           `json:"size_matched"`   // nil where no pair is close in size
	Regressed *stats.AUROC           `json:"size_regressed"` // nil where diameters are not known
	Precision stats.AveragePrecision `json:"average_precision"`
	Bands     []stats.Band           `json:"size_bands,omitempty"`
	Third     *Third                 `json:"indeterminate,omitempty"`
}

// Missing is a row that cannot be given, or not for every nodule.
type Missing struct {
	Name    string `json:"name"`
	Nodules int    `json:"nodules"` // that lack it
	Reason  string `json:"reason"`
}

// Evaluation is the table of a set of labelled nodules. Its JSON has stable
// field names.
type Evaluation struct {
	Data          string             `json:"data"` // digest of the file
	Unit          string             `json:"unit"` // "nodules" or "images"
	Counts        Counts             `json:"counts"`
	Indeterminate int                `json:"indeterminate"` // nodules of malignancy 3: a third group
	MatchMM       float64            `json:"match_mm"`
	Rows          []Row              `json:"rows"`
	Missing       []Missing          `json:"missing"`
	Detectors     []CalibrationCheck `json:"detectors"`
	Comparisons   []stats.Comparison `json:"comparisons"`
	Notes         []string           `json:"notes"`
	Scored        []Scored           `json:"-"` // every nodule, the indeterminate ones too
}

// TableOptions of Tabulate. The zero value is right for nodules.
type TableOptions struct {
	Unit    string            // what is scored: "nodules" if empty
	Reasons map[string]string // why a row may be missing, by its name
	Notes   []string          // what the reader must know
}

// columns are the labelled nodules that have a value of a row.
type columns struct {
	scores, diameters []float64
	anomalous         []bool
	patients          []string
	who               []int // index in Scored
}

// Tabulate makes the table of scored nodules, which need not be nodules: rows
// and detectors are those of the first, and all must have the same. It refuses
// a set of one class with ErrOneClass, and one that makes no table with
// ErrScores.
func Tabulate(ctx context.Context, scored []Scored, o TableOptions) (*Evaluation, error) {
	if len(scored) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrScores)
	}
	if err := checkScored(scored); err != nil {
		return nil, err
	}
	e := &Evaluation{Data: scored[0].Data, Unit: o.Unit, MatchMM: stats.MatchMM, Scored: scored,
		Missing: []Missing{}, Detectors: []CalibrationCheck{}, Comparisons: []stats.Comparison{}, Notes: append([]string{}, o.Notes...)}
	if e.Unit == "" {
		e.Unit = "nodules"
	}
	var labelled []int
	for i := range scored {
		if scored[i].Label != nodule.Indeterminate {
			labelled = append(labelled, i)
		}
	}
	e.Indeterminate = len(scored) - len(labelled)
	if e.Counts = countScored(scored, labelled); e.Counts.Normals == 0 || e.Counts.Anomalies == 0 {
		return nil, fmt.Errorf("%w: %d normal and %d anomalous %s, %d indeterminate", ErrOneClass, e.Counts.Normals, e.Counts.Anomalies, e.Unit, e.Indeterminate)
	}
	for k, v := range scored[0].Values {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("evaluation: evaluate: %w", err)
		}
		if note := e.sameAsScore(k); note != "" {
			continue // the row of the score says so
		}
		if err := e.row(v.Name, k, labelled, o.Reasons); err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	if len(e.Rows) == 0 {
		return nil, fmt.Errorf("%w: no row has values of both classes", ErrScores)
	}
	for j := range scored[0].Predictions {
		e.Detectors = append(e.Detectors, e.checkCalibration(j, labelled))
	}
	return e, e.compareAll(ctx)
}

func countScored(scored []Scored, members []int) Counts {
	c := Counts{Nodules: len(members)}
	who := map[string]bool{}
	for _, i := range members {
		s := &scored[i]
		who[stats.PatientName(s.Patient, i)] = true
		if s.Unverified {
			c.Unverified++
		}
		if s.Label == nodule.Anomaly {
			c.Anomalies++
		} else {
			c.Normals++
		}
	}
	c.Patients = len(who)
	if c.Nodules > 0 {
		c.Prevalence = float64(c.Anomalies) / float64(c.Nodules)
	}
	return c
}

// sameAsScore names the term in column k where it is the score of its detector
// under another name: it needs no row of its own.
func (e *Evaluation) sameAsScore(k int) string {
	name := e.Scored[0].Values[k].Name
	d := owner(name, e.Scored[0].Predictions)
	if d == "" || name == d {
		return ""
	}
	for i := range e.Scored {
		if e.Scored[i].Values[k].Value != e.Scored[i].Value(d) {
			return ""
		}
	}
	return name[len(d)+2:]
}

func (e *Evaluation) columns(k int, members []int) columns {
	var c columns
	for _, i := range members {
		s := &e.Scored[i]
		if v := s.Values[k].Value; !math.IsNaN(v) {
			c.scores, c.diameters = append(c.scores, v), append(c.diameters, s.DiameterMM)
			c.anomalous, c.patients = append(c.anomalous, s.Label == nodule.Anomaly), append(c.patients, stats.PatientName(s.Patient, i))
			c.who = append(c.who, i)
		}
	}
	return c
}

// row adds the row of column k, or says why it is missing.
func (e *Evaluation) row(name string, k int, labelled []int, reasons map[string]string) error {
	c := e.columns(k, labelled)
	if lacking := len(labelled) - len(c.scores); lacking > 0 {
		reason := reasons[name]
		if reason == "" {
			reason = "not known"
		}
		e.Missing = append(e.Missing, Missing{Name: name, Nodules: lacking, Reason: reason})
	}
	if len(c.scores) == 0 {
		return nil
	}
	r := Row{Name: name, Model: owner(name, e.Scored[0].Predictions) != "", Counts: countScored(e.Scored, c.who)}
	var err error
	if r.Overall, err = stats.DeLong(c.scores, c.anomalous); err != nil {
		if r.Counts.Normals == 0 || r.Counts.Anomalies == 0 { // of those that have it
			e.Missing[len(e.Missing)-1].Reason += "; the others are of one class"
			return nil
		}
		return err
	}
	if r.Precision, err = stats.Precision(c.scores, c.anomalous, c.patients); err != nil {
		return err
	}
	if a := stats.SizeMatched(c.scores, c.anomalous, c.diameters, c.patients); a.Normals > 0 {
		r.Matched = &a
	}
	if a := stats.SizeRegressed(c.scores, c.anomalous, c.diameters, c.patients); a.Normals > 0 {
		r.Regressed = &a
	}
	r.Bands = stats.SizeBands(c.scores, c.anomalous, c.diameters, c.patients)
	e.third(&r, k, c)
	for j, v := range e.Scored[0].Values {
		if note := e.sameAsScore(j); note != "" && v.Name == TermRow(name, note) {
			r.Note = note
		}
	}
	e.Rows = append(e.Rows, r)
	return nil
}

// third places the indeterminate nodules of a row.
func (e *Evaluation) third(r *Row, k int, c columns) {
	var group [3][]float64
	who := map[string]bool{}
	for i := range e.Scored {
		s := &e.Scored[i]
		if v := s.Values[k].Value; !math.IsNaN(v) {
			group[s.Label] = append(group[s.Label], v)
			if s.Label == nodule.Indeterminate {
				who[stats.PatientName(s.Patient, i)] = true
			}
		}
	}
	if r.Third = thirdGroup(group[nodule.Normal], group[nodule.Indeterminate], group[nodule.Anomaly]); r.Third != nil {
		r.Third.Patients = len(who)
	}
}

// Row by name; nil where there is none.
func (e *Evaluation) Row(name string) *Row {
	for i := range e.Rows {
		if e.Rows[i].Name == name {
			return &e.Rows[i]
		}
	}
	return nil
}

// compare tests the difference of the AUROCs of two rows over the labelled
// nodules that have both values.
func (e *Evaluation) compare(a, b string) (stats.Comparison, error) {
	at := func(name string) int {
		return slices.IndexFunc(e.Scored[0].Values, func(v detector.Term) bool { return v.Name == name })
	}
	ka, kb := at(a), at(b)
	if ka < 0 || kb < 0 {
		return stats.Comparison{}, fmt.Errorf("%w: there is no row %q or no row %q", ErrScores, a, b)
	}
	var va, vb []float64
	var anomalous []bool
	var patients []string
	for i := range e.Scored {
		s := &e.Scored[i]
		if x, y := s.Values[ka].Value, s.Values[kb].Value; s.Label != nodule.Indeterminate && !math.IsNaN(x) && !math.IsNaN(y) {
			va, vb = append(va, x), append(vb, y)
			anomalous, patients = append(anomalous, s.Label == nodule.Anomaly), append(patients, stats.PatientName(s.Patient, i))
		}
	}
	c, err := stats.CompareAUROC(va, vb, anomalous, patients)
	c.A, c.B = a, b
	return c, err
}

// compareAll sets every detector beside the baselines and every other detector.
func (e *Evaluation) compareAll(ctx context.Context) error {
	for i, d := range e.Detectors {
		against := []string{RowDiameter, RowMaskDiameter, RowOutlineDiameter, RowPlain, RowMeanImage, RowNearest}
		for _, other := range e.Detectors[i+1:] {
			if d.Calibration != calibrationHeldOut { // of rungs, the baselines say enough
				against = append(against, other.Detector)
			}
		}
		for _, b := range against {
			if e.Row(d.Detector) == nil || e.Row(b) == nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("evaluation: evaluate: %w", err)
			}
			c, err := e.compare(d.Detector, b)
			switch {
			case errors.Is(err, ErrScores):
				return err
			case err == nil:
				e.Comparisons = append(e.Comparisons, c)
			}
		}
	}
	return nil
}
