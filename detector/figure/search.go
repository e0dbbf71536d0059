package figure

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"
)

// Curves are the losses of the searches of a class, step by step: the quartiles
// of all of them, and some as they are. Without searches the lists are nil.
type Curves struct {
	Name              string
	N                 int // searches
	Low, Median, High []float64
	Single            [][]float64
}

// SearchCurves shows how the loss falls over the steps of the latent search:
// per class the median and the band between the quartiles, and some single
// searches as thin lines.
type SearchCurves struct {
	Title  string
	Y      string // what falls, with unit
	Log    bool
	Groups []Curves
}

// SVG implements [Chart].
func (s SearchCurves) SVG() ([]byte, error) { return named("search curves", s.svg) }

func (s SearchCurves) svg() ([]byte, error) {
	shown, steps, err := s.shown()
	if err != nil {
		return nil, err
	}
	xs := make([]float64, steps)
	for i := range xs {
		xs[i] = float64(i + 1)
	}
	f := newFrame(span("step of the search", false, xs), span(s.Y, s.Log, shown...))
	var legend []entry
	single := 0
	for i, g := range s.Groups {
		if g.N > 0 {
			f.area(xs, g.Low, g.High, faint(colourOf(i), 45))
		}
		for _, one := range g.Single {
			f.line(xs, one, draw.LineStyle{Color: faint(colourOf(i), 110), Width: 0.5})
		}
		single = max(single, len(g.Single))
	}
	for i, g := range s.Groups {
		if g.N > 0 {
			f.line(xs, g.Median, strokeOf(i))
			if steps == 1 {
				f.dots(xs, g.Median, glyphOf(i))
			}
		}
		legend = append(legend, bandEntry(fmt.Sprintf("%s (n = %d)", g.Name, g.N), strokeOf(i), faint(colourOf(i), 45)))
	}
	text := "line: median; band: quartiles"
	if single > 0 {
		text += fmt.Sprintf("; thin: single searches, up to %d of each", single)
	}
	return sheetOf{title: s.Title, legend: append(legend, entry{text: text}), height: 250, paint: f.draw}.svg()
}

// shown are all curves, of the same number of steps each.
func (s SearchCurves) shown() (shown [][]float64, steps int, err error) {
	for _, g := range s.Groups {
		curves := g.Single
		if g.N > 0 {
			curves = append([][]float64{g.Low, g.Median, g.High}, curves...)
		}
		for _, c := range curves {
			if steps == 0 {
				steps = len(c)
			}
			if len(c) != steps {
				return nil, 0, fmt.Errorf("%s: a curve has %d steps, others %d: %w", g.Name, len(c), steps, ErrShape)
			}
			if err := finite(g.Name, c); err != nil {
				return nil, 0, err
			}
			if s.Log {
				if err := positive(g.Name, c); err != nil {
					return nil, 0, err
				}
			}
		}
		shown = append(shown, curves...)
	}
	if steps == 0 {
		return nil, 0, ErrEmpty
	}
	return shown, steps, nil
}
