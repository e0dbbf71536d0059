package figure

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/nodulescope/nodulescope/nodule"
)

const (
	size           = nodule.PatchSize
	centre         = size / 2 // one of the two slices beside the centre
	fullDifference = 0.5      // of the window: the end of the colour scale
)

// plane is a cut through the patch: which voxel stands in row v from the top
// and column u from the left.
type plane struct {
	name                     string
	at                       func(v, u int) (z, y, x int)
	left, right, top, bottom string
}

var planes = []plane{
	{"axial", func(v, u int) (int, int, int) { return centre, v, u }, "R", "L", "A", "P"},
	{"coronal", func(v, u int) (int, int, int) { return size - 1 - v, centre, u }, "R", "L", "H", "F"},
	{"sagittal", func(v, u int) (int, int, int) { return size - 1 - v, u, centre }, "A", "P", "H", "F"},
}

// column is one way to look at the patch.
type column struct {
	name    string
	colour  func(i int) color.RGBA // of voxel i
	outline func(i int) bool       // of the voxels that are scored; nil: none
	nodule  func(i int) bool       // likewise of the nodule
}

func (p Panel) columns() []column {
	counts := func(i int) bool { return p.Patch.Support[i] > 0 }
	within := func(colour func(i int) color.RGBA) func(i int) color.RGBA {
		return func(i int) color.RGBA {
			if !counts(i) {
				return uncounted
			}
			return colour(i)
		}
	}
	var columns []column
	if p.Scan != nil {
		scan := column{name: "scan", outline: counts, colour: func(i int) color.RGBA {
			if p.Scan[i] < 0 {
				return uncounted
			}
			return grey(p.Scan[i])
		}}
		if p.Nodule != nil {
			scan.nodule = func(i int) bool { return p.Nodule[i] }
		}
		columns = append(columns, scan)
	}
	return append(columns,
		column{name: "patch", colour: within(func(i int) color.RGBA { return grey(p.Patch.Voxels[i]) })},
		column{name: "reconstruction", colour: within(func(i int) color.RGBA { return grey(p.Reconstruction[i]) })},
		column{name: "|difference|", colour: within(func(i int) color.RGBA {
			return heat(float32(math.Abs(float64(p.Patch.Voxels[i]-p.Reconstruction[i]))) / fullDifference)
		})})
}

// drawTile draws one plane of a column with its top left corner at x0, y0.
func (c column) drawTile(img *image.RGBA, x0, y0 int, p plane) {
	index := func(v, u int) int {
		z, y, x := p.at(v, u)
		return (z*size+y)*size + x
	}
	for v := range size {
		for u := range size {
			fill(img, x0+u*scale, y0+v*scale, scale, scale, c.colour(index(v, u)))
		}
	}
	for _, o := range []struct {
		in     func(i int) bool
		colour color.RGBA
	}{{c.outline, outline}, {c.nodule, noduleLine}} {
		if o.in != nil {
			drawBorder(img, x0, y0, size, size, scale, o.colour, func(v, u int) bool {
				return v >= 0 && v < size && u >= 0 && u < size && o.in(index(v, u))
			})
		}
	}
	const letter, height = 7, 13
	write(img, x0+2, y0+(tile-height)/2, outline, p.left)
	write(img, x0+tile-letter-2, y0+(tile-height)/2, outline, p.right)
	write(img, x0+(tile-letter)/2, y0+1, outline, p.top)
	write(img, x0+(tile-letter)/2, y0+tile-height-1, outline, p.bottom)
	fill(img, x0+tile-10*scale-4, y0+tile-6, 10*scale, 2, outline) // 10 mm
}

// drawBorder draws the border of the elements that are inside; inside is also
// asked for those around the image.
func drawBorder(img *image.RGBA, x0, y0, height, width, scale int, colour color.RGBA, inside func(v, u int) bool) {
	for v := range height {
		for u := range width {
			if !inside(v, u) {
				continue
			}
			x, y := x0+u*scale, y0+v*scale
			for _, side := range []struct {
				out        bool
				x, y, w, h int
			}{
				{!inside(v-1, u), x, y, scale, 1},
				{!inside(v+1, u), x, y + scale - 1, scale, 1},
				{!inside(v, u-1), x, y, 1, scale},
				{!inside(v, u+1), x + scale - 1, y, 1, scale},
			} {
				if side.out {
					fill(img, side.x, side.y, side.w, side.h, colour)
				}
			}
		}
	}
}

// grey maps 0..1 to black..white.
func grey(v float32) color.RGBA {
	g := uint8(math.Round(255 * clamp(v)))
	return color.RGBA{g, g, g, 255}
}

// heatStops go from dark to bright, so that the order also shows in grey.
var heatStops = [][3]float64{{0, 0, 4}, {60, 15, 110}, {150, 40, 110}, {225, 85, 50}, {250, 165, 20}, {252, 250, 160}}

// heat maps 0..1 to black, purple, orange, yellow.
func heat(v float32) color.RGBA {
	at := clamp(v) * float64(len(heatStops)-1)
	i := min(int(at), len(heatStops)-2)
	t := at - float64(i)
	mix := func(c int) uint8 { return uint8(math.Round(heatStops[i][c]*(1-t) + heatStops[i+1][c]*t)) }
	return color.RGBA{mix(0), mix(1), mix(2), 255}
}

// clamp limits v to 0..1; what is not a number becomes 0.
func clamp(v float32) float64 {
	if !(v > 0) {
		return 0
	}
	return math.Min(float64(v), 1)
}

func fill(img *image.RGBA, x, y, w, h int, c color.RGBA) {
	draw.Draw(img, image.Rect(x, y, x+w, y+h), image.NewUniform(c), image.Point{}, draw.Src)
}

// write sets text with its top left corner at x, y: 7 by 13 pixels a character.
func write(img *image.RGBA, x, y int, c color.RGBA, text string) {
	face := basicfont.Face7x13
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: face, Dot: fixed.P(x, y+face.Ascent)}
	d.DrawString(text)
}
