package figure

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// entry is one line of a legend. Without a thumbnail it is plain text, such as
// the number of nodules.
type entry struct {
	text  string
	thumb func(c draw.Canvas, box vg.Rectangle)
}

const (
	thumbWidth = vg.Length(20)
	thumbGap   = vg.Length(5)
	entryGap   = vg.Length(16)
)

func lineEntry(text string, style draw.LineStyle) entry {
	return entry{text, func(c draw.Canvas, b vg.Rectangle) {
		y := (b.Min.Y + b.Max.Y) / 2
		c.StrokeLine2(style, b.Min.X, y, b.Max.X, y)
	}}
}

// bandEntry is a line within its band.
func bandEntry(text string, style draw.LineStyle, band color.Color) entry {
	line := lineEntry(text, style)
	return entry{text, func(c draw.Canvas, b vg.Rectangle) {
		c.FillPolygon(band, []vg.Point{b.Min, {X: b.Max.X, Y: b.Min.Y}, b.Max, {X: b.Min.X, Y: b.Max.Y}})
		line.thumb(c, b)
	}}
}

func dotEntry(text string, glyph draw.GlyphStyle) entry {
	return entry{text, func(c draw.Canvas, b vg.Rectangle) {
		c.DrawGlyphNoClip(glyph, vg.Point{X: (b.Min.X + b.Max.X) / 2, Y: (b.Min.Y + b.Max.Y) / 2})
	}}
}

func boxEntry(text string, fill color.Color) entry {
	return entry{text, func(c draw.Canvas, b vg.Rectangle) {
		c.FillPolygon(fill, []vg.Point{b.Min, {X: b.Max.X, Y: b.Min.Y}, b.Max, {X: b.Min.X, Y: b.Max.Y}})
	}}
}

// placed is an entry with its place from the top left corner of the legend.
type placed struct {
	entry
	x, y  vg.Length // y of the first line of text, downwards
	lines []string
}

// layout places the entries in rows of the width, or one below the other.
func layout(entries []entry, width vg.Length, column bool) (places []placed, height vg.Length) {
	var x, y, deepest vg.Length
	leading := legendText.leading()
	for _, e := range entries {
		head := thumbWidth + thumbGap
		if e.thumb == nil {
			head = 0
		}
		lines := legendText.wrap(e.text, width-head)
		var w vg.Length
		for _, l := range lines {
			w = max(w, head+legendText.width(l))
		}
		if x > 0 && (column || x+w > width) {
			x, y, deepest = 0, y+deepest, 0
		}
		places = append(places, placed{e, x, y, lines})
		deepest = max(deepest, leading*vg.Length(len(lines))+2)
		x += w + entryGap
	}
	return places, y + deepest
}

// drawLegend draws placed entries from the top left corner of the canvas.
func drawLegend(c draw.Canvas, places []placed) {
	for _, p := range places {
		x, y := c.Min.X+p.x, c.Max.Y-p.y-legendText.ascent()
		if p.thumb != nil {
			p.thumb(c, vg.Rectangle{Min: vg.Point{X: x, Y: y - 0.5}, Max: vg.Point{X: x + thumbWidth, Y: y + legendText.ascent() - 0.5}})
			x += thumbWidth + thumbGap
		}
		for i, line := range p.lines {
			legendText.draw(c, x, y-legendText.leading()*vg.Length(i), 0, line)
		}
	}
}
