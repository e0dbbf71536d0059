package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ForestRow is one way to rank nodules, and how well it does.
type ForestRow struct {
	Name      string
	Note      string      // such as "52 + 32"
	Estimates []*Estimate // one for each column; nil where it could not be measured
	Reference bool        // grey: needs no model
}

// Forest shows the rows of a table with their intervals, one column beside the
// other: AUROC overall and size-matched, say. Every column has the same scale
// and a line at Null, where nothing is known.
type Forest struct {
	Title    string
	Columns  []string // at most three
	Rows     []ForestRow
	Null     float64 // 0.5 for an AUROC
	Interval string  // what the intervals are
}

const (
	forestNames = vg.Length(150)
	forestText  = vg.Length(72) // "0.73 [0.60, 0.82]"
	forestRow   = vg.Length(23)
)

// SVG implements [Chart].
func (t Forest) SVG() ([]byte, error) { return named("forest", t.svg) }

func (t Forest) svg() ([]byte, error) {
	scale, err := t.scale()
	if err != nil {
		return nil, err
	}
	columns := make([]frame, len(t.Columns))
	for k := range t.Columns {
		columns[k] = t.column(k, scale)
	}
	const axisHeight, head = 32, 14
	height := forestRow*vg.Length(len(t.Rows)) + axisHeight + head
	legend := []entry{
		dotEntry("model", draw.GlyphStyle{Color: colourOf(0), Radius: 3.2, Shape: draw.CircleGlyph{}}),
		dotEntry("baseline, no model", draw.GlyphStyle{Color: chartGrey, Radius: 3.2, Shape: draw.BoxGlyph{}}),
		lineEntry(fmt.Sprintf("chance, %.2g", t.Null), reference(0)),
	}
	if t.Interval != "" {
		legend = append(legend, entry{text: t.Interval})
	}
	return sheetOf{title: t.Title, legend: legend, height: height, paint: func(c draw.Canvas) {
		width := (c.Max.X - c.Min.X - forestNames) / vg.Length(len(columns))
		for k, f := range columns {
			left := forestNames + vg.Length(k)*width
			here := draw.Crop(c, left, left+width-(c.Max.X-c.Min.X)-forestText, 0, -head)
			f.draw(here)
			bold := smallText
			bold.bold = true
			bold.draw(c, here.Min.X+4, c.Max.Y-bold.ascent(), 0, t.Columns[k])
			if k == 0 {
				t.names(c, f.p.DataCanvas(here), f)
			}
		}
	}}.svg()
}

// scale is one axis for all columns.
func (t Forest) scale() (axis, error) {
	if len(t.Columns) == 0 || len(t.Rows) == 0 {
		return axis{}, ErrEmpty
	}
	if len(t.Columns) > 3 {
		return axis{}, fmt.Errorf("%d columns, and three fit: %w", len(t.Columns), ErrShape)
	}
	shown := []float64{t.Null}
	for _, r := range t.Rows {
		if len(r.Estimates) != len(t.Columns) {
			return axis{}, fmt.Errorf("row %s has %d estimates for %d columns: %w", r.Name, len(r.Estimates), len(t.Columns), ErrShape)
		}
		for _, e := range r.Estimates {
			if e == nil {
				continue
			}
			if err := e.check(r.Name); err != nil {
				return axis{}, err
			}
			shown = append(shown, e.Low, e.Value, e.High)
		}
	}
	if err := finite("null", shown); err != nil {
		return axis{}, err
	}
	a := span("", false, shown)
	step := 0.1
	for (a.high-a.low)/step > 5 {
		step *= 2
	}
	for v := math.Ceil(a.low/step) * step; v <= a.high; v += step {
		a.ticks = append(a.ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%.1f", v)})
	}
	return a, nil
}

// column draws the estimates of one column and their text.
func (t Forest) column(k int, x axis) frame {
	f := newFrame(x, axis{low: 0, high: float64(len(t.Rows)), ticks: []plot.Tick{}})
	f.p.Y.Width = 0
	f.upright(t.Null, reference(0))
	for i, r := range t.Rows {
		at := t.place(i)
		glyph := draw.GlyphStyle{Color: colourOf(0), Radius: 3.2, Shape: draw.CircleGlyph{}}
		if r.Reference {
			glyph.Color, glyph.Shape = chartGrey, draw.BoxGlyph{}
		}
		e := r.Estimates[k]
		f.add(func(c draw.Canvas, x, y func(float64) vg.Length) {
			text := "n/a"
			if e != nil {
				text = e.String()
				c.StrokeLine2(draw.LineStyle{Color: glyph.Color, Width: 1.3}, x(e.Low), y(at), x(e.High), y(at))
				c.DrawGlyphNoClip(glyph, vg.Point{X: x(e.Value), Y: y(at)})
			}
			smallText.draw(c, c.Max.X+5, y(at)-smallText.ascent()/2, 0, text)
		})
	}
	return f
}

// place is the height of a row; the first is the upper one.
func (t Forest) place(i int) float64 { return float64(len(t.Rows)-i) - 0.5 }

// names writes the rows' names left of the first column.
func (t Forest) names(c, data draw.Canvas, f frame) {
	_, y := f.p.Transforms(&data)
	for i, r := range t.Rows {
		l := smallText
		l.bold = !r.Reference
		lines := l.wrap(r.Name, forestNames-6)
		last := len(lines) - 1
		after := l.width(lines[last]) + 6 // where the note begins
		if r.Note != "" && after+dimText.width(r.Note) > forestNames-6 {
			lines, after, last = append(lines, ""), 0, last+1
		}
		top := y(t.place(i)) + l.leading()*vg.Length(len(lines)-1)/2 - l.ascent()/2
		for k, line := range lines {
			l.draw(c, c.Min.X, top-l.leading()*vg.Length(k), 0, line)
		}
		dimText.draw(c, c.Min.X+after, top-l.leading()*vg.Length(last), 0, r.Note)
	}
}
