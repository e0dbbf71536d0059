package experiment

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/nodulescope/nodulescope/detector/evaluation"
	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/detector/stats"
	"github.com/nodulescope/nodulescope/nodule"
)

// drawing is a figure under the name of its file.
type drawing struct {
	name string
	figure.Figure
}

// album collects figures. What cannot be drawn of this data (one value, a
// class that is missing) is left out and said.
type album struct {
	figures []drawing
	omitted []string
}

func (a *album) chart(name, caption, alt string, c figure.Chart) error {
	b, err := c.SVG()
	if errors.Is(err, figure.ErrEmpty) {
		a.omitted = append(a.omitted, fmt.Sprintf("%s: %v", name, err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("experiment: figure %s: %w", name, err)
	}
	a.figures = append(a.figures, drawing{name + ".svg", figure.Figure{Caption: caption, Alt: alt, SVG: b}})
	return nil
}

// picture takes one that was kept when the network was there.
func (a *album) picture(dir folder, name, caption, alt string) error {
	if !dir.has(figuresDir, name+".png") {
		return nil
	}
	b, err := dir.read(figuresDir, name+".png")
	if err != nil {
		return err
	}
	a.figures = append(a.figures, drawing{name + ".png", figure.Figure{Caption: caption, Alt: alt, PNG: b}})
	return nil
}

// take returns what was added since the last time.
func (a *album) take(from int) []figure.Figure {
	var out []figure.Figure
	for _, d := range a.figures[from:] {
		out = append(out, d.Figure)
	}
	return out
}

// ranked are the labelled cases that have a value of a row.
type ranked struct {
	scores, diameters []float64
	anomalous         []bool
	patients          []string
	classes           [2][]float64
	sizes             [2][]float64
}

func rank(scored []evaluation.Scored, row string) ranked {
	var r ranked
	for i := range scored {
		s := &scored[i]
		v := s.Value(row)
		if math.IsNaN(v) || s.Label == nodule.Indeterminate {
			continue
		}
		c := 0
		if anomaly(s) {
			c = 1
		}
		who := s.Patient
		if who == "" { // an image stands for itself
			who = fmt.Sprint("case ", i)
		}
		r.scores, r.anomalous, r.patients = append(r.scores, v), append(r.anomalous, c == 1), append(r.patients, who)
		r.diameters = append(r.diameters, s.DiameterMM)
		r.classes[c], r.sizes[c] = append(r.classes[c], v), append(r.sizes[c], s.DiameterMM)
	}
	return r
}

// density is the density of the score by class.
func (r ranked) density(title, axis string, marks []figure.Mark) figure.Density {
	d := figure.Density{Title: title, Axis: axis, Log: r.skewed(), Marks: marks}
	var at []float64
	for _, m := range marks {
		at = append(at, m.At)
	}
	x, y := stats.Densities(r.classes[:], at, d.Log)
	d.At = x
	for c, name := range classNames {
		d.Groups = append(d.Groups, figure.DensityGroup{Name: name, Values: r.classes[c], Density: y[c]})
	}
	return d
}

// skewed says whether a logarithmic axis suits a score.
func (r ranked) skewed() bool {
	for _, v := range r.scores {
		if !(v > 0) {
			return false
		}
	}
	return true
}

// estimate is an area to draw; nil where there is none.
func estimate(a *stats.AUROC) *figure.Estimate {
	if a == nil {
		return nil
	}
	return &figure.Estimate{Value: a.Value, Low: a.Low, High: a.High}
}

// bandDraws of the bootstrap of a ROC band.
const bandDraws = 1000

// curve is the ROC curve of a row.
func (r ranked) curve(name string, area stats.AUROC, band, reference bool) (figure.Curve, error) {
	x, y, err := stats.ROC(r.scores, r.anomalous)
	c := figure.Curve{Name: name, X: x, Y: y, Area: estimate(&area), Reference: reference}
	if err == nil && band {
		c.BandX, c.Low, c.High, err = stats.ROCBand(r.scores, r.anomalous, r.patients, bandDraws, 2018)
	}
	return c, err
}

// baselines are the model-free rows that figures set beside a detector.
var baselines = []string{evaluation.RowDiameter, evaluation.RowMaskDiameter, evaluation.RowNearest, evaluation.RowMeanImage, evaluation.RowIntensitySum}

// best is the row of the detector with the highest mean on this set, the score
// included.
func (s *Set) best() string {
	name, top := "", -1.0
	for _, m := range s.Means {
		if m.Model && m.Average.Mean > top {
			name, top = m.Name, m.Average.Mean
		}
	}
	return name
}

// areas draws density, ROC and precision-recall of the first network.
func (a *album) areas(prefix string, s *Set, score, axis string) error {
	e := s.Runs.Single[0]
	row := e.Row(score)
	if row == nil {
		return nil
	}
	r := rank(e.Scored, score)
	var marks []figure.Mark
	for _, d := range e.Detectors {
		for _, p := range d.Points {
			if p.Threshold != nil {
				marks = append(marks, figure.Mark{Name: p.Name, At: *p.Threshold})
			}
		}
	}
	err := a.chart(prefix+"density", "Density of the score of the first network by class, with a line for every case below.",
		"Two curves, normals and anomalies, over the score.", r.density("Score by class, "+s.Name, axis, marks))
	if err != nil {
		return err
	}
	roc := figure.ROC{Title: "ROC, " + s.Name, Normals: len(r.classes[0]), Anomalies: len(r.classes[1]), Band: "95 % pointwise, bootstrap by " + by(e)}
	pr := figure.PrecisionRecall{Title: "Precision and recall, " + s.Name, Normals: len(r.classes[0]), Anomalies: len(r.classes[1])}
	names := []string{score}
	if best := s.best(); best != score && best != "" {
		names = append(names, best)
	}
	for _, n := range baselines {
		if e.Row(n) != nil && len(names) < 5 {
			names = append(names, n)
		}
	}
	for i, n := range names {
		of, row := rank(e.Scored, n), e.Row(n)
		if row == nil {
			continue
		}
		c, err := of.curve(n, row.Overall, i == 0, !row.Model)
		if err != nil {
			return fmt.Errorf("experiment: ROC of %q: %w", n, err)
		}
		roc.Curves = append(roc.Curves, c)
		x, y, err := stats.PrecisionRecall(of.scores, of.anomalous)
		if err != nil {
			return fmt.Errorf("experiment: precision of %q: %w", n, err)
		}
		p := row.Precision
		pr.Curves = append(pr.Curves, figure.Curve{Name: n, X: x, Y: y, Reference: !row.Model, Area: &figure.Estimate{Value: p.Value, Low: p.Low, High: p.High}})
	}
	for _, d := range e.Detectors {
		for _, p := range d.Points {
			roc.Points = append(roc.Points, figure.Point{Name: p.Name, X: 1 - p.Specificity.Value, Y: p.Sensitivity.Value})
		}
	}
	if err := a.chart(prefix+"roc", "ROC of the first network beside model-free baselines (grey). Areas with DeLong's interval.", "ROC curves over the diagonal.", roc); err != nil {
		return err
	}
	return a.chart(prefix+"precision", "Precision against recall; guessing gives the prevalence. Average precision with an interval by bootstrap.", "Precision curves over the prevalence line.", pr)
}

// by is what a bootstrap draws.
func by(e *evaluation.Evaluation) string {
	if e.Unit == "nodules" {
		return "patient"
	}
	return "image"
}

// seeds draws the AUROC of every network with the paper's value.
func (a *album) seeds(prefix string, s *Set, score string, p Paper) error {
	d := figure.Dots{Title: "AUROC of every network, " + s.Name, X: s.Runs.By, Y: "AUROC", Interval: "DeLong 95 %",
		Marks: []figure.Mark{{Name: "paper", At: p.AUROC}}}
	names := []string{score}
	if best := s.best(); best != score && best != "" {
		names = append(names, best)
	}
	for i, key := range s.Runs.Keys {
		c := s.Runs.Single[i].Counts
		d.Categories = append(d.Categories, fmt.Sprintf("%d\n%d + %d", key, c.Normals, c.Anomalies))
	}
	for _, n := range append(names, evaluation.RowDiameter, evaluation.RowNearest) {
		series := figure.DotSeries{Name: n}
		any := false
		for _, e := range s.Runs.Single {
			var v *figure.Estimate
			if row := e.Row(n); row != nil {
				v, any, series.Reference = estimate(&row.Overall), true, !row.Model
			}
			series.Estimates = append(series.Estimates, v)
		}
		if any {
			d.Series = append(d.Series, series)
		}
	}
	return a.chart(prefix+"networks", "AUROC of every network with its interval, and the value of the paper.", "A dot with an interval for every network.", d)
}

// forest sets all rows beside each other.
func (a *album) forest(prefix string, s *Set) error {
	e, which := s.Runs.Single[0], "first network"
	if s.Pool != nil {
		e, which = s.Pool, "all folds"
	}
	f := figure.Forest{Title: "Every way to rank, " + s.Name + ", " + which, Columns: []string{"AUROC"}, Null: 0.5, Interval: "95 %"}
	sized := false
	for _, r := range e.Rows {
		sized = sized || r.Matched != nil
	}
	if sized {
		f.Columns = append(f.Columns, "size-matched")
	}
	for _, r := range e.Rows {
		row := figure.ForestRow{Name: r.Name, Note: fmt.Sprintf("%d + %d", r.Counts.Normals, r.Counts.Anomalies), Reference: !r.Model, Estimates: []*figure.Estimate{estimate(&r.Overall)}}
		if sized {
			row.Estimates = append(row.Estimates, estimate(r.Matched))
		}
		f.Rows = append(f.Rows, row)
	}
	return a.chart(prefix+"rows", "Every way to rank the same cases, with and without a model (grey).", "A dot with an interval for every row, beside the line of guessing at 0.5.", f)
}

// curves draws training and search of the first unit.
func (a *album) curves(o Options) error {
	dir := o.unit(unit{seed: 1})
	h, err := dir.sheet(historyFile)
	if err != nil {
		return err
	}
	if h != nil {
		x := "generator step"
		if o.Settings.VAE != nil {
			x = "epoch"
		}
		l := figure.Lines{Title: "Training of the first network", X: x, Y: "loss per case"}
		for _, name := range h.columns[1:] {
			l.Series = append(l.Series, figure.Series{Name: name, X: h.column(colStep), Y: h.column(name)})
		}
		if err := a.chart("training", "Losses over the training: "+strings.Join(h.columns[1:], ", ")+".", "Curves over "+x+".", l); err != nil {
			return err
		}
	}
	c, err := dir.sheet(curvesFile)
	if err != nil || c == nil {
		return err
	}
	s := figure.SearchCurves{Title: "Latent search of the first network", Y: "loss (equation 15)", Log: true}
	var searches [2][][]float64 // by class
	for _, r := range c.rows {
		class := int(r[0])
		searches[class] = append(searches[class], r[1:])
		for _, v := range r[1:] {
			s.Log = s.Log && v > 0
		}
	}
	for class, name := range classNames {
		g := figure.Curves{Name: name, N: len(searches[class]), Single: searches[class][:min(len(searches[class]), singleSearches)]}
		g.Low, g.Median, g.High = stats.QuartileBands(searches[class])
		s.Groups = append(s.Groups, g)
	}
	return a.chart("search", fmt.Sprintf("Loss over the steps of the search, for up to %d cases of each class: median, quartiles and single ones.", shownCurves), "Falling curves.", s)
}

// singleSearches is how many searches of a class are drawn as they are.
const singleSearches = 5
