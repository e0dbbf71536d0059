package experiment

import (
	"fmt"

	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// sizes draws what a score has to do with size.
func (a *album) sizes(prefix string, s *Set, score, axis string) error {
	e := s.Runs.Single[0]
	row := e.Row(score)
	if row == nil || len(row.Bands) == 0 {
		return nil // nothing has a size
	}
	r := rank(e.Scored, score)
	sc := figure.Scatter{Title: "Score against diameter, " + s.Name, X: "diameter in mm", Y: axis, LogX: true, LogY: r.skewed()}
	var all [2][]float64
	for c := range classNames {
		cloud := figure.Series{Name: classNames[c]}
		for i, d := range r.sizes[c] {
			if d > 0 {
				cloud.X, cloud.Y = append(cloud.X, d), append(cloud.Y, r.classes[c][i])
			}
		}
		all[0], all[1] = append(all[0], cloud.X...), append(all[1], cloud.Y...)
		sc.Clouds = append(sc.Clouds, cloud)
	}
	sc.Relationship = fmt.Sprintf("Spearman's rho %.2f", stats.Spearman(all[0], all[1]))
	if err := a.chart(prefix+"diameter", "Score of the first network against diameter: a score that is size alone would be a line.", "A cloud of points for each class.", sc); err != nil {
		return err
	}
	d := figure.Dots{Title: "AUROC by size, " + s.Name, X: "diameter: normals + anomalies", Y: "AUROC", Interval: "DeLong 95 %"}
	for _, b := range row.Bands {
		d.Categories = append(d.Categories, fmt.Sprintf("%s\n%d + %d", b.Name, b.Normals, b.Anomalies))
	}
	for _, name := range []string{score, evaluation.RowDiameter} {
		row := e.Row(name)
		if row == nil {
			continue
		}
		series := figure.DotSeries{Name: name, Reference: !row.Model}
		for _, b := range row.Bands {
			series.Estimates = append(series.Estimates, estimate(b.Area))
		}
		d.Series = append(d.Series, series)
	}
	return a.chart(prefix+"bands", "AUROC among nodules of similar size, first network.", "A dot with an interval for every size band.", d)
}

// reliability draws whether the probabilities of the first network hold.
func (a *album) reliability(prefix string, s *Set) error {
	e := s.Runs.Single[0]
	for _, d := range e.Detectors {
		if len(d.Bins) == 0 {
			continue
		}
		f := figure.Reliability{Title: "Do the probabilities hold? " + title(s.Name), Band: fmt.Sprintf("%d bins of equal count, Wilson 95 %%", len(d.Bins)),
			Groups: []figure.Group{{Name: classNames[0]}, {Name: classNames[1]}}}
		for _, b := range d.Bins {
			f.Bins = append(f.Bins, figure.Bin{Predicted: b.Mean, N: b.Observed.Of,
				Observed: figure.Estimate{Value: b.Observed.Value, Low: b.Observed.Low, High: b.Observed.High}})
		}
		for i := range e.Scored {
			c := &e.Scored[i]
			v := c.Prediction(d.Detector)
			if v == nil || c.Label == nodule.Indeterminate {
				continue
			}
			g := &f.Groups[0]
			if anomaly(c) {
				g = &f.Groups[1]
			}
			g.Values = append(g.Values, v.Probability)
		}
		if err := a.chart(prefix+"reliability", "Share of anomalies against the calibrated probability, first network.", "Points with intervals beside the diagonal.", f); err != nil {
			return err
		}
	}
	return nil
}
