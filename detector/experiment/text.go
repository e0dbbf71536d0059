package experiment

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/figure"
)

// testFilesName is the name of the set of MNIST's test files.
const testFilesName = "test files"

func interval(mean, low, high float64) string {
	return fmt.Sprintf("%.3f [%.3f, %.3f]", mean, low, high)
}

func (a Average) String() string { return interval(a.Mean, a.Low, a.High) }

// bestRuler is the row without a model with the highest AUROC.
func (s *Set) bestRuler() *Mean {
	var best *Mean
	for i := range s.Means {
		if m := &s.Means[i]; !m.Model && (best == nil || m.Average.Mean > best.Average.Mean) {
			best = m
		}
	}
	return best
}

// verdict says in words what the figures say.
func (r *Results) verdict(s Settings) string {
	var b strings.Builder
	score := s.detectorName()
	for i := range r.Sets {
		set := &r.Sets[i]
		m := set.mean(score)
		if m == nil {
			continue
		}
		fmt.Fprintf(&b, "%s: the score of section V reaches an AUROC of %s (mean of %d networks, interval over cases and networks); the paper reports %.2f [%.2f, %.2f] on its data. ",
			title(set.Name), m.Average, len(m.Average.Each), r.Paper.AUROC, r.Paper.Low, r.Paper.High)
		if best := set.best(); best != score {
			fmt.Fprintf(&b, "The best of the %d ways to score is %q with %s. ", set.modelRows(), best, set.mean(best).Average)
			if set.Name == "choice set" {
				b.WriteString("It was picked on these very images, so its figure is too high: the test files decide. ")
			}
		}
		if ruler := set.bestRuler(); ruler != nil {
			switch {
			case m.Average.Low > ruler.Average.High:
				fmt.Fprintf(&b, "The score beats what needs no model: %q has %s. ", ruler.Name, ruler.Average)
			case m.Average.High < ruler.Average.Low:
				fmt.Fprintf(&b, "The score fails against what needs no model: %q has %s. ", ruler.Name, ruler.Average)
			case m.Average.Mean <= ruler.Average.Mean:
				fmt.Fprintf(&b, "The score does not beat what needs no model: %q has %s. ", ruler.Name, ruler.Average)
			default:
				fmt.Fprintf(&b, "The interval of the score holds what needs no model: %q has %s. ", ruler.Name, ruler.Average)
			}
		}
		if row := set.Runs.Single[0].Row(score); row != nil && row.Matched != nil {
			if low := row.Matched.Low; low <= 0.5 {
				fmt.Fprintf(&b, "Among nodules of one size it is no better than chance: size-matched AUROC %s (first network). On this set the detector is only a ruler. ", row.Matched)
			} else {
				fmt.Fprintf(&b, "It knows something beyond size: size-matched AUROC %s (first network). ", row.Matched)
			}
		}
		b.WriteString("\n\n")
	}
	return b.String()
}

func (s *Set) modelRows() int {
	n := 0
	for _, m := range s.Means {
		if m.Model {
			n++
		}
	}
	return n
}

// brief is the table at the top: the score, the best variant and the best row
// without a model, per set.
func (r *Results) brief(s Settings) figure.Table {
	t := figure.Table{Caption: "AUROC, mean of the networks with a 95 % interval over cases and networks",
		Head: []string{"set", "ranked by", "AUROC"}, Note: r.Paper.Where}
	for i := range r.Sets {
		set := &r.Sets[i]
		add := func(kind, name, value string) { t.Rows = append(t.Rows, []string{set.Name, kind + name, value}) }
		if set.Pool != nil {
			if p := set.Pool.Row(s.detectorName()); p != nil {
				add("the score, all folds pooled", "", p.Overall.String())
			}
			continue
		}
		if m := set.mean(s.detectorName()); m != nil {
			t.Strong = append(t.Strong, len(t.Rows))
			add("the score", "", m.Average.String())
			best := set.mean(set.best())
			add("best variant: ", best.Name, best.Average.String())
		}
		if m := set.bestRuler(); m != nil {
			add("without a model: ", m.Name, m.Average.String())
		}
	}
	t.Rows = append(t.Rows, []string{"of the paper", "the score", fmt.Sprintf("%.2f [%.2f, %.2f]", r.Paper.AUROC, r.Paper.Low, r.Paper.High)})
	return t
}

// counts says what was scored.
func counts(s *Set) string {
	e := s.Runs.Single[0]
	if s.Pool != nil {
		e = s.Pool
	}
	c := e.Counts
	text := fmt.Sprintf("%d %s: %d normal, %d anomalies (prevalence %.2f)", c.Nodules, e.Unit, c.Normals, c.Anomalies, c.Prevalence)
	if e.Unit == "nodules" {
		text += fmt.Sprintf(", of %d patients", c.Patients)
		if c.Unverified > 0 {
			text += fmt.Sprintf("; the patients of %d nodules could not be verified", c.Unverified)
		}
	}
	if e.Indeterminate > 0 {
		text += fmt.Sprintf("; %d more on which readers could not decide (malignancy 3) are a group of their own", e.Indeterminate)
	}
	text += "."
	for _, n := range e.Notes {
		text += "\n\n" + n
	}
	return text
}

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
	return append(out, judgedTables(e, s.Pool != nil)...)
}

func (s *Set) meansTable(score string) figure.Table {
	t := figure.Table{Caption: fmt.Sprintf("Every way to rank: AUROC over %d networks", len(s.Runs.Single)),
		Head: []string{"ranked by", "mean [95 %]", "smallest to largest", "networks together"},
		Note: "The interval covers other cases and other trainings (bootstrap over both, by patient where there are patients). Together: the AUROC of the mean score of all networks, with DeLong's interval. Larger counts as more anomalous in every row, fixed beforehand."}
	for i, m := range s.Means {
		row := []string{m.Name, m.Average.String(), fmt.Sprintf("%.3f to %.3f", m.Average.Min, m.Average.Max), "-"}
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
	show := func(v detector.Spread) string {
		if len(v.Values) == 0 {
			return "-"
		}
		if v.Low == v.High { // the same for every network
			return fmt.Sprintf("%.3f", v.Mean)
		}
		return fmt.Sprintf("%.3f (%.3f to %.3f)", v.Mean, v.Low, v.High)
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

// judgedTables are what needs a calibration, and the paper's own evaluation.
func judgedTables(e *detector.Evaluation, pooled bool) []figure.Table {
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
			t.Rows = append(t.Rows, []string{c.A + " - " + c.B, interval(c.Difference, c.BootLow, c.BootHigh), fmt.Sprintf("%.3g", c.P)})
		}
		out = append(out, t)
	}
	return out
}

// triedSection lists every variant of this experiment, whatever the run.
func triedSection(r *Results, tried []Variant) figure.Section {
	s := figure.Section{Title: "Every variant that was tried",
		Text: "All ways to score of all runs that share this list, with the first letters of the digest of their settings. The best of many is too good by chance: the more there are, the more."}
	t := figure.Table{Head: []string{"variant", "detector", "set", "settings", "networks", "AUROC [95 %]", "together"}}
	for _, v := range tried {
		if v.Experiment != r.Experiment {
			continue
		}
		together := "-"
		if v.Together > 0 {
			together = fmt.Sprintf("%.3f", v.Together)
		}
		digest := strings.TrimPrefix(v.Settings, "sha256:")
		t.Rows = append(t.Rows, []string{v.Row, v.Detector, v.Set, digest[:min(len(digest), 8)], fmt.Sprint(v.Networks), interval(v.Mean, v.Low, v.High), together})
	}
	t.Caption = fmt.Sprintf("%d variants", len(t.Rows))
	if r.TestScored > 0 {
		s.Text += fmt.Sprintf("\n\nThe test files were scored once by this run, with %d networks of the same settings.", r.TestScored)
	}
	s.Tables = []figure.Table{t}
	return s
}

// protocol says how the data was used.
func protocol(s Settings) string {
	if s.Experiment == MNIST {
		return fmt.Sprintf("Digits 0 to 8 are normal, 9 is the anomaly. %d normals to learn from, %d normals and %d nines to choose on, all from the training files and no image twice; as many from the test files, which are scored once. Networks never see a nine or a digit's label.",
			s.Training, s.Normals, s.Nines)
	}
	return fmt.Sprintf("Labels are opinions of readers: malignancy 1 and 2 is normal, 4 and 5 an anomaly, 3 neither. One split by patient (seed %d): networks learn from the normals of the training side, in sub-patches drawn anew every time; normals of the validation side choose the epoch of a VAE; the calibration side gives probability and thresholds at the prevalence that it has; the test side is scored. Voxels count as in serving (the support). Labels beyond normal reach the calibration alone.",
		s.SplitSeed)
}

// Text is what a terminal shows: the verdict and the tables over all networks.
func (r *Results) Text() string {
	var s Settings
	if err := json.Unmarshal(r.Settings, &s); err != nil {
		return "" // made by this package: does not happen
	}
	var b strings.Builder
	b.WriteString(r.verdict(s))
	for i := range r.Sets {
		set := &r.Sets[i]
		fmt.Fprintf(&b, "%s. %s\n\n", title(set.Name), counts(set))
		t := set.spreadTable(s.detectorName())
		if len(set.Means) > 0 {
			t = set.meansTable(s.detectorName())
		}
		writeTable(&b, t)
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// writeTable aligns a table as Markdown.
func writeTable(b *strings.Builder, t figure.Table) {
	lines := append([][]string{t.Head}, t.Rows...)
	width := make([]int, len(t.Head))
	for _, l := range lines {
		for c, text := range l {
			width[c] = max(width[c], utf8.RuneCountInString(text))
		}
	}
	for i, l := range lines {
		for c, text := range l {
			fmt.Fprintf(b, "| %s%s ", text, strings.Repeat(" ", width[c]-utf8.RuneCountInString(text)))
		}
		b.WriteString("|\n")
		if i == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
}
