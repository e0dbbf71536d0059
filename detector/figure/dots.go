package figure

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// DotSeries is one thing measured in each category; nil where it could not be,
// such as in a size band without anomalies.
type DotSeries struct {
	Name      string
	Estimates []*Estimate
	Reference bool // grey: a row to compare with, such as the diameter alone
}

// Dots shows values with their intervals by category: the AUROC of each seed
// with the value of the paper as a mark, or of each size band. A category says
// how many nodules it has: "6-10 mm\n30 + 12". What could not be measured is
// marked as such.
type Dots struct {
	Title      string
	X, Y       string
	Categories []string // may have several lines
	Series     []DotSeries
	Marks      []Mark // level lines
	Interval   string // what the intervals are, such as "DeLong 95 %"
}

// SVG implements [Chart].
func (d Dots) SVG() ([]byte, error) { return named("dots", d.svg) }

func (d Dots) svg() ([]byte, error) {
	shown, err := d.shown()
	if err != nil {
		return nil, err
	}
	x := axis{label: d.X, low: 0.5, high: float64(len(d.Categories)) + 0.5}
	for i, name := range d.Categories {
		x.ticks = append(x.ticks, plot.Tick{Value: float64(i + 1), Label: name})
	}
	f := newFrame(x, span(d.Y, false, shown))
	legend := marks(f.level, d.Marks, 0, "%.2f")
	coloured := 0
	var dots []entry
	for i, s := range d.Series {
		glyph := glyphOf(coloured)
		glyph.Radius = 3.2
		if s.Reference {
			glyph.Color, glyph.Shape = chartGrey, draw.BoxGlyph{}
		} else {
			coloured++
		}
		// Side by side within a category, never wider than half of it.
		shift := 0.5 * (float64(i) - float64(len(d.Series)-1)/2) / float64(max(len(d.Series), 3))
		for k, e := range s.Estimates {
			at := float64(k+1) + shift
			if e == nil {
				f.add(func(c draw.Canvas, x, _ func(float64) vg.Length) {
					dimText.draw(c, x(at), c.Min.Y+3, -0.5, "n/a")
				})
				continue
			}
			f.whisker(at, e.Low, e.High, glyph.Color)
			f.dots([]float64{at}, []float64{e.Value}, glyph)
		}
		dots = append(dots, dotEntry(s.Name, glyph))
	}
	legend = append(dots, legend...)
	if d.Interval != "" {
		legend = append(legend, entry{text: d.Interval})
	}
	return sheetOf{title: d.Title, legend: legend, height: 230, paint: f.draw}.svg()
}

// shown are all values that the axis must hold.
func (d Dots) shown() ([]float64, error) {
	if err := checkMarks(d.Marks, false); err != nil {
		return nil, err
	}
	var shown []float64
	for _, s := range d.Series {
		if len(s.Estimates) != len(d.Categories) {
			return nil, fmt.Errorf("%s has %d estimates for %d categories: %w", s.Name, len(s.Estimates), len(d.Categories), ErrShape)
		}
		for i, e := range s.Estimates {
			if e == nil {
				continue
			}
			if err := e.check(fmt.Sprintf("%s, %s", s.Name, d.Categories[i])); err != nil {
				return nil, err
			}
			shown = append(shown, e.Low, e.Value, e.High)
		}
	}
	if len(shown) == 0 {
		return nil, ErrEmpty
	}
	for _, m := range d.Marks {
		shown = append(shown, m.At)
	}
	return slices.Clip(shown), nil
}
