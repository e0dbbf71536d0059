package figure

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// palette is that of Okabe and Ito (2008), which readers with any of the usual
// kinds of colour vision tell apart. Groups also differ in dash and glyph.
var palette = []color.NRGBA{
	{0x00, 0x72, 0xB2, 255}, // blue
	{0xD5, 0x5E, 0x00, 255}, // vermillion
	{0x00, 0x9E, 0x73, 255}, // bluish green
	{0xCC, 0x79, 0xA7, 255}, // reddish purple
	{0xE6, 0x9F, 0x00, 255}, // orange
	{0x56, 0xB4, 0xE9, 255}, // sky blue
}

var (
	chartInk  = color.NRGBA{0x1F, 0x24, 0x2B, 255}
	chartGrey = color.NRGBA{0x6B, 0x72, 0x7C, 255} // of reference lines and rows
	chartGrid = color.NRGBA{0xE3, 0xE6, 0xEA, 255}
)

func colourOf(i int) color.NRGBA { return palette[i%len(palette)] }

// faint is a colour to lay over another.
func faint(c color.NRGBA, alpha uint8) color.NRGBA {
	c.A = alpha
	return c
}

// strokeOf is the line of group i: its colour, and a dash of its own from the
// second on; where colours come again, their dashes are others.
func strokeOf(i int) draw.LineStyle {
	dashes := [][]vg.Length{nil, {6, 2}, {1.5, 1.5}, {6, 2, 1.5, 2}, {3, 2}, {8, 3}}
	return draw.LineStyle{Color: colourOf(i), Width: 1.4, Dashes: dashes[(i+i/len(palette))%len(dashes)]}
}

// reference is the line of what stands there to compare with.
func reference(i int) draw.LineStyle {
	dashes := [][]vg.Length{{4, 2.5}, {1, 2}, {7, 2, 1, 2}}
	return draw.LineStyle{Color: chartGrey, Width: 1, Dashes: dashes[i%len(dashes)]}
}

func glyphOf(i int) draw.GlyphStyle {
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}, draw.RingGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}}
	return draw.GlyphStyle{Color: colourOf(i), Radius: 2.6, Shape: shapes[i%len(shapes)]}
}
