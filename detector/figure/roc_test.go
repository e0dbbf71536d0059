package figure

import (
	"math"
	"testing"
)

func TestROCChart(t *testing.T) {
	x, y := []float64{0, 0, 0.2, 1}, []float64{0, 0.3, 0.7, 1}
	bx, low, high := []float64{0, 0.5, 1}, []float64{0, 0.6, 1}, []float64{0.3, 0.9, 1}
	r := ROC{
		Title: "ROC", Normals: 80, Anomalies: 40, Band: "95 % pointwise",
		Curves: []Curve{
			{Name: "vae-ad", X: x, Y: y, BandX: bx, Low: low, High: high, Area: &Estimate{0.73, 0.6, 0.82}},
			{Name: "gan-ad", X: x, Y: x},
			{Name: "diameter only", X: []float64{0, 0.1, 1}, Y: []float64{0, 0.9, 1}, Reference: true},
		},
		Points: []Point{{"Youden", 0.3, 0.7}},
	}
	all := drawn(t, r)
	hasText(t, all, "n = 120: 80 normal, 40 anomaly", "vae-ad 0.73 [0.60, 0.82]", "gan-ad", "diameter only", "Youden", "band: 95 % pointwise", "sensitivity", "1 - specificity")
	if n := count(all, circle, "fill:#1F242B"); n != 2 {
		t.Errorf("%d operating points with the legend's, want 2", n)
	}
	if n := count(all, "", "stroke:"+vermillion); n != 2 { // the second curve and its legend
		t.Errorf("%d lines of the second curve, want 2", n)
	}
	pr := PrecisionRecall{Normals: 80, Anomalies: 40, Curves: r.Curves[1:2]}
	hasText(t, drawn(t, pr), "prevalence 0.33", "n = 120", "precision", "recall (sensitivity)")
	for name, change := range map[string]func(c *Curve){
		"no points":      func(c *Curve) { c.X, c.Y = nil, nil },
		"other length":   func(c *Curve) { c.Y = c.Y[1:] },
		"above one":      func(c *Curve) { c.Y = append([]float64{1.5}, c.Y[1:]...) },
		"no number":      func(c *Curve) { c.Y = append([]float64{math.NaN()}, c.Y[1:]...) },
		"half a band":    func(c *Curve) { c.Low = nil },
		"band elsewhere": func(c *Curve) { c.BandX = nil },
		"area backwards": func(c *Curve) { c.Area = &Estimate{0.5, 0.6, 0.2} },
	} {
		broken := r
		broken.Curves = append([]Curve(nil), r.Curves...)
		change(&broken.Curves[0])
		if _, err := broken.SVG(); err == nil {
			t.Errorf("%s is drawn", name)
		}
	}
}
