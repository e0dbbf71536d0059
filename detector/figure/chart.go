package figure

import (
	"bytes"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Chart is a plot: SVG of 525 points, 700 pixels, wide, as package vgsvg writes it:
// paths and text alone, without scripts, links or ids. The same data gives the same bytes. Data that cannot be shown is an
// error: [ErrEmpty], [ErrNotFinite] or [ErrShape].
type Chart interface {
	SVG() ([]byte, error)
}

const (
	chartWidth  = vg.Length(525) // points: 700 pixels
	chartMargin = vg.Length(9)
)

// sheetOf says how a chart is laid out: title, legend above the rest or beside
// it, and what is painted into the rest.
type sheetOf struct {
	title  string
	legend []entry
	beside vg.Length // width of a legend beside the chart; 0: above it
	height vg.Length // of the rest
	paint  func(c draw.Canvas)
}

// svg draws the sheet.
func (s sheetOf) svg() ([]byte, error) {
	inner := chartWidth - 2*chartMargin
	var title []string
	if s.title != "" {
		title = titleText.wrap(s.title, inner)
	}
	titleHeight := titleText.leading() * vg.Length(len(title))
	if len(title) > 0 {
		titleHeight += 4
	}
	width := inner
	if s.beside > 0 {
		width = s.beside
	}
	places, legendHeight := layout(s.legend, width, s.beside > 0)
	above := legendHeight + 6
	if s.beside > 0 || len(places) == 0 {
		above = 0
	}
	body := s.height
	if s.beside > 0 {
		body = max(body, legendHeight)
	}
	height := 2*chartMargin + titleHeight + above + body

	canvas := vgsvg.NewWith(vgsvg.UseWH(chartWidth, height))
	c := draw.New(canvas)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, chartMargin, -chartMargin, chartMargin, -chartMargin)
	for i, line := range title {
		titleText.draw(c, c.Min.X, c.Max.Y-titleText.ascent()-titleText.leading()*vg.Length(i), 0, line)
	}
	c = draw.Crop(c, 0, 0, 0, -titleHeight)
	if s.beside > 0 {
		drawLegend(draw.Crop(c, inner-s.beside, 0, 0, 0), places)
		s.paint(draw.Crop(c, 0, -s.beside-14, body-s.height, 0))
	} else {
		drawLegend(c, places)
		s.paint(draw.Crop(c, 0, 0, 0, -above))
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure: write SVG: %w", err)
	}
	// Where the typeface is not installed a browser takes one of about its widths.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans, Arial, Helvetica, sans-serif;")), nil
}

// frame is a pair of axes to draw into.
type frame struct{ p *plot.Plot }

// painter is one thing drawn into a frame.
type painter func(c draw.Canvas, x, y func(float64) vg.Length)

// Plot implements plot.Plotter.
func (f painter) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	f(c, x, y)
}

// newFrame makes axes with a faint grid at their ticks.
func newFrame(x, y axis) frame {
	p := plot.New()
	p.BackgroundColor = nil
	for _, d := range []struct {
		to   *plot.Axis
		from axis
		at   [2]float64
	}{{&p.X, x, [2]float64{draw.PosCenter, -1}}, {&p.Y, y, [2]float64{-1, -0.5}}} {
		a, from := d.to, d.from
		a.Min, a.Max = from.low, from.high
		if from.log {
			a.Scale = plot.LogScale{}
		}
		a.Label.Text = from.label
		a.Label.Padding = 3
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = legendText.font(), legendText.colour
		a.Tick.Label.Font, a.Tick.Label.Color = smallText.font(), smallText.colour
		a.Tick.Marker = plot.ConstantTicks(from.ticksOf())
		a.Tick.Length = 4
		a.Tick.LineStyle = draw.LineStyle{Color: chartGrey, Width: 0.6}
		a.LineStyle = draw.LineStyle{Color: chartGrey, Width: 0.6}
		a.Padding = 0
	}
	f := frame{p}
	f.add(func(c draw.Canvas, xAt, yAt func(float64) vg.Length) {
		style := draw.LineStyle{Color: chartGrid, Width: 0.6}
		for _, t := range x.ticksOf() {
			if t.Label != "" {
				c.StrokeLine2(style, xAt(t.Value), c.Min.Y, xAt(t.Value), c.Max.Y)
			}
		}
		for _, t := range y.ticksOf() {
			if t.Label != "" {
				c.StrokeLine2(style, c.Min.X, yAt(t.Value), c.Max.X, yAt(t.Value))
			}
		}
	})
	return f
}

func (f frame) add(p painter) { f.p.Add(p) }

func (f frame) draw(c draw.Canvas) { f.p.Draw(c) }

// points turns data into places.
func points(xs, ys []float64, x, y func(float64) vg.Length) []vg.Point {
	out := make([]vg.Point, len(xs))
	for i := range xs {
		out[i] = vg.Point{X: x(xs[i]), Y: y(ys[i])}
	}
	return out
}

func (f frame) line(xs, ys []float64, style draw.LineStyle) {
	f.add(func(c draw.Canvas, x, y func(float64) vg.Length) {
		c.StrokeLines(style, c.ClipLinesXY(points(xs, ys, x, y))...)
	})
}

// area fills between low and high.
func (f frame) area(xs, low, high []float64, fill color.Color) {
	f.add(func(c draw.Canvas, x, y func(float64) vg.Length) {
		around := points(xs, high, x, y)
		for i := len(xs) - 1; i >= 0; i-- {
			around = append(around, vg.Point{X: x(xs[i]), Y: y(low[i])})
		}
		c.FillPolygon(fill, c.ClipPolygonXY(around))
	})
}

func (f frame) dots(xs, ys []float64, glyph draw.GlyphStyle) {
	f.add(func(c draw.Canvas, x, y func(float64) vg.Length) {
		for _, p := range points(xs, ys, x, y) {
			c.DrawGlyphNoClip(glyph, p)
		}
	})
}

// whisker is an upright interval with caps.
func (f frame) whisker(at, low, high float64, c color.Color) {
	f.add(func(canvas draw.Canvas, x, y func(float64) vg.Length) {
		style := draw.LineStyle{Color: c, Width: 1}
		canvas.StrokeLine2(style, x(at), y(low), x(at), y(high))
		for _, end := range []float64{low, high} {
			canvas.StrokeLine2(style, x(at)-2, y(end), x(at)+2, y(end))
		}
	})
}

// upright and level draw marks; both are left out beyond the axis.
func (f frame) upright(at float64, style draw.LineStyle) {
	f.add(func(c draw.Canvas, x, _ func(float64) vg.Length) {
		if at >= f.p.X.Min && at <= f.p.X.Max {
			c.StrokeLine2(style, x(at), c.Min.Y, x(at), c.Max.Y)
		}
	})
}

func (f frame) level(at float64, style draw.LineStyle) {
	f.add(func(c draw.Canvas, _, y func(float64) vg.Length) {
		if at >= f.p.Y.Min && at <= f.p.Y.Max {
			c.StrokeLine2(style, c.Min.X, y(at), c.Max.X, y(at))
		}
	})
}

// rug draws a short line for each value in the given row below the axis of x,
// or above it where the row is negative.
func (f frame) rug(values []float64, row int, c color.NRGBA) {
	f.add(func(canvas draw.Canvas, x, _ func(float64) vg.Length) {
		bottom := canvas.Min.Y + vg.Length(row)*rugHeight
		for _, v := range values {
			canvas.StrokeLine2(draw.LineStyle{Color: faint(c, 170), Width: 0.7}, x(v), bottom+1, x(v), bottom+rugHeight-1)
		}
	})
}

const rugHeight = vg.Length(9)
