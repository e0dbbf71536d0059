package figure

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"
)

// Cloud is a class in a [Scatter].
type Cloud struct {
	Name string
	X, Y []float64
}

// Scatter shows two values of each nodule, such as its score against its
// diameter.
type Scatter struct {
	Title        string
	X, Y         string // what the values are, with unit
	LogX, LogY   bool
	Clouds       []Cloud
	MarksX       []Mark // upright lines
	MarksY       []Mark // level lines, such as the threshold
	Relationship string // what a line of the legend shall say, such as Spearman's rho
}

// SVG implements [Chart].
func (s Scatter) SVG() ([]byte, error) {
	b, err := s.svg()
	if err != nil {
		return nil, fmt.Errorf("figure: draw scatter: %w", err)
	}
	return b, nil
}

func (s Scatter) svg() ([]byte, error) {
	var xs, ys []Group
	for _, c := range s.Clouds {
		if err := same(c.Name, c.X, c.Y); err != nil {
			return nil, err
		}
		xs, ys = append(xs, Group{c.Name + ", " + s.X, c.X}), append(ys, Group{c.Name + ", " + s.Y, c.Y})
	}
	if err := checkGroups(xs, s.LogX); err != nil {
		return nil, err
	}
	if err := checkGroups(ys, s.LogY); err != nil {
		return nil, err
	}
	if err := checkMarks(s.MarksX, s.LogX); err != nil {
		return nil, err
	}
	if err := checkMarks(s.MarksY, s.LogY); err != nil {
		return nil, err
	}
	f := newFrame(span(s.X, s.LogX, listsOf(xs, s.MarksX)...), span(s.Y, s.LogY, listsOf(ys, s.MarksY)...))
	var legend []entry
	lines := 0
	for _, m := range s.MarksX {
		f.upright(m.At, reference(lines))
		legend = append(legend, lineEntry(fmt.Sprintf("%s, %.3g", m.Name, m.At), reference(lines)))
		lines++
	}
	for _, m := range s.MarksY {
		f.level(m.At, reference(lines))
		legend = append(legend, lineEntry(fmt.Sprintf("%s, %.3g", m.Name, m.At), reference(lines)))
		lines++
	}
	var dots []entry
	for i, c := range s.Clouds {
		glyph := glyphOf(i)
		glyph.Color = faint(colourOf(i), 190)
		f.dots(c.X, c.Y, glyph)
		dots = append(dots, dotEntry(fmt.Sprintf("%s (n = %d)", c.Name, len(c.X)), draw.GlyphStyle{Color: colourOf(i), Radius: 3, Shape: glyph.Shape}))
	}
	legend = append(dots, legend...)
	if s.Relationship != "" {
		legend = append(legend, entry{text: s.Relationship})
	}
	return sheetOf{title: s.Title, legend: legend, height: 290, paint: f.draw}.svg()
}

// listsOf are the values that an axis must hold.
func listsOf(groups []Group, marks []Mark) [][]float64 {
	var lists [][]float64
	for _, g := range groups {
		lists = append(lists, g.Values)
	}
	for _, m := range marks {
		lists = append(lists, []float64{m.At})
	}
	return lists
}
