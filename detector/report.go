package detector

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Markdown is the evaluation as a table with intervals.
func (e *Evaluation) Markdown() string {
	var b strings.Builder
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) }
	p("%d nodules of %d patients: %d normal, %d anomalies (prevalence %.2f).\n\n", e.Nodules, e.Patients, e.Normals, e.Anomalies, e.Prevalence)
	p("| ranked by | AUROC [95 %%] | size-matched AUROC [95 %%] |\n|---|---|---|\n")
	for _, r := range e.Rows {
		name := r.Name
		if r.Model {
			name = "**" + name + "**"
		}
		matched := "no pair"
		if r.Matched.Normals > 0 {
			matched = r.Matched.String()
		}
		p("| %s | %s | %s |\n", name, r.Overall, matched)
	}
	p("\nSize-matched: pairs whose diameters differ by at most %.1f mm (%d normals, %d anomalies in a pair).\n",
		e.MatchMM, e.Rows[0].Matched.Normals, e.Rows[0].Matched.Anomalies)
	p("At the threshold %.5g: sensitivity %.2f, specificity %.2f. ", e.Threshold, e.Sensitivity, e.Specificity)
	if e.Brier != nil {
		p("Brier %.3f (prevalence alone: %.3f).\n", *e.Brier, e.BrierPrior)
	} else {
		p("No probability: uncalibrated.\n")
	}
	return b.String()
}

// String is the value with its interval, such as "0.62 [0.55, 0.69]".
func (a AUROC) String() string { return fmt.Sprintf("%.3f [%.3f, %.3f]", a.Value, a.Low, a.High) }

// WriteCSV writes one line per nodule, from which the table can be rebuilt.
func (e *Evaluation) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"patient", "nodule", "label", "malignancy", "diameter_mm", "inside", "support", "intensity", "mean_distance",
		"raw", "sum", "kl", "probability", "percentile"}
	if err := c.Write(head); err != nil {
		return fmt.Errorf("detector: write scores: %w", err)
	}
	f := func(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }
	for _, s := range e.Scored {
		prob := ""
		if s.Score.Probability != nil {
			prob = f(*s.Score.Probability)
		}
		line := []string{s.Sample.Patient, s.Sample.Nodule, s.Sample.Label.String(), strconv.Itoa(s.Sample.Malignancy), f(s.Sample.DiameterMM),
			f(s.Sample.Inside), f(s.Support), f(s.Intensity), f(s.MeanDist), f(s.Score.Raw), f(s.Score.Sum), f(s.Score.KL), prob, f(s.Score.Percentile)}
		if err := c.Write(line); err != nil {
			return fmt.Errorf("detector: write scores: %w", err)
		}
	}
	c.Flush()
	return c.Error()
}
