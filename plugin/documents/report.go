package documents

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/derived"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Report is the structured report of a result. scanned is the series that was
// scored, header is read from one of its images, and at is when the result was
// made: the time of its event. The same result at the same time gives the same
// file, and the same result at any time the same UIDs. Nodules refer to their
// segments in outlines, which [Segmentation] has made of the same result, or nil:
// what was measured of them is then a text.
//
// Codes: series_mismatch where the result is of another series.
func Report(result bus.Result, scanned *dicomio.Series, header sr.Header, at time.Time, outlines *derived.Segmentation) (sr.Report, error) {
	return reportOf(result, scanned, header, at, outlines, nil)
}

// reportOf is Report where readers drew outlines.
func reportOf(result bus.Result, scanned *dicomio.Series, header sr.Header, at time.Time, outlines *derived.Segmentation, by drawn) (sr.Report, error) {
	if result.SeriesUID != scanned.SeriesUID || header.SeriesUID != scanned.SeriesUID {
		return sr.Report{}, coded.New(series.CodeMismatch, "make report", "the result, the series and the patient do not belong together", nil)
	}
	report := sr.Report{
		Identity: result.Identity, Time: at, Header: header, IntendedUse: result.IntendedUse,
		Device: deviceOf(result), Outlines: outlines != nil,
	}
	for _, w := range result.Warnings {
		report.Notes = append(report.Notes, w.Code+": "+w.Message)
	}
	for _, n := range result.Nodules {
		report.Nodules = append(report.Nodules, reportNodule(result, n, scanned, outlines, by))
	}
	return report, nil
}

// deviceOf is the program that made a result.
func deviceOf(result bus.Result) sr.Device {
	name, version, _ := strings.Cut(result.Software, " ")
	return sr.Device{Version: cmp.Or(version, name)}
}

func reportNodule(result bus.Result, n bus.ResultNodule, series *dicomio.Series, outlines *derived.Segmentation, by drawn) sr.Nodule {
	out := sr.Nodule{ID: n.ID, PositionLPS: n.PositionLPS, DiameterMM: n.DiameterMM}
	if at, ok := series.OnImage(n.PositionLPS); ok {
		out.Image = at
	}
	addHeadline(&out, result, n.Headline)
	for _, s := range n.Scores {
		score := sr.Score{
			Algorithm:  sr.Algorithm{Name: s.Model, Version: result.Software + ", weights " + s.Digest, Parameters: []string{"preprocessing " + result.Preprocessing}},
			Percentile: s.Percentile, Raw: s.Raw, Flagged: s.Anomalous,
		}
		if i := slices.IndexFunc(result.Models, func(m bus.Model) bool { return m.Digest == s.Digest }); i >= 0 {
			m := result.Models[i]
			score.Threshold = m.Threshold
			score.Algorithm.Parameters = append(score.Algorithm.Parameters, "calibration "+m.Calibration)
			if s.Probability != nil {
				score.Algorithm.Parameters = append(score.Algorithm.Parameters, fmt.Sprintf("prevalence of the calibration set %.4g", m.Prevalence))
			}
		}
		if s.ComputedBy != nil {
			score.Algorithm.Parameters = append(score.Algorithm.Parameters, "computed by "+s.ComputedBy.String())
		}
		if s.Probability != nil {
			pct := 100 * *s.Probability
			score.DeviationPct = &pct
		}
		out.Scores = append(out.Scores, score)
	}
	if d := n.Disagreement; d != nil && d.FlagsDiffer {
		out.Notes = append(out.Notes, fmt.Sprintf("The algorithms disagree: one flags the nodule and another does not; their percentiles are %.1f points apart", d.PercentileGap))
	}
	addOutline(&out, result, &n, outlines, by)
	out.Notes = append(out.Notes, n.Applicability...)
	if n.Error != nil {
		out.Error = n.Error.Code + ": " + n.Error.Message
	}
	return out
}

// addHeadline puts the headline before the scores of the models.
func addHeadline(out *sr.Nodule, result bus.Result, h *bus.Headline) {
	if h == nil {
		return
	}
	pct := 100 * h.Probability
	score := sr.Score{
		Algorithm:    sr.Algorithm{Name: h.Rung, Version: result.Software, Parameters: []string{"preprocessing " + result.Preprocessing}},
		DeviationPct: &pct, Percentile: h.Percentile, Raw: h.Raw, Flagged: h.Flagged,
	}
	if g := result.RungOf(&h.RungScore); g != nil {
		score.Algorithm.Version += ", rungs " + result.Rungs.Digest
		score.Threshold = g.Threshold
		score.Algorithm.Parameters = append(score.Algorithm.Parameters, fmt.Sprintf("prevalence %.4g", g.Prevalence))
	}
	out.Scores = append(out.Scores, score)
	note := fmt.Sprintf("%s: 95 %% interval %.0f to %.0f %%", h.Rung, 100*h.Low, 100*h.High)
	for i, p := range h.Parts[:min(notedParts, len(h.Parts))] {
		note += []string{"; ", ", "}[min(i, 1)] + p.String()
	}
	out.Notes = append(out.Notes, note)
}

// notedParts is how many measurements a report names beside a headline.
const notedParts = 3
