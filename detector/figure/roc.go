package figure

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curve is one curve of a [ROC] or [PrecisionRecall].
type Curve struct {
	Name      string    // with what belongs to it, such as the term
	X, Y      []float64 // within 0..1, see package stats
	Low, High []float64 // band at X of BandX; nil: none
	BandX     []float64 // nil: X
	Area      *Estimate // goes into the legend; nil: none
	Reference bool      // grey: a row to compare with, such as the diameter alone
}

// Point is an operating point.
type Point struct {
	Name string
	X, Y float64
}

// ROC shows how often anomalies and normals lie above each threshold: Y is the
// sensitivity, X is 1 - specificity. The band is what the caller computed; Band
// says how, and what it covers.
type ROC struct {
	Title              string
	Normals, Anomalies int
	Curves             []Curve
	Points             []Point
	Band               string // such as "95 % pointwise, bootstrap by patient"
}

// SVG implements [Chart].
func (r ROC) SVG() ([]byte, error) {
	s := square{title: r.Title, x: "1 - specificity", y: "sensitivity", curves: r.Curves, points: r.Points, band: r.Band, diagonal: true}
	s.count = fmt.Sprintf("n = %d: %d normal, %d anomaly", r.Normals+r.Anomalies, r.Normals, r.Anomalies)
	return named("ROC", s.svg)
}

// PrecisionRecall shows what share of those above a threshold are anomalies, Y,
// against the share of anomalies found, X. Guessing gives the prevalence, a
// dashed line.
type PrecisionRecall struct {
	Title              string
	Normals, Anomalies int
	Curves             []Curve
	Points             []Point
	Band               string
}

// SVG implements [Chart].
func (p PrecisionRecall) SVG() ([]byte, error) {
	n := p.Normals + p.Anomalies
	if n == 0 {
		return nil, fmt.Errorf("figure: draw precision-recall: %w", ErrEmpty)
	}
	prevalence := float64(p.Anomalies) / float64(n)
	s := square{title: p.Title, x: "recall (sensitivity)", y: "precision", curves: p.Curves, points: p.Points, band: p.Band,
		marks: []Mark{{fmt.Sprintf("prevalence %.2f", prevalence), prevalence}}}
	s.count = fmt.Sprintf("n = %d: %d normal, %d anomaly", n, p.Normals, p.Anomalies)
	b, err := s.svg()
	if err != nil {
		return nil, fmt.Errorf("figure: draw precision-recall: %w", err)
	}
	return b, nil
}

// square is a chart of two shares.
type square struct {
	title, x, y, count, band string
	curves                   []Curve
	points                   []Point
	marks                    []Mark // level
	diagonal                 bool
}

const (
	squareSide  = vg.Length(318)
	squareAside = vg.Length(175)
)

func (s square) svg() ([]byte, error) {
	if len(s.curves) == 0 {
		return nil, ErrEmpty
	}
	f := newFrame(unit(s.x), unit(s.y))
	if s.diagonal {
		f.line([]float64{0, 1}, []float64{0, 1}, draw.LineStyle{Color: chartGrey, Width: 0.7, Dashes: []vg.Length{1.5, 2}})
	}
	legend := []entry{{text: s.count}}
	for i, m := range s.marks {
		f.level(m.At, reference(i))
		legend = append(legend, lineEntry(m.Name, reference(i)))
	}
	coloured, grey := 0, len(s.marks)
	for _, c := range s.curves {
		if err := c.check(); err != nil {
			return nil, err
		}
		style, fill := reference(grey), faint(chartGrey, 40)
		if c.Reference {
			grey++
			style.Width = 1.3
		} else {
			style, fill = strokeOf(coloured), faint(colourOf(coloured), 40)
			coloured++
		}
		text := c.Name
		if c.Area != nil {
			text += "\n" + c.Area.String()
		}
		if c.Low == nil {
			legend = append(legend, lineEntry(text, style))
		} else {
			x := c.BandX
			if x == nil {
				x = c.X
			}
			f.area(x, c.Low, c.High, fill)
			legend = append(legend, bandEntry(text, style, fill))
		}
		f.line(c.X, c.Y, style)
	}
	for i, p := range s.points {
		if err := share(p.Name, []float64{p.X, p.Y}); err != nil {
			return nil, err
		}
		glyph := glyphOf(i)
		glyph.Color, glyph.Radius = chartInk, 3.4
		f.dots([]float64{p.X}, []float64{p.Y}, glyph)
		legend = append(legend, dotEntry(p.Name, glyph))
	}
	if s.band != "" {
		legend = append(legend, entry{text: "band: " + s.band})
	}
	return sheetOf{title: s.title, legend: legend, beside: squareAside, height: squareSide, paint: f.draw}.svg()
}

func (c Curve) check() error {
	if len(c.X) == 0 {
		return fmt.Errorf("%s: %w", c.Name, ErrEmpty)
	}
	if err := same(c.Name, c.X, c.Y); err != nil {
		return err
	}
	if err := share(c.Name, slices.Concat(c.X, c.Y, c.Low, c.High, c.BandX)); err != nil {
		return err
	}
	if c.Area != nil {
		if err := c.Area.check(c.Name); err != nil {
			return err
		}
	}
	if c.Low == nil && c.High == nil {
		return nil
	}
	x := c.BandX
	if x == nil {
		x = c.X
	}
	return same(c.Name+", band", x, c.Low, c.High)
}

// share refuses what is not within 0..1.
func share(name string, values []float64) error {
	if err := finite(name, values); err != nil {
		return err
	}
	for _, v := range values {
		if v < -1e-9 || v > 1+1e-9 {
			return fmt.Errorf("%s: %v is not within 0..1: %w", name, v, ErrShape)
		}
	}
	return nil
}
