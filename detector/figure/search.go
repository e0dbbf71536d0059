package figure

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot/vg/draw"
)

// Curves are the losses of the searches of a class, [nodule][step].
type Curves struct {
	Name   string
	Curves [][]float64
}

// SearchCurves shows how the loss falls over the steps of the latent search:
// per class the median and the band between the quartiles, and some single
// searches as thin lines.
type SearchCurves struct {
	Title  string
	Y      string // what falls, with unit
	Log    bool
	Groups []Curves
	Single int // thin lines per class, the first ones
}

// SVG implements [Chart].
func (s SearchCurves) SVG() ([]byte, error) {
	b, err := s.svg()
	if err != nil {
		return nil, fmt.Errorf("figure: draw search curves: %w", err)
	}
	return b, nil
}

func (s SearchCurves) svg() ([]byte, error) {
	bands, steps, err := s.bands()
	if err != nil {
		return nil, err
	}
	var shown [][]float64
	for i, b := range bands {
		shown = append(shown, b[0], b[2])
		shown = append(shown, s.singles(i)...)
	}
	xs := make([]float64, steps)
	for i := range xs {
		xs[i] = float64(i + 1)
	}
	f := newFrame(span("step of the search", false, xs), span(s.Y, s.Log, shown...))
	var legend []entry
	for i, b := range bands {
		if len(s.Groups[i].Curves) > 0 {
			f.area(xs, b[0], b[2], faint(colourOf(i), 45))
			for _, single := range s.singles(i) {
				f.line(xs, single, draw.LineStyle{Color: faint(colourOf(i), 110), Width: 0.5})
			}
		}
	}
	for i, b := range bands {
		if len(s.Groups[i].Curves) > 0 {
			f.line(xs, b[1], strokeOf(i))
			if steps == 1 {
				f.dots(xs, b[1], glyphOf(i))
			}
		}
		legend = append(legend, bandEntry(fmt.Sprintf("%s (n = %d)", s.Groups[i].Name, len(s.Groups[i].Curves)), strokeOf(i), faint(colourOf(i), 45)))
	}
	text := "line: median; band: quartiles"
	if s.Single > 0 {
		text += fmt.Sprintf("; thin: single searches, up to %d of each", s.Single)
	}
	return sheetOf{title: s.Title, legend: append(legend, entry{text: text}), height: 250, paint: f.draw}.svg()
}

func (s SearchCurves) singles(group int) [][]float64 {
	curves := s.Groups[group].Curves
	return curves[:min(s.Single, len(curves))]
}

// bands are the quartiles per step of each group: lower, median, upper.
func (s SearchCurves) bands() (bands [][3][]float64, steps int, err error) {
	for _, g := range s.Groups {
		for i, c := range g.Curves {
			name := fmt.Sprintf("%s, search %d", g.Name, i+1)
			if steps == 0 {
				steps = len(c)
			}
			if len(c) != steps {
				return nil, 0, fmt.Errorf("%s has %d steps, others %d: %w", name, len(c), steps, ErrShape)
			}
			if err := finite(name, c); err != nil {
				return nil, 0, err
			}
			if s.Log {
				if err := positive(name, c); err != nil {
					return nil, 0, err
				}
			}
		}
	}
	if steps == 0 {
		return nil, 0, ErrEmpty
	}
	for _, g := range s.Groups {
		var b [3][]float64
		for step := range steps {
			at := make([]float64, len(g.Curves))
			for i, c := range g.Curves {
				at[i] = c[step]
			}
			slices.Sort(at)
			for k, q := range []float64{0.25, 0.5, 0.75} {
				if len(at) > 0 {
					b[k] = append(b[k], quantile(at, q))
				}
			}
		}
		bands = append(bands, b)
	}
	return bands, steps, nil
}
