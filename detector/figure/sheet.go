package figure

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"

	"github.com/nodulescope/nodulescope/nodule"
)

// Picture is an image made of tiles. Data that cannot be shown is an error:
// [ErrEmpty], [ErrNotFinite] or [ErrShape].
type Picture interface {
	Draw() (*image.RGBA, error)
}

// PNG draws a picture and encodes it.
func PNG(p Picture) ([]byte, error) {
	img, err := p.Draw()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("figure: encode PNG: %w", err)
	}
	return b.Bytes(), nil
}

// cell is a tile of a sheet: an image of a slice or a digit.
type cell struct {
	height, width int // in elements
	colour        func(v, u int) color.RGBA
	inside        func(v, u int) bool // outlined; nil: nothing
	marks         *plane              // letters of the directions; nil: none
	label         string              // below the tile
}

// sheetRow is a line of tiles.
type sheetRow struct {
	head  string // above it
	side  string // left of it
	cells []cell
}

// sheet is a picture of rows of tiles of one size.
type sheet struct {
	title  string
	lines  []string
	scale  int      // pixels of an element
	group  int      // tiles that stand close together; 0: all
	heads  []string // above the groups of the first row
	below  []string // under them, above each tile
	rows   []sheetRow
	legend []swatch
}

// swatch is a part of a sheet's legend: a colour scale between two texts, or
// text alone.
type swatch struct {
	low, high string
	colour    func(float32) color.RGBA
}

var (
	greyHU   = swatch{fmt.Sprintf("%d", int(nodule.WindowLow)), fmt.Sprintf("%d HU", int(nodule.WindowHigh)), grey}
	heatHU   = swatch{"0", fmt.Sprintf("%d HU or more", int(fullDifference*(nodule.WindowHigh-nodule.WindowLow))), heat}
	outlined = swatch{low: "outline: voxels that are scored"}
)

// pen writes in one size.
type pen struct{ face xfont.Face }

const (
	penSize   = 12
	textLine  = 17 // pixels
	cellGap   = 3
	groupGap  = 12
	sheetEdge = 10
)

func newPen(size font.Length, bold bool) pen {
	f := lettering{size: size, bold: bold}.face()
	return pen{f.FontFace(72)} // at 72 dots per inch a point is a pixel
}

func (p pen) width(s string) int { return xfont.MeasureString(p.face, s).Ceil() }

// write sets text with the top of its line at y.
func (p pen) write(img *image.RGBA, x, y int, c color.RGBA, s string) {
	d := xfont.Drawer{Dst: img, Src: image.NewUniform(c), Face: p.face, Dot: fixed.P(x, y+penSize)}
	d.DrawString(s)
}

// measure is where the parts of a sheet stand.
type measure struct {
	side, cellW, cellH int
	width, height      int
	tops               []int // of the tiles of each row
	headTop, legendTop int
}

func (s *sheet) measure(p, bold pen) measure {
	m := measure{}
	columns := 0
	for _, r := range s.rows {
		columns = max(columns, len(r.cells))
		if r.side != "" {
			m.side = max(m.side, p.width(r.side)+8)
		}
		for _, c := range r.cells {
			m.cellW, m.cellH = max(m.cellW, c.width*s.scale), max(m.cellH, c.height*s.scale)
		}
	}
	m.width = m.x(s, columns-1) + m.cellW + sheetEdge
	y := sheetEdge
	if s.title != "" {
		y += textLine + 2
		m.width = max(m.width, bold.width(s.title)+2*sheetEdge)
	}
	for _, l := range s.lines {
		y += textLine
		m.width = max(m.width, p.width(l)+2*sheetEdge)
	}
	m.headTop = y
	if len(s.heads) > 0 {
		y += textLine
	}
	if len(s.below) > 0 {
		y += textLine
	}
	for _, r := range s.rows {
		if r.head != "" {
			y += textLine + 2
			m.width = max(m.width, p.width(r.head)+2*sheetEdge)
		}
		m.tops = append(m.tops, y+1)
		y += m.cellH + cellGap + 1
		for _, c := range r.cells {
			if c.label != "" {
				y += textLine
				break
			}
		}
	}
	m.legendTop = y + 4
	if len(s.legend) > 0 {
		y += 4 + textLine
		m.width = max(m.width, s.drawLegend(nil, p, m)+sheetEdge)
	}
	m.height = y + sheetEdge
	return m
}

// x is the left edge of a column of tiles.
func (m measure) x(s *sheet, column int) int {
	x := sheetEdge + m.side + column*(m.cellW+cellGap)
	if s.group > 0 {
		x += column / s.group * (groupGap - cellGap)
	}
	return x
}

func (s *sheet) draw() *image.RGBA {
	p, bold := newPen(penSize, false), newPen(13, true)
	m := s.measure(p, bold)
	img := image.NewRGBA(image.Rect(0, 0, m.width, m.height))
	draw.Draw(img, img.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	y := sheetEdge
	if s.title != "" {
		bold.write(img, sheetEdge, y, ink, s.title)
		y += textLine + 2
	}
	for _, l := range s.lines {
		p.write(img, sheetEdge, y, dim, l)
		y += textLine
	}
	for i, h := range s.heads {
		p.write(img, m.x(s, i*max(s.group, 1)), m.headTop, ink, h)
	}
	for i, h := range s.below {
		top := m.headTop
		if len(s.heads) > 0 {
			top += textLine
		}
		p.write(img, m.x(s, i), top, dim, h)
	}
	for i, r := range s.rows {
		if r.head != "" {
			p.write(img, sheetEdge, m.tops[i]-textLine-1, ink, r.head)
		}
		p.write(img, sheetEdge, m.tops[i]+m.cellH/2-textLine/2, ink, r.side)
		for k, c := range r.cells {
			x := m.x(s, k)
			c.draw(img, x, m.tops[i], s.scale, p)
			p.write(img, x, m.tops[i]+m.cellH+1, dim, c.label)
		}
	}
	s.drawLegend(img, p, m)
	return img
}

// drawLegend draws the legend and returns where it ends; without a picture it
// only measures.
func (s *sheet) drawLegend(img *image.RGBA, p pen, m measure) int {
	const length = 80
	x := sheetEdge + m.side
	text := func(t string) {
		if img != nil {
			p.write(img, x, m.legendTop, dim, t)
		}
		x += p.width(t)
	}
	for i, w := range s.legend {
		if i > 0 {
			x += 24
		}
		text(w.low)
		if w.colour == nil {
			continue
		}
		x += 6
		if img != nil {
			bar(img, x, m.legendTop+3, length, w.colour)
		}
		x += length + 6
		text(w.high)
	}
	return x
}

// draw draws the tile with its top left corner at x0, y0.
func (c cell) draw(img *image.RGBA, x0, y0, scale int, p pen) {
	for v := range c.height {
		for u := range c.width {
			fill(img, x0+u*scale, y0+v*scale, scale, scale, c.colour(v, u))
		}
	}
	if c.inside != nil {
		drawBorder(img, x0, y0, c.height, c.width, scale, outline, func(v, u int) bool {
			return v >= 0 && v < c.height && u >= 0 && u < c.width && c.inside(v, u)
		})
	}
	if c.marks == nil {
		return
	}
	w, h := c.width*scale, c.height*scale
	p.write(img, x0+3, y0+h/2-textLine/2, outline, c.marks.left)
	p.write(img, x0+w-p.width(c.marks.right)-3, y0+h/2-textLine/2, outline, c.marks.right)
	p.write(img, x0+w/2-p.width(c.marks.top)/2, y0, outline, c.marks.top)
	p.write(img, x0+w/2-p.width(c.marks.bottom)/2, y0+h-textLine+1, outline, c.marks.bottom)
}
