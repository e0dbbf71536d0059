package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Calibration shows how a raw score becomes a probability: the curve, a rug of
// each class (normals below, anomalies on top), and the threshold.
type Calibration struct {
	Title       string
	Axis        string // what the score is, with unit
	Log         bool
	Probability func(score float64) float64
	Normals     Group
	Anomalies   Group
	Marks       []Mark // thresholds, scores
}

// SVG implements [Chart].
func (k Calibration) SVG() ([]byte, error) { return named("calibration", k.svg) }

func (k Calibration) svg() ([]byte, error) {
	groups := []Group{k.Normals, k.Anomalies}
	if err := checkGroups(groups, k.Log); err != nil {
		return nil, err
	}
	if err := checkMarks(k.Marks, k.Log); err != nil {
		return nil, err
	}
	if k.Probability == nil {
		return nil, fmt.Errorf("no function from score to probability: %w", ErrEmpty)
	}
	x := span(k.Axis, k.Log, listsOf(groups, k.Marks)...)
	y := unit("calibrated probability")
	y.ticks = y.ticksOf()
	y.low, y.high = -0.07, 1.07 // room for the rugs
	xs := x.between(200)
	ys := make([]float64, len(xs))
	for i, v := range xs {
		if ys[i] = k.Probability(v); math.IsNaN(ys[i]) || ys[i] < 0 || ys[i] > 1 {
			return nil, fmt.Errorf("probability %v at score %v is not within 0..1: %w", ys[i], v, ErrShape)
		}
	}
	f := newFrame(x, y)
	f.line(xs, ys, draw.LineStyle{Color: chartInk, Width: 1.6})
	f.rug(k.Normals.Values, 0, colourOf(0))
	f.add(func(c draw.Canvas, at, _ func(float64) vg.Length) {
		for _, v := range k.Anomalies.Values {
			c.StrokeLine2(draw.LineStyle{Color: faint(colourOf(1), 170), Width: 0.7}, at(v), c.Max.Y-rugHeight+1, at(v), c.Max.Y-1)
		}
	})
	legend := []entry{lineEntry("probability", draw.LineStyle{Color: chartInk, Width: 1.6})}
	for i, g := range groups {
		legend = append(legend, lineEntry(fmt.Sprintf("%s (n = %d)", g.Name, len(g.Values)), draw.LineStyle{Color: colourOf(i), Width: 1.4}))
	}
	legend = append(legend, f.uprights(k.Marks, 0, "%.3g")...)
	return sheetOf{title: k.Title, legend: legend, height: 230, paint: f.draw}.svg()
}
