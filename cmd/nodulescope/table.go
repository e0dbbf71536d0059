package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
)

// writeResult prints a result for people: what it is a score of, a line per
// nodule and model, then everything that limits its use.
func writeResult(w io.Writer, r bus.Result) error {
	g := r.Geometry
	fmt.Fprintf(w, "series %s: %s, %.4g x %.4g x %.4g mm", r.SeriesUID, counted(g.Slices, "slice"), g.SpacingMM[0], g.SpacingMM[1], g.SpacingMM[2])
	if g.TiltDeg >= 0.05 {
		fmt.Fprintf(w, ", tilt %.1f degrees", g.TiltDeg)
	}
	if g.MissingSlices > 0 {
		fmt.Fprintf(w, ", %d missing", g.MissingSlices)
	}
	fmt.Fprint(w, "\n\n")
	if err := writeHeadlines(w, r); err != nil {
		return err
	}

	if err := writeTable(w, resultColumns(r), resultRows(r)); err != nil {
		return err
	}
	if err := writeTable(w, placeColumns, placeRows(r)); err != nil {
		return err
	}
	if err := writeOutlines(w, r); err != nil {
		return err
	}
	for _, n := range r.Nodules {
		switch {
		case n.Error == nil || len(n.Failed) > 0:
		case notFound(n):
			fmt.Fprintf(w, "nothing  %s: %s\n", n.ID, reason(*n.Error))
		default:
			fmt.Fprintf(w, "refused  %s: %s\n", n.ID, reason(*n.Error))
		}
		if n.OutlineError != nil {
			fmt.Fprintf(w, "outline  %s: %s\n", n.ID, reason(*n.OutlineError))
		}
		if n.HeadlineError != nil {
			fmt.Fprintf(w, "headline %s: %s\n", n.ID, reason(*n.HeadlineError))
		}
		for _, f := range n.Failed {
			fmt.Fprintf(w, "failed   %s by %s: %s\n", n.ID, f.Model, reason(f.Problem))
		}
		if d := n.Disagreement; d != nil && d.FlagsDiffer {
			fmt.Fprintf(w, "differ   %s: %s\n", n.ID, whoFlags(n.Scores))
		}
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning  %s\n", reason(warning))
	}
	for _, line := range describeHeadlines(r) {
		fmt.Fprintf(w, "headline %s\n", line)
	}
	for _, m := range r.Models {
		fmt.Fprintf(w, "model    %s\n", describeModel(m))
	}
	if r.Outliner != nil {
		fmt.Fprintf(w, "outlines %s\n", describeOutliner(*r.Outliner))
	}
	for _, line := range computedBy(r) {
		fmt.Fprintf(w, "computed %s\n", line)
	}
	_, err := fmt.Fprintf(w, "%s\n", r.IntendedUse)
	return err
}

// reason is a problem's message with its code at the end, once: messages made of
// an error end with it already.
func reason(p bus.Problem) string {
	code := " (" + p.Code + ")"
	return strings.TrimSuffix(p.Message, code) + code
}

// computedBy has a line for every machine that computed scores or outlines:
// which models'.
func computedBy(r bus.Result) []string {
	var machines []string
	models := map[string][]string{}
	note := func(by *bus.Machine, model string) {
		if by == nil || slices.Contains(models[by.String()], model) {
			return
		}
		machine := by.String()
		if models[machine] == nil {
			machines = append(machines, machine)
		}
		models[machine] = append(models[machine], model)
	}
	for _, n := range r.Nodules {
		for _, s := range n.Scores {
			note(s.ComputedBy, s.Model)
		}
	}
	for _, n := range r.Nodules {
		if n.Outline != nil {
			note(n.Outline.ComputedBy, r.Outliner.Name)
		}
	}
	lines := make([]string, 0, len(machines))
	for _, m := range machines {
		lines = append(lines, fmt.Sprintf("by %s: %s", m, strings.Join(models[m], ", ")))
	}
	return lines
}

// describeModel is one line on what scored and how it was calibrated.
func describeModel(m bus.Model) string {
	calibration := "uncalibrated: the percentile is among reference nodules, there is no probability"
	if m.Calibration != "uncalibrated" {
		calibration = fmt.Sprintf("calibrated at the prevalence of its data, %.2f", m.Prevalence)
	}
	if m.Sensitivity != nil && m.Specificity != nil {
		calibration = flagged(*m.Sensitivity, *m.Specificity) + "; " + calibration
	}
	return fmt.Sprintf("%s %s, flag above %.5g, %s", m.Name, shortDigest(m.Digest), m.Threshold, calibration)
}

// shortDigest is enough of a digest to tell two apart by eye.
func shortDigest(digest string) string {
	const kept = len("sha256:") + 12
	return digest[:min(len(digest), kept)]
}

// whoFlags tells which models flag a nodule and which do not.
func whoFlags(scores []bus.NoduleScore) string {
	var texts []string
	for _, s := range scores {
		verb := "does not flag it"
		if s.Anomalous {
			verb = "flags it"
		}
		texts = append(texts, fmt.Sprintf("%s %s (percentile %.1f)", s.Model, verb, s.Percentile))
	}
	return strings.Join(texts, ", ")
}

// resultColumns are the heads of resultRows. Where there are several models
// they are named, with the gap between them.
func resultColumns(r bus.Result) []string {
	if len(r.Models) > 1 {
		return []string{"NODULE", "MODEL", "SCORE", "PROBABILITY", "PERCENTILE", "FLAG", "GAP"}
	}
	return []string{"NODULE", "SCORE", "PROBABILITY", "PERCENTILE", "FLAG"}
}

func resultRows(r bus.Result) [][]string {
	var rows [][]string
	for _, n := range r.Nodules {
		for _, line := range modelLines(n) {
			row := []string{n.ID}
			if len(r.Models) > 1 {
				row = append(row, orDash(line.model))
			}
			row = append(row, line.cells...)
			if len(r.Models) > 1 {
				row = append(row, percentileGap(n.Disagreement))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// placeColumns are the heads of placeRows.
var placeColumns = []string{"NODULE", "POSITION LPS MM", "DIAMETER", "LIMITS"}

// placeRows has a row for every nodule: where it is, and what limits its scores.
func placeRows(r bus.Result) [][]string {
	rows := make([][]string, 0, len(r.Nodules))
	for _, n := range r.Nodules {
		p := n.PositionLPS
		rows = append(rows, []string{n.ID, fmt.Sprintf("%.1f %.1f %.1f", p[0], p[1], p[2]), diameter(n.DiameterMM), orDash(strings.Join(n.Applicability, ","))})
	}
	return rows
}

// modelLine is what one model says of a nodule; model is empty where none was
// asked.
type modelLine struct {
	model string
	cells []string // score, probability, percentile and flag
}

// modelLines has a line for every model that scored a nodule or failed to, and
// one where there was nothing to score: none is missing without a word.
func modelLines(n bus.ResultNodule) []modelLine {
	var lines []modelLine
	for _, s := range n.Scores {
		flag := "-"
		if s.Anomalous {
			flag = "flagged"
		}
		lines = append(lines, modelLine{s.Model, []string{fmt.Sprintf("%.5g", s.Raw), probability(s), fmt.Sprintf("%.1f", s.Percentile), flag}})
	}
	for _, f := range n.Failed {
		lines = append(lines, modelLine{f.Model, []string{"failed", f.Code, "-", "-"}})
	}
	if len(lines) == 0 {
		state, code := "refused", "no score"
		if n.Error != nil {
			code = n.Error.Code
		}
		if notFound(n) {
			state = "nothing"
		}
		lines = append(lines, modelLine{"", []string{state, code, "-", "-"}})
	}
	return lines
}

// percentileGap is how many points of percentile lie between the models.
func percentileGap(d *bus.Disagreement) string {
	switch {
	case d == nil:
		return "-"
	case d.FlagsDiffer:
		return fmt.Sprintf("%.1f, flags differ", d.PercentileGap)
	}
	return fmt.Sprintf("%.1f", d.PercentileGap)
}

func probability(s bus.NoduleScore) string {
	if s.Probability == nil {
		return cmp.Or(s.Calibration, "uncalibrated")
	}
	return fmt.Sprintf("%.3f", *s.Probability)
}

func diameter(mm float64) string {
	if mm == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f mm", mm)
}

func orDash(text string) string { return cmp.Or(text, "-") }

// refusedNodules is the error of a command that has printed its result: it
// makes the exit code tell that a nodule has no score, or lacks that of a
// detector.
func refusedNodules(r bus.Result) error {
	refused, partly := 0, 0
	for _, n := range r.Nodules {
		switch {
		case n.Error != nil && len(n.Scores) > 0:
			partly++
		case n.Error != nil && !notFound(n): // which is an answer
			refused++
		}
	}
	var texts []string
	if refused > 0 {
		texts = append(texts, fmt.Sprintf("%d of %s without a score", refused, counted(len(r.Nodules), "nodule")))
	}
	if partly > 0 {
		texts = append(texts, fmt.Sprintf("%d of %s without the score of a detector", partly, counted(len(r.Nodules), "nodule")))
	}
	if len(texts) == 0 {
		return nil
	}
	return badInput(errors.New(strings.Join(texts, ", ")), "the result names the reason of each")
}
