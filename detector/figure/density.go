package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot/vg"
)

// Density shows how the values of each group are spread: a kernel density
// estimate, and below it a rug with a line for each value.
//
// The kernel is Gaussian; its width is Silverman's, 0.9 min(s, IQR/1.34)
// n^(-1/5) (Density Estimation for Statistics and Data Analysis, 1986, eq.
// 3.31). With Log the logarithms are smoothed and the density is per power of
// ten. A group of one value, or of equal ones, gets the width of the other
// groups, or a twentieth of the axis.
type Density struct {
	Title  string
	Axis   string // what the values are, with unit
	Log    bool   // for skewed scores; all values must be above 0
	Groups []Group
	Marks  []Mark // such as the threshold
}

// SVG implements [Chart].
func (d Density) SVG() ([]byte, error) {
	if err := checkGroups(d.Groups, d.Log); err != nil {
		return nil, fmt.Errorf("figure: draw density: %w", err)
	}
	if err := checkMarks(d.Marks, d.Log); err != nil {
		return nil, fmt.Errorf("figure: draw density: %w", err)
	}
	var lists [][]float64
	for _, g := range d.Groups {
		lists = append(lists, g.Values)
	}
	for _, m := range d.Marks {
		lists = append(lists, []float64{m.At})
	}
	x := span(d.Axis, d.Log, lists...)
	to := func(v float64) float64 { return v }
	if d.Log {
		to = math.Log10
	}
	widths := d.widths(to, (to(x.high)-to(x.low))/20)
	room := 2 * slices.Max(widths)
	if d.Log {
		x.low, x.high = x.low/math.Pow(10, room), x.high*math.Pow(10, room)
	} else {
		x.low, x.high = x.low-room, x.high+room
	}

	const height, steps = 250, 300
	xs := x.between(steps)
	curves, peak := make([][]float64, len(d.Groups)), 0.0
	for i, g := range d.Groups {
		curves[i] = make([]float64, steps)
		for j, at := range xs {
			curves[i][j] = kernelDensity(g.Values, to, widths[i], to(at))
			peak = max(peak, curves[i][j])
		}
	}
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
			f.area(xs, make([]float64, steps), curves[i], faint(colourOf(i), 36))
			f.line(xs, curves[i], strokeOf(i))
			f.rug(g.Values, len(d.Groups)-1-i, colourOf(i))
		}
		legend = append(legend, bandEntry(fmt.Sprintf("%s (n = %d)", g.Name, len(g.Values)), strokeOf(i), faint(colourOf(i), 36)))
	}
	for i, m := range d.Marks {
		f.upright(m.At, reference(i))
		legend = append(legend, lineEntry(fmt.Sprintf("%s, %.3g", m.Name, m.At), reference(i)))
	}
	return sheetOf{title: d.Title, legend: legend, height: vg.Length(height), paint: f.draw}.svg()
}

// widths are the kernel widths of the groups; fallback where no group gives one.
func (d Density) widths(to func(float64) float64, fallback float64) []float64 {
	widths := make([]float64, len(d.Groups))
	for i, g := range d.Groups {
		values := make([]float64, len(g.Values))
		for j, v := range g.Values {
			values[j] = to(v)
		}
		widths[i] = silverman(values)
		if widths[i] > 0 {
			fallback = widths[i]
		}
	}
	for i := range widths {
		if widths[i] == 0 {
			widths[i] = fallback
		}
	}
	return widths
}

// silverman is the width of a Gaussian kernel, 0 where the values do not say.
func silverman(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	s := stat.StdDev(sorted, nil)
	quartiles := (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34
	if quartiles > 0 {
		s = min(s, quartiles)
	}
	return 0.9 * s * math.Pow(float64(len(values)), -0.2)
}

func kernelDensity(values []float64, to func(float64) float64, width, at float64) float64 {
	if len(values) == 0 {
		return 0
	}
	var sum float64
	for _, v := range values {
		u := (at - to(v)) / width
		sum += math.Exp(-u * u / 2)
	}
	return sum / (float64(len(values)) * width * math.Sqrt(2*math.Pi))
}
