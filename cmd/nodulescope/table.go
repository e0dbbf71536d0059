package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/nodulescope/nodulescope/bus"
)

// writeResult prints a result for people: what it is a score of, a line per
// nodule and model, then everything that limits its use.
func writeResult(w io.Writer, r bus.Result) error {
	g := r.Geometry
	fmt.Fprintf(w, "series %s: %d slices, %.4g x %.4g x %.4g mm", r.SeriesUID, g.Slices, g.SpacingMM[0], g.SpacingMM[1], g.SpacingMM[2])
	if g.TiltDeg >= 0.05 {
		fmt.Fprintf(w, ", tilt %.1f degrees", g.TiltDeg)
	}
	if g.MissingSlices > 0 {
		fmt.Fprintf(w, ", %d missing", g.MissingSlices)
	}
	fmt.Fprint(w, "\n\n")

	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(resultColumns(r), "\t"))
	for _, row := range resultRows(r) {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, n := range r.Nodules {
		if n.Error != nil {
			fmt.Fprintf(w, "refused  %s: %s (%s)\n", n.ID, n.Error.Message, n.Error.Code)
		}
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning  %s (%s)\n", warning.Message, warning.Code)
	}
	for _, m := range r.Models {
		fmt.Fprintf(w, "model    %s\n", describeModel(m))
	}
	_, err := fmt.Fprintf(w, "%s\n", r.IntendedUse)
	return err
}

// describeModel is one line on what scored and how it was calibrated.
func describeModel(m bus.Model) string {
	calibration := "uncalibrated: the percentile is among reference nodules, there is no probability"
	if m.Calibration != "uncalibrated" {
		calibration = fmt.Sprintf("calibrated at the prevalence of its data, %.2f", m.Prevalence)
	}
	return fmt.Sprintf("%s %s, flag above %.5g, %s", m.Name, shortDigest(m.Digest), m.Threshold, calibration)
}

// shortDigest is enough of a digest to tell two apart by eye.
func shortDigest(digest string) string {
	const kept = len("sha256:") + 12
	return digest[:min(len(digest), kept)]
}

// resultColumns are the heads of resultRows. The model is named where there
// are several.
func resultColumns(r bus.Result) []string {
	columns := []string{"NODULE", "POSITION LPS MM", "DIAMETER", "SCORE", "PROBABILITY", "PERCENTILE", "FLAG", "LIMITS"}
	if len(r.Models) > 1 {
		columns = append([]string{columns[0], "MODEL"}, columns[1:]...)
	}
	return columns
}

func resultRows(r bus.Result) [][]string {
	var rows [][]string
	for _, n := range r.Nodules {
		scores := n.Scores
		if len(scores) == 0 {
			scores = []bus.NoduleScore{{}}
		}
		for _, s := range scores {
			row := []string{n.ID}
			if len(r.Models) > 1 {
				row = append(row, orDash(s.Model))
			}
			p := n.PositionLPS
			row = append(row, fmt.Sprintf("%.1f %.1f %.1f", p[0], p[1], p[2]), diameter(n.DiameterMM))
			row = append(row, scoreCells(n, s)...)
			rows = append(rows, append(row, orDash(strings.Join(n.Applicability, ","))))
		}
	}
	return rows
}

// scoreCells are score, probability, percentile and flag.
func scoreCells(n bus.ResultNodule, s bus.NoduleScore) []string {
	if s.Model == "" {
		code := "no score"
		if n.Error != nil {
			code = n.Error.Code
		}
		return []string{"refused", code, "-", "-"}
	}
	flag := "-"
	if s.Anomalous {
		flag = "flagged"
	}
	return []string{fmt.Sprintf("%.5g", s.Raw), probability(s), fmt.Sprintf("%.1f", s.Percentile), flag}
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
// makes the exit code tell that a nodule has no score.
func refusedNodules(r bus.Result) error {
	refused := 0
	for _, n := range r.Nodules {
		if n.Error != nil {
			refused++
		}
	}
	if refused == 0 {
		return nil
	}
	return badInput(fmt.Errorf("%d of %d nodules have no score", refused, len(r.Nodules)), "the result names the reason of each")
}
