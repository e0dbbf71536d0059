package evaluation

import (
	"fmt"
	"io"
	"strings"

	"github.com/nodulescope/nodulescope/detector/stats"
)

// WriteCSV writes one line per nodule, from which the table can be made again.
func (e *Evaluation) WriteCSV(w io.Writer) error { return WriteCSV(w, e.Scored) }

// Markdown is the whole evaluation as tables that are also readable as they
// stand.
func (e *Evaluation) Markdown() string {
	var b strings.Builder
	e.ranking(&b)
	e.bySize(&b)
	e.calibrationMarkdown(&b)
	e.compared(&b)
	e.indeterminate(&b)
	e.remarks(&b)
	return b.String()
}

// caption says on what a table stands.
func (e *Evaluation) caption(c Counts) string {
	s := fmt.Sprintf("%d %s", c.Nodules, e.Unit)
	if c.Patients < c.Nodules || e.Unit == "nodules" {
		s += fmt.Sprintf(" of %d patients", c.Patients)
	}
	s += fmt.Sprintf(": %d normal, %d anomalous (prevalence %.2f)", c.Normals, c.Anomalies, c.Prevalence)
	if c.Unverified > 0 {
		s += fmt.Sprintf("; patient not verified: %d", c.Unverified)
	}
	return s + "."
}

// title of a row: bold for detectors.
func (r *Row) title() string {
	if r.Model {
		return "**" + r.Name + "**"
	}
	return r.Name
}

func optional(a *stats.AUROC) string {
	if a == nil {
		return "-"
	}
	return a.String()
}

func (e *Evaluation) sized() bool {
	for _, r := range e.Rows {
		if r.Matched != nil || r.Regressed != nil {
			return true
		}
	}
	return false
}

func (e *Evaluation) ranking(b *strings.Builder) {
	fmt.Fprintf(b, "## Ranking\n\n%s 95 %% intervals in brackets.\n\n", e.caption(e.Counts))
	first := Grid{{"ranked by", "normal/anom.", "AUROC", "average precision"}}
	second := Grid{{"ranked by", "pairs of", "size-matched AUROC", "AUROC, size regressed out"}}
	for i := range e.Rows {
		r := &e.Rows[i]
		first = append(first, []string{r.title(), fmt.Sprintf("%d/%d", r.Counts.Normals, r.Counts.Anomalies), r.Overall.String(), r.Precision.String()})
		pairs := "-"
		if r.Matched != nil {
			pairs = fmt.Sprintf("%d/%d", r.Matched.Normals, r.Matched.Anomalies)
		}
		second = append(second, []string{r.title(), pairs, optional(r.Matched), optional(r.Regressed)})
	}
	first.Write(b)
	fmt.Fprintf(b, "\nAUROC: DeLong. Average precision: bootstrap by patient; chance has the prevalence, %.3f.\n", e.Counts.Prevalence)
	for _, r := range e.Rows {
		if r.Note != "" {
			fmt.Fprintf(b, "%s: the score is its %s.\n", r.Name, r.Note)
		}
	}
	if !e.sized() {
		return
	}
	fmt.Fprintf(b, "\n## Beyond size\n\n%s\n\n", e.caption(e.Counts))
	second.Write(b)
	fmt.Fprintf(b, "\nSize-matched: pairs of a normal and an anomaly whose diameters differ by at most %.1f mm. Size regressed\n"+
		"out: residuals of score = a + b*ln(diameter), fitted on the normals; what the diameter itself reaches there is\n"+
		"size that such a line leaves in. Bootstrap by patient.\n", e.MatchMM)
}

func (e *Evaluation) bySize(b *strings.Builder) {
	table := Grid{{"ranked by"}}
	widest := -1 // the row that has most nodules names the counts
	for i, r := range e.Rows {
		if len(r.Bands) > 0 && (widest < 0 || r.Counts.Nodules > e.Rows[widest].Counts.Nodules) {
			widest = i
		}
	}
	if widest < 0 {
		return
	}
	counts := []string{"normal/anomalous, patients"}
	for _, band := range e.Rows[widest].Bands {
		table[0] = append(table[0], band.Name)
		counts = append(counts, fmt.Sprintf("%d/%d, %d", band.Normals, band.Anomalies, band.Patients))
	}
	table = append(table, counts)
	for i := range e.Rows {
		line := []string{e.Rows[i].title()}
		for _, band := range e.Rows[i].Bands {
			line = append(line, optional(band.Area))
		}
		if len(line) > 1 {
			table = append(table, line)
		}
	}
	fmt.Fprintf(b, "\n## AUROC by size\n\n%s\n\n", e.caption(e.Rows[widest].Counts))
	table.Write(b)
}
