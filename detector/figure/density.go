package figure

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot/vg"
)

// DensityGroup is a class in a [Density]: its values, and their density at the
// places that all groups share. A group may be empty.
type DensityGroup struct {
	Name    string
	Values  []float64
	Density []float64
}

// Density shows how the values of each group are spread: their density, and
// below it a rug with a line for each value. How the values are smoothed is the
// caller's choice; with Log the places are even in the logarithm and the density
// is per power of ten.
type Density struct {
	Title  string
	Axis   string // what the values are, with unit
	Log    bool   // for skewed scores; all values must be above 0
	At     []float64
	Groups []DensityGroup
	Marks  []Mark // such as the threshold
}

// SVG implements [Chart].
func (d Density) SVG() ([]byte, error) { return named("density", d.svg) }

func (d Density) svg() ([]byte, error) {
	peak, err := d.peak()
	if err != nil {
		return nil, err
	}
	const height = 250
	x := axis{label: d.Axis, low: d.At[0], high: d.At[len(d.At)-1], log: d.Log}
	y := axis{label: "density", high: 1.05 * peak}
	if d.Log {
		y.label = "density per power of ten"
	}
	y.ticks = y.ticksOf()
	rows := float64(len(d.Groups)) * float64(rugHeight) / (height - 60)
	y.low = -y.high * rows

	f := newFrame(x, y)
	var legend []entry
	for i, g := range d.Groups {
		if len(g.Values) > 0 {
			f.area(d.At, make([]float64, len(d.At)), g.Density, faint(colourOf(i), 36))
			f.line(d.At, g.Density, strokeOf(i))
			f.rug(g.Values, len(d.Groups)-1-i, colourOf(i))
		}
		legend = append(legend, bandEntry(fmt.Sprintf("%s (n = %d)", g.Name, len(g.Values)), strokeOf(i), faint(colourOf(i), 36)))
	}
	legend = append(legend, marks(f.upright, d.Marks, 0, "%.3g")...)
	return sheetOf{title: d.Title, legend: legend, height: vg.Length(height), paint: f.draw}.svg()
}

// peak checks what is to be drawn, and is the largest density.
func (d Density) peak() (float64, error) {
	groups := []Group{}
	for _, g := range d.Groups {
		groups = append(groups, Group{g.Name, g.Values})
	}
	if err := checkGroups(groups, d.Log); err != nil {
		return 0, err
	}
	if err := checkMarks(d.Marks, d.Log); err != nil {
		return 0, err
	}
	if err := checkGroups([]Group{{"places", d.At}}, d.Log); err != nil {
		return 0, err
	}
	if len(d.At) < 2 || !slices.IsSorted(d.At) || d.At[0] == d.At[len(d.At)-1] {
		return 0, fmt.Errorf("the %d places of the density do not rise: %w", len(d.At), ErrShape)
	}
	peak := 0.0
	for _, g := range d.Groups {
		if len(g.Values) == 0 {
			continue
		}
		if err := same(g.Name, d.At, g.Density); err != nil {
			return 0, err
		}
		peak = max(peak, slices.Max(g.Density))
	}
	if !(peak > 0) {
		return 0, fmt.Errorf("no density is above 0: %w", ErrShape)
	}
	return peak, nil
}
