package figure

import (
	"gonum.org/v1/plot/vg"
)

// Series is a value over time, such as a loss over the steps of a training.
type Series struct {
	Name string
	X, Y []float64
}

// Lines shows series over one axis, such as critic loss, Wasserstein estimate
// and the bound on validation patches over the steps of a training. Of a
// series of more than 1,000 points each stretch keeps its first, smallest,
// largest and last.
type Lines struct {
	Title  string
	X, Y   string // what the values are, with unit
	LogX   bool
	LogY   bool
	Series []Series
	MarksX []Mark // upright lines, such as the step that was kept
	MarksY []Mark // level lines
}

// SVG implements [Chart].
func (l Lines) SVG() ([]byte, error) { return named("lines", l.svg) }

func (l Lines) svg() ([]byte, error) {
	a := axes{l.X, l.Y, l.LogX, l.LogY, l.MarksX, l.MarksY}
	f, err := a.frame(l.Series)
	if err != nil {
		return nil, err
	}
	var legend []entry
	for i, s := range l.Series {
		x, y := thin(s.X, s.Y)
		style := strokeOf(i)
		if len(s.X) > 200 {
			style.Width, style.Dashes = 1, nil // a dash over a restless line cannot be seen
		}
		if len(x) == 1 {
			f.dots(x, y, glyphOf(i))
		}
		f.line(x, y, style)
		legend = append(legend, lineEntry(s.Name, style))
	}
	legend = append(legend, a.marks(f, "%.4g")...)
	return sheetOf{title: l.Title, legend: legend, height: vg.Length(230), paint: f.draw}.svg()
}

// thin leaves out what a chart of this width cannot show.
func thin(xs, ys []float64) (x, y []float64) {
	const stretches = 250
	if len(xs) <= 4*stretches {
		return xs, ys
	}
	for k := range stretches {
		first, last := k*len(xs)/stretches, (k+1)*len(xs)/stretches-1
		low, high := first, first
		for i := first; i <= last; i++ {
			if ys[i] < ys[low] {
				low = i
			}
			if ys[i] > ys[high] {
				high = i
			}
		}
		before := -1
		for _, i := range []int{first, min(low, high), max(low, high), last} {
			if i > before {
				x, y, before = append(x, xs[i]), append(y, ys[i]), i
			}
		}
	}
	return x, y
}
