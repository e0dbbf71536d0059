package figure

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"
)

// Scatter shows two values of each nodule, such as its score against its
// diameter.
type Scatter struct {
	Title        string
	X, Y         string // what the values are, with unit
	LogX, LogY   bool
	Clouds       []Series // one per class
	MarksX       []Mark   // upright lines
	MarksY       []Mark   // level lines, such as the threshold
	Relationship string   // what a line of the legend shall say, such as Spearman's rho
}

// SVG implements [Chart].
func (s Scatter) SVG() ([]byte, error) { return named("scatter", s.svg) }

func (s Scatter) svg() ([]byte, error) {
	a := axes{s.X, s.Y, s.LogX, s.LogY, s.MarksX, s.MarksY}
	f, err := a.frame(s.Clouds)
	if err != nil {
		return nil, err
	}
	lines := a.marks(f, "%.3g")
	var legend []entry
	for i, c := range s.Clouds {
		glyph := glyphOf(i)
		glyph.Color = faint(colourOf(i), 190)
		f.dots(c.X, c.Y, glyph)
		legend = append(legend, dotEntry(fmt.Sprintf("%s (n = %d)", c.Name, len(c.X)), draw.GlyphStyle{Color: colourOf(i), Radius: 3, Shape: glyph.Shape}))
	}
	legend = append(legend, lines...)
	if s.Relationship != "" {
		legend = append(legend, entry{text: s.Relationship})
	}
	return sheetOf{title: s.Title, legend: legend, height: 290, paint: f.draw}.svg()
}
