package figure

import (
	"image/color"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// lettering is text of one size and colour in a chart; sizes in points.
type lettering struct {
	size   vg.Length
	bold   bool
	colour color.Color
}

var (
	titleText  = lettering{11, true, chartInk}
	legendText = lettering{8.6, false, chartInk}
	smallText  = lettering{7.8, false, chartInk}
	dimText    = lettering{7.8, false, chartGrey}
)

func (l lettering) font() font.Font {
	f := font.Font{Typeface: "Liberation", Variant: "Sans"}
	if l.bold {
		f.Weight = xfont.WeightBold
	}
	return font.From(f, l.size)
}

func (l lettering) face() font.Face { return font.DefaultCache.Lookup(l.font(), l.size) }

func (l lettering) width(s string) vg.Length { f := l.face(); return f.Width(s) }

// leading is the distance between lines.
func (l lettering) leading() vg.Length { return l.size * 1.25 }

// ascent is what a capital needs above the line.
func (l lettering) ascent() vg.Length { return l.size * 0.75 }

// draw sets s on the line at y; align is 0 for left of x, -0.5 for its middle
// there, -1 for right.
func (l lettering) draw(c draw.Canvas, x, y vg.Length, align float64, s string) {
	if s == "" {
		return
	}
	c.SetColor(l.colour)
	c.FillString(l.face(), vg.Point{X: x + vg.Length(align)*l.width(s), Y: y}, s)
}

// wrap breaks s into lines of the width; a word that is longer stands alone.
func (l lettering) wrap(s string, width vg.Length) []string {
	var lines []string
	for _, paragraph := range strings.Split(s, "\n") {
		current := ""
		for _, word := range strings.Fields(paragraph) {
			switch next := current + " " + word; {
			case current == "":
				current = word
			case l.width(next) <= width:
				current = next
			default:
				lines = append(lines, current)
				current = word
			}
		}
		lines = append(lines, current)
	}
	return lines
}
