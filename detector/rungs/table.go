package rungs

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// Table is how well the rungs rank nodules of patients whom they have not seen.
type Table struct {
	Normals   int   `json:"normals"`
	Anomalies int   `json:"anomalies"`
	Third     int   `json:"indeterminate"`
	Patients  int   `json:"patients"`
	Readers   int   `json:"min_readers"`
	Seeds     int   `json:"seeds"`
	Rows      []Row `json:"rows"`

	Notes []string `json:"notes,omitempty"` // what the reader must know
}

// Row of a table. What needs a probability or a threshold is nil without one.
type Row struct {
	Name    string        `json:"name"`
	Area    stats.Average `json:"auroc"`        // over the seeds, by patient
	Matched stats.AUROC   `json:"size_matched"` // of the first seed
	SpecAt  float64       `json:"specificity_at_sensitivity_90"`

	// Raw scores of all folds together, of the first seed: without the noise that
	// a calibration for each fold adds to a pooled ranking, and one model has not.
	Raw        *stats.AUROC `json:"raw_auroc"`
	RawMatched *stats.AUROC `json:"raw_size_matched"`

	Sensitivity *stats.Proportion     `json:"sensitivity"` // at the threshold chosen inside
	Specificity *stats.Proportion     `json:"specificity"`
	Third       *stats.Proportion     `json:"flagged_of_indeterminate"`
	Fit         *stats.CalibrationFit `json:"calibration"`
	ECE         *float64              `json:"ece"`
	Against     []stats.Comparison    `json:"against"` // of the first seed
}

// tabulate ranks the cases of the folds that enough readers rated.
func tabulate(cases []Case, folds []int, columns []*column, o Options) (*Table, error) {
	t := &Table{Readers: o.Readers, Seeds: o.Seeds}
	var in, third []int
	var anomalous []bool
	var diameters []float64
	var patients []string
	who := map[string]bool{}
	for i := range cases {
		c := &cases[i]
		switch {
		case c.Readers < o.Readers || !slices.Contains(o.Folds, folds[i]):
		case c.Label == nodule.Indeterminate:
			third = append(third, i)
		default:
			in, anomalous = append(in, i), append(anomalous, c.Label == nodule.Anomaly)
			diameters, patients = append(diameters, c.DiameterMM), append(patients, c.Patient)
			who[c.Patient] = true
			if c.Label == nodule.Anomaly {
				t.Anomalies++
			} else {
				t.Normals++
			}
		}
	}
	t.Third, t.Patients = len(third), len(who)
	pick := func(values []float64) (out []float64) {
		for _, i := range in {
			out = append(out, values[i])
		}
		return out
	}
	first := map[string][]float64{}
	for _, c := range columns {
		var seeds [][]float64
		for _, s := range c.scores {
			seeds = append(seeds, pick(s))
		}
		first[c.name] = seeds[0]
		r := Row{Name: c.name}
		var err error
		if r.Area, err = stats.AverageAUROC(seeds, anomalous, patients); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		r.Matched = stats.SizeMatched(seeds[0], anomalous, diameters, patients)
		r.SpecAt = specificity(seeds[0], anomalous)
		if c.p != nil {
			r.calibration(pick(c.p), c.flagged, in, third, anomalous)
			area, err := stats.DeLong(pick(c.raw), anomalous)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			matched := stats.SizeMatched(pick(c.raw), anomalous, diameters, patients)
			r.Raw, r.RawMatched = &area, &matched
		}
		for _, other := range []string{RowReaders, RowOutline, RowPlain} {
			if b := first[other]; b != nil && other != c.name && c.p != nil {
				cmp, err := stats.CompareAUROC(seeds[0], b, anomalous, patients)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", c.name, err)
				}
				cmp.A, cmp.B = c.name, other
				r.Against = append(r.Against, cmp)
			}
		}
		t.Rows = append(t.Rows, r)
	}
	return t, nil
}

// specificity where the sensitivity is that of the operating point, on the same
// nodules.
func specificity(scores []float64, anomalous []bool) float64 {
	at, err := stats.AtSensitivity(scores, anomalous, Sensitivity)
	if err != nil {
		return math.NaN()
	}
	below, n := 0.0, 0.0
	for i, s := range scores {
		if !anomalous[i] {
			n++
			if s <= at {
				below++
			}
		}
	}
	return below / n
}

func (r *Row) calibration(p []float64, flagged []bool, in, third []int, anomalous []bool) {
	count := map[bool]int{}
	hit := map[bool]int{}
	for k, i := range in {
		count[anomalous[k]]++
		if flagged[i] {
			hit[anomalous[k]]++
		}
	}
	thirds := 0
	for _, i := range third {
		if flagged[i] {
			thirds++
		}
	}
	sens, spec, of := stats.Wilson(hit[true], count[true]), stats.Wilson(count[false]-hit[false], count[false]), stats.Wilson(thirds, len(third))
	r.Sensitivity, r.Specificity, r.Third = &sens, &spec, &of
	ece := stats.ECE(stats.Reliability(p, anomalous, 10))
	r.ECE = &ece
	if fit, err := stats.FitCalibration(p, anomalous); err == nil {
		r.Fit = &fit
	}
}

// Markdown is the table, and how each rung compares with what is simpler.
func (t *Table) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodules rated 4-5 against %d rated 1-2, of %d patients", t.Anomalies, t.Normals, t.Patients)
	if t.Readers > 0 {
		fmt.Fprintf(&b, ", by %d readers or more", t.Readers)
	}
	b.WriteString(". Every nodule is scored by models that have not seen its patient.\n\n" +
		"| | AUROC (by patient) | size-matched | the same of raw scores | specificity at sensitivity 0.90 | at the chosen threshold: sensitivity, specificity | flagged of those rated 3 | calibration slope | ECE |\n" +
		"|---|---|---|---|---|---|---|---|---|\n")
	for i := range t.Rows {
		r := &t.Rows[i]
		area := r.Area.String()
		if len(r.Area.Each) > 1 {
			area += fmt.Sprintf(", seeds %.3f-%.3f", r.Area.Min, r.Area.Max)
		}
		raw, chosen, third, slope, ece := "", "", "", "", ""
		if r.ECE != nil {
			raw = fmt.Sprintf("%.3f, %.3f", r.Raw.Value, r.RawMatched.Value)
			chosen = fmt.Sprintf("%.2f, %.2f", r.Sensitivity.Value, r.Specificity.Value)
			third, ece = fmt.Sprintf("%.2f", r.Third.Value), fmt.Sprintf("%.3f", *r.ECE)
		}
		if r.Fit != nil {
			slope = fmt.Sprintf("%.2f ± %.2f, intercept %.2f ± %.2f", r.Fit.Slope, r.Fit.SlopeSE, r.Fit.Intercept, r.Fit.InterceptSE)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %.2f | %s | %s | %s | %s |\n", r.Name, area, r.Matched, raw, r.SpecAt, chosen, third, slope, ece)
	}
	b.WriteString("\n| difference of AUROC | DeLong | bootstrap by patient |\n|---|---|---|\n")
	for i := range t.Rows {
		for _, c := range t.Rows[i].Against {
			fmt.Fprintf(&b, "| %s - %s | %+.3f [%+.3f, %+.3f] | [%+.3f, %+.3f] |\n", c.A, c.B, c.Difference, c.Low, c.High, c.BootLow, c.BootHigh)
		}
	}
	if len(t.Notes) > 0 {
		b.WriteString("\n")
		for _, n := range t.Notes {
			fmt.Fprintf(&b, "- %s\n", n)
		}
	}
	return b.String()
}
