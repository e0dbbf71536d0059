package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector/outline"
)

// outlineColumns are the heads of outlineRows.
var outlineColumns = []string{"NODULE", "DIAMETER MM", "AXES MM", "VOLUME MM³", "MEAN HU", "TYPE", "LIMITS"}

// writeOutlines prints what was measured of the nodules of a result, where they
// were outlined.
func writeOutlines(w io.Writer, r bus.Result) error {
	return writeTable(w, outlineColumns, outlineRows(r))
}

// outlineRows has a row for every nodule that was outlined, or should have been.
func outlineRows(r bus.Result) [][]string {
	var rows [][]string
	for _, n := range r.Nodules {
		o := n.Outline
		switch {
		case o == nil && n.OutlineError == nil:
		case o == nil:
			rows = append(rows, []string{n.ID, "failed", "-", "-", "-", "-", n.OutlineError.Code})
		case !o.Found:
			rows = append(rows, []string{n.ID, "no nodule found here", "-", "-", "-", "-", "-"})
		case o.Measurements == nil:
			rows = append(rows, []string{n.ID, "not measured", "-", "-", "-", "-", orDash(strings.Join(o.Codes, ","))})
		default:
			m := o.Measurements
			mean := "-"
			if m.MeanHU != nil {
				mean = fmt.Sprintf("%.0f", *m.MeanHU)
			}
			if m.MeanUncertaintyHU != nil {
				mean += fmt.Sprintf(" ± %.0f", *m.MeanUncertaintyHU)
			}
			rows = append(rows, []string{
				n.ID, fmt.Sprintf("%.1f ± %.1f", m.DiameterMM, m.DiameterUncertaintyMM), fmt.Sprintf("%.1f x %.1f", m.LongAxisMM, m.ShortAxisMM),
				fmt.Sprintf("%.0f ± %.0f", m.VolumeMM3, m.VolumeUncertaintyMM3), mean, strings.ReplaceAll(string(m.Type), "_", "-"),
				orDash(strings.Join(o.Codes, ",")),
			})
		}
	}
	return rows
}

// notFound says whether a nodule has no score because there is none.
func notFound(n bus.ResultNodule) bool {
	return n.Error != nil && n.Error.Code == string(outline.CodeNotFound)
}

// describeOutliner is one line on what outlined nodules.
func describeOutliner(o bus.Outliner) string { return o.Name + " " + shortDigest(o.Digest) }
