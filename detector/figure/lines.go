package figure

import (
	"fmt"

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
func (l Lines) SVG() ([]byte, error) {
	b, err := l.svg()
	if err != nil {
		return nil, fmt.Errorf("figure: draw lines: %w", err)
	}
	return b, nil
}

func (l Lines) svg() ([]byte, error) {
	var xs, ys []Group
	for _, s := range l.Series {
		if err := same(s.Name, s.X, s.Y); err != nil {
			return nil, err
		}
		xs, ys = append(xs, Group{s.Name + ", " + l.X, s.X}), append(ys, Group{s.Name + ", " + l.Y, s.Y})
	}
	if err := checkGroups(xs, l.LogX); err != nil {
		return nil, err
	}
	if err := checkGroups(ys, l.LogY); err != nil {
		return nil, err
	}
	if err := checkMarks(l.MarksX, l.LogX); err != nil {
		return nil, err
	}
	if err := checkMarks(l.MarksY, l.LogY); err != nil {
		return nil, err
	}
	f := newFrame(span(l.X, l.LogX, listsOf(xs, l.MarksX)...), span(l.Y, l.LogY, listsOf(ys, l.MarksY)...))
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
	lines := 0
	for _, m := range l.MarksX {
		f.upright(m.At, reference(lines))
		legend = append(legend, lineEntry(fmt.Sprintf("%s, %.4g", m.Name, m.At), reference(lines)))
		lines++
	}
	for _, m := range l.MarksY {
		f.level(m.At, reference(lines))
		legend = append(legend, lineEntry(fmt.Sprintf("%s, %.3g", m.Name, m.At), reference(lines)))
		lines++
	}
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
