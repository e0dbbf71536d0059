package experiment

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/detector/stats"
)

// testFilesName is the name of the set of MNIST's test files.
const testFilesName = "test files"

func interval(mean, low, high float64) string {
	return fmt.Sprintf("%.3f [%.3f, %.3f]", mean, low, high)
}

// bestBaseline is the model-free baseline with the highest AUROC.
func (s *Set) bestBaseline() *Mean {
	var best *Mean
	for i := range s.Means {
		if m := &s.Means[i]; !m.Model && (best == nil || m.Average.Mean > best.Average.Mean) {
			best = m
		}
	}
	return best
}

// summary says in words what the figures say.
func (r *Results) summary(s Settings) string {
	var b strings.Builder
	score := s.detectorName()
	for i := range r.Sets {
		set := &r.Sets[i]
		m := set.mean(score)
		if m == nil {
			set.pooledSummary(&b, score)
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
		if baseline := set.bestBaseline(); baseline != nil {
			switch {
			case m.Average.Low > baseline.Average.High:
				fmt.Fprintf(&b, "The score beats the best model-free baseline: %q has %s. ", baseline.Name, baseline.Average)
			case m.Average.High < baseline.Average.Low:
				fmt.Fprintf(&b, "The score is worse than the best model-free baseline: %q has %s. ", baseline.Name, baseline.Average)
			case m.Average.Mean <= baseline.Average.Mean:
				fmt.Fprintf(&b, "The score does not beat the best model-free baseline: %q has %s. ", baseline.Name, baseline.Average)
			default:
				fmt.Fprintf(&b, "The interval of the score contains the best model-free baseline: %q has %s. ", baseline.Name, baseline.Average)
			}
		}
		if row := set.Runs.Single[0].Row(score); row != nil && row.Matched != nil {
			b.WriteString(beyondSize(*row.Matched, "first network"))
		}
		b.WriteString("\n\n")
	}
	return b.String()
}

// pooledSummary is the summary of a cross-validation.
func (s *Set) pooledSummary(b *strings.Builder, score string) {
	if s.Pool == nil || s.Pool.Row(score) == nil {
		return
	}
	row := s.Pool.Row(score)
	fmt.Fprintf(b, "%s: the score reaches %s over all folds. ", title(s.Name), row.Overall)
	var baseline *evaluation.Row
	for i := range s.Pool.Rows {
		if r := &s.Pool.Rows[i]; !r.Model && (baseline == nil || r.Overall.Value > baseline.Overall.Value) {
			baseline = r
		}
	}
	if baseline != nil {
		fmt.Fprintf(b, "The best model-free baseline is %q with %s. ", baseline.Name, baseline.Overall)
	}
	if row.Matched != nil {
		b.WriteString(beyondSize(*row.Matched, "all folds"))
	}
	b.WriteString("\n\n")
}

// beyondSize says what a size-matched AUROC means.
func beyondSize(a stats.AUROC, which string) string {
	if a.Low <= 0.5 {
		return fmt.Sprintf("Among nodules of one size it is not shown to be better than chance: size-matched AUROC %s (%s). On this set the detector only measures size. ", a, which)
	}
	return fmt.Sprintf("It knows something beyond size: size-matched AUROC %s (%s). ", a, which)
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

// brief is the table at the top: the score, the best variant and the best
// baseline, per set.
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
		if m := set.bestBaseline(); m != nil {
			add("best baseline: ", m.Name, m.Average.String())
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

// triedSection lists every variant of this experiment, whatever the run.
func triedSection(r *Results, tried []variant) figure.Section {
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

// Text is what a terminal shows: the summary and the tables over all networks.
func (r *Results) Text() string {
	var s Settings
	if err := json.Unmarshal(r.Settings, &s); err != nil {
		return "" // made by this package: does not happen
	}
	var b strings.Builder
	b.WriteString(r.summary(s))
	for i := range r.Sets {
		set := &r.Sets[i]
		fmt.Fprintf(&b, "%s. %s\n\n", title(set.Name), counts(set))
		t := set.spreadTable(s.detectorName())
		if len(set.Means) > 0 {
			t = set.meansTable(s.detectorName())
		}
		append(evaluation.Grid{t.Head}, t.Rows...).Write(&b)
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
