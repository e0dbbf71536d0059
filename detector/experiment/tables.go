package experiment

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/detector/figure"
)

// tables of a set.
func (s *Set) tables(score string) []figure.Table {
	var out []figure.Table
	if len(s.Means) > 0 {
		out = append(out, s.meansTable(score))
	}
	out = append(out, s.spreadTable(score))
	e := s.Runs.Single[0]
	if s.Pool != nil {
		e = s.Pool
		out = append(out, pooledTable(s, score))
	}
	return append(out, calibrationTables(e, s.Pool != nil)...)
}

func (s *Set) meansTable(score string) figure.Table {
	t := figure.Table{Caption: fmt.Sprintf("Every way to rank: AUROC over %d networks", len(s.Runs.Single)),
		Head: []string{"ranked by", "mean [95 %]", "smallest to largest", "networks together"},
		Note: "The interval covers other cases and other trainings (bootstrap over both, by patient where there are patients). Together: the AUROC of the mean score of all networks, with DeLong's interval. Larger counts as more anomalous in every row, fixed beforehand."}
	for i, m := range s.Means {
		row := []string{m.Name, m.Average.String(), fmt.Sprintf("%.3f–%.3f", m.Average.Min, m.Average.Max), "-"}
		if m.Together != nil {
			row[3] = m.Together.String()
		}
		if !m.Model {
			row[2] = "-"
		}
		if m.Name == score {
			t.Strong = append(t.Strong, i)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// spreadTable is how the networks lie apart.
func (s *Set) spreadTable(score string) figure.Table {
	t := figure.Table{Caption: fmt.Sprintf("Mean over %d %ss (smallest to largest)", len(s.Runs.Keys), s.Runs.By),
		Head: []string{"ranked by", "AUROC", "size-matched", "size regressed out", "average precision"}}
	show := func(v evaluation.Spread) string {
		if len(v.Values) == 0 {
			return "-"
		}
		if v.Low == v.High { // the same for every network
			return fmt.Sprintf("%.3f", v.Mean)
		}
		return fmt.Sprintf("%.3f (%.3f–%.3f)", v.Mean, v.Low, v.High)
	}
	sized := false
	for i, r := range s.Runs.Rows {
		sized = sized || len(r.Matched.Values) > 0
		if r.Name == score {
			t.Strong = append(t.Strong, i)
		}
		t.Rows = append(t.Rows, []string{r.Name, show(r.Overall), show(r.Matched), show(r.Regressed), show(r.Precision)})
	}
	if !sized { // nothing has a size
		t.Head = slices.Delete(t.Head, 2, 4)
		for i := range t.Rows {
			t.Rows[i] = slices.Delete(t.Rows[i], 2, 4)
		}
	}
	return t
}

func pooledTable(s *Set, score string) figure.Table {
	t := figure.Table{Caption: "All folds in one table", Head: []string{"ranked by", "AUROC", "size-matched", "average precision"},
		Note: "Scores of the detector are the " + s.How + " of each fold's own calibration; terms are ranks within the fold."}
	for i, r := range s.Pool.Rows {
		matched := "-"
		if r.Matched != nil {
			matched = r.Matched.String()
		}
		if r.Name == score {
			t.Strong = append(t.Strong, i)
		}
		t.Rows = append(t.Rows, []string{r.Name, r.Overall.String(), matched, r.Precision.String()})
	}
	return t
}

// calibrationTables are what needs a calibration, and the paper's own evaluation.
func calibrationTables(e *evaluation.Evaluation, pooled bool) []figure.Table {
	which := ", first network"
	if pooled {
		which = ", all folds"
	}
	var out []figure.Table
	for _, d := range e.Detectors {
		t := figure.Table{Caption: "Calibration and the paper's evaluation" + which, Head: []string{"figure", "value"}}
		add := func(name, format string, args ...any) {
			t.Rows = append(t.Rows, []string{name, fmt.Sprintf(format, args...)})
		}
		if d.Brier != nil {
			add("Brier score", "%.3f (the prevalence for everybody: %.3f)", *d.Brier, d.BrierPrior)
		}
		if d.Fit != nil {
			add("calibration slope", "%.2f (standard error %.2f; 1 is right)", d.Fit.Slope, d.Fit.SlopeSE)
			add("calibration intercept", "%.2f (standard error %.2f; 0 is right)", d.Fit.Intercept, d.Fit.InterceptSE)
		} else {
			add("calibration", "%s", cmp.Or(d.FitMissing, "none"))
		}
		if p := d.Reproduced; p != nil {
			add("reproduction row", "%s, %d of each class", p.Area, p.PerClass)
			t.Note = "Reproduction row: equal numbers of both classes and a logistic regression that is fitted and measured on the same scores, as the paper does. It sees the labels, so it is never below 0.5."
		}
		out = append(out, t)
		if len(d.Points) == 0 {
			continue
		}
		o := figure.Table{Caption: "Operating points, chosen on calibration patients" + which,
			Head: []string{"threshold", "sensitivity", "specificity", "PPV", "NPV"}, Note: "Wilson's 95 % intervals; PPV and NPV at the prevalence of this set."}
		for _, p := range d.Points {
			name := p.Name
			if p.Threshold != nil {
				name = fmt.Sprintf("%s: %.4g", p.Name, *p.Threshold)
			}
			o.Rows = append(o.Rows, []string{name, p.Sensitivity.String(), p.Specificity.String(), p.PPV.String(), p.NPV.String()})
		}
		out = append(out, o)
	}
	if len(e.Comparisons) > 0 {
		t := figure.Table{Caption: "Differences of AUROC over the same cases" + which, Head: []string{"difference", "value [95 %, bootstrap by " + by(e) + "]", "p (DeLong)"}}
		for _, c := range e.Comparisons {
			t.Rows = append(t.Rows, []string{c.A + " - " + c.B, interval(c.Difference, c.BootLow, c.BootHigh), chance(c.P)})
		}
		out = append(out, t)
	}
	return out
}

// chance is a p-value as people write it.
func chance(p float64) string {
	if p < 0.001 {
		return "below 0.001"
	}
	return fmt.Sprintf("%.3f", p)
}
