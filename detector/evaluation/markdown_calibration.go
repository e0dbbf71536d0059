package evaluation

import (
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// calibrationMarkdown writes what needs a calibration.
func (e *Evaluation) calibrationMarkdown(b *strings.Builder) {
	for i := range e.Detectors {
		d := &e.Detectors[i]
		fmt.Fprintf(b, "\n## Probability and thresholds of %s\n\n%s\n\n", d.Detector, e.caption(d.Counts))
		p := func(format string, args ...any) { fmt.Fprintf(b, "- "+format+"\n", args...) }
		for _, digest := range d.Digests {
			p("model %s", digest)
		}
		if d.Brier != nil {
			p("Brier score %.3f; the prevalence as everybody's probability has %.3f; expected calibration error %.3f", *d.Brier, d.BrierPrior, *d.ECE)
		} else {
			p("no probability: %s", d.Calibration)
		}
		switch {
		case d.Fit != nil:
			p("calibration slope %.2f (standard error %.2f), intercept %.2f (%.2f), in the large %.2f (%.2f); perfect is 1, 0, 0",
				d.Fit.Slope, d.Fit.SlopeSE, d.Fit.Intercept, d.Fit.InterceptSE, d.Fit.InTheLarge, d.Fit.InTheLargeSE)
		case d.Brier != nil:
			p("no calibration slope: %s", d.FitMissing)
		}
		if r := d.Reproduced; r != nil {
			p("reproduction of the paper's protocol (%d of each class, logistic regression fitted and measured on the same scores): AUROC %s",
				r.PerClass, r.Area)
		}
		d.pointsMarkdown(b)
		d.reliabilityMarkdown(b)
	}
}

func (d *CalibrationCheck) pointsMarkdown(b *strings.Builder) {
	names := map[string]string{PointYouden: "Youden", PointSensitive: "95 % sensitivity", PointSensitive90: "90 % sensitivity", PointReference95: "95th percentile"}
	table := Grid{{"threshold", "sensitivity", "specificity", "PPV", "NPV", "flagged of malignancy 3"}}
	has := map[string]bool{}
	for _, o := range d.Points {
		has[o.Name] = true
		name := names[o.Name]
		if o.Threshold != nil {
			name += fmt.Sprintf(" %.4g", *o.Threshold)
		}
		table = append(table, []string{name, o.Sensitivity.String(), o.Specificity.String(), o.PPV.String(), o.NPV.String(), o.Undecided.String()})
	}
	if len(d.Points) > 0 {
		b.WriteString("\nOperating points, chosen on the calibration patients and applied here (Wilson intervals):\n\n")
		table.Write(b)
	}
	if !has[PointSensitive] && d.Calibration != "uncalibrated" && d.Calibration != calibrationHeldOut {
		b.WriteString("\nThe model's file holds no threshold for 95 % sensitivity, and too few calibration patients were given to choose it on.\n")
	}
}

func (d *CalibrationCheck) reliabilityMarkdown(b *strings.Builder) {
	if len(d.Bins) == 0 {
		return
	}
	table := Grid{{"probability", "mean", "anomalous of those"}}
	for _, bin := range d.Bins {
		table = append(table, []string{fmt.Sprintf("%.3f to %.3f", bin.Low, bin.High), fmt.Sprintf("%.3f", bin.Mean), bin.Observed.String()})
	}
	b.WriteString("\nReliability, in groups of equal count:\n\n")
	table.Write(b)
}

func (e *Evaluation) compared(b *strings.Builder) {
	if len(e.Comparisons) == 0 {
		return
	}
	table := Grid{{"difference of AUROC", "normal/anom., patients", "DeLong [95 %]", "p", "bootstrap by patient"}}
	for _, c := range e.Comparisons {
		table = append(table, []string{
			c.A + " - " + c.B, fmt.Sprintf("%d/%d, %d", c.Normals, c.Anomalies, c.Patients),
			fmt.Sprintf("%+.3f [%+.3f, %+.3f]", c.Difference, c.Low, c.High), fmt.Sprintf("%.2g", c.P),
			fmt.Sprintf("[%+.3f, %+.3f]", c.BootLow, c.BootHigh),
		})
	}
	fmt.Fprintf(b, "\n## Against the baselines\n\n%s Of the same nodules; above 0 the first is better.\n\n", e.caption(e.Counts))
	table.Write(b)
}

func (e *Evaluation) indeterminate(b *strings.Builder) {
	areas := Grid{{"ranked by", "3 over normals", "anomalous over 3"}}
	values := Grid{{"median [quartiles]", "normal", "malignancy 3", "anomalous"}}
	patients := 0
	for i := range e.Rows {
		r := &e.Rows[i]
		if r.Third == nil {
			continue
		}
		t := r.Third
		patients = max(patients, t.Patients)
		q := func(q stats.Quartiles) string { return fmt.Sprintf("%.3g [%.3g, %.3g]", q.Median, q.Q1, q.Q3) }
		areas = append(areas, []string{r.title(), t.OverNormals.String(), t.BelowAnomaly.String()})
		values = append(values, []string{r.title(), q(t.Normal), q(t.Indeterminate), q(t.Anomaly)})
	}
	if len(areas) == 1 {
		return
	}
	fmt.Fprintf(b, "\n## Indeterminate (malignancy 3)\n\n%d %s of %d patients, beside those above; they count in no other figure.\nAUROC (DeLong):\n\n", e.Indeterminate, e.Unit, patients)
	areas.Write(b)
	b.WriteString("\nValues:\n\n")
	values.Write(b)
}

func (e *Evaluation) remarks(b *strings.Builder) {
	if len(e.Missing) > 0 {
		b.WriteString("\n## Missing rows\n\n")
		for _, m := range e.Missing {
			fmt.Fprintf(b, "- %s, for %d %s: %s\n", m.Name, m.Nodules, e.Unit, m.Reason)
		}
	}
	if len(e.Notes) > 0 {
		b.WriteString("\n## Notes\n\n")
		for _, n := range e.Notes {
			fmt.Fprintf(b, "- %s\n", n)
		}
	}
}
