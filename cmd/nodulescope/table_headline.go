package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// headlineColumns are the heads of headlineRows.
var headlineColumns = []string{"NODULE", "PROBABILITY", "95 % INTERVAL", "PERCENTILE", "FLAG", "MOSTLY BECAUSE OF"}

// becauseOf is how many measurements a line names.
const becauseOf = 2

// writeHeadlines prints the headline of every nodule that has one.
func writeHeadlines(w io.Writer, r bus.Result) error {
	return writeTable(w, headlineColumns, headlineRows(r))
}

// headlineRows has a row for every nodule with a headline, or one that failed.
func headlineRows(r bus.Result) [][]string {
	var rows [][]string
	for _, n := range r.Nodules {
		switch h := n.Headline; {
		case h != nil:
			flag := "-"
			if h.Flagged {
				flag = "flagged"
			}
			rows = append(rows, []string{
				n.ID, fmt.Sprintf("%.2f", h.Probability), fmt.Sprintf("%.2f-%.2f", h.Low, h.High), fmt.Sprintf("%.1f", h.Percentile), flag, because(h),
			})
		case n.HeadlineError != nil:
			rows = append(rows, []string{n.ID, "failed", n.HeadlineError.Code, "-", "-", "-"})
		}
	}
	return rows
}

// because names the measurements that count most.
func because(h *bus.Headline) string {
	var texts []string
	for _, p := range h.Parts[:min(becauseOf, len(h.Parts))] {
		value := strings.TrimSpace(fmt.Sprintf("%.3g %s", p.Value, p.Unit))
		texts = append(texts, fmt.Sprintf("%s %s, typical %.3g (%+.1f)", p.About, value, p.Typical, p.Adds))
	}
	if len(h.Outside) > 0 {
		texts = append(texts, scoring.ApplyOutsideTraining)
	}
	return orDash(strings.Join(texts, "; "))
}

// describeHeadlines has a line for every rung that gave a headline of the result:
// what a flag and a probability of it are worth.
func describeHeadlines(r bus.Result) []string {
	var lines []string
	for _, n := range r.Nodules {
		if n.Headline == nil {
			continue
		}
		g := r.RungOf(&n.Headline.RungScore)
		if g == nil {
			continue
		}
		if line := describeRung(*g, r.Rungs.Digest); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func describeRung(g bus.Rung, digest string) string {
	with := "without a diameter"
	if g.Diameter {
		with = "with the diameter given"
	}
	return fmt.Sprintf("%s %s, %s: %s; probabilities at a prevalence of %.2g", g.Rung, shortDigest(digest), with, flagged(g.Sensitivity, g.Specificity), g.Prevalence)
}

// flagged says what a threshold did in a calibration.
func flagged(sensitivity, specificity bus.Share) string {
	return fmt.Sprintf("flagged %s of the suspicious and spared %s of the benign nodules of its calibration", share(sensitivity), share(specificity))
}

func share(s bus.Share) string {
	return fmt.Sprintf("%.0f %% (%.0f-%.0f)", 100*s.Value, 100*s.Low, 100*s.High)
}

// headlineLine is the headline as a line beside those of the models; ok is false
// where there is none.
func headlineLine(n bus.ResultNodule) (line modelLine, ok bool) {
	h := n.Headline
	if h == nil {
		return line, false
	}
	flag := "-"
	if h.Flagged {
		flag = "flagged"
	}
	return modelLine{cmp.Or(h.Rung, "headline"), []string{fmt.Sprintf("%.5g", h.Raw), fmt.Sprintf("%.3f", h.Probability), fmt.Sprintf("%.1f", h.Percentile), flag}}, true
}
