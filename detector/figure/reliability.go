package figure

import (
	"fmt"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bin is a group of nodules with probabilities close to each other.
type Bin struct {
	Predicted float64  // mean probability
	Observed  Estimate // share of anomalies, with its interval
	N         int
}

// Reliability shows whether probabilities hold: the share of anomalies in each
// bin against the mean probability there, with the number of nodules, and below
// it how the probabilities of each class are spread. Bins of equal count with
// Wilson's interval are usual; the caller makes them and says so in Band.
type Reliability struct {
	Title  string
	Band   string // such as "10 bins of equal count, Wilson 95 %"
	Bins   []Bin
	Groups []Group // probabilities by class
}

// SVG implements [Chart].
func (r Reliability) SVG() ([]byte, error) { return named("reliability", r.svg) }

func (r Reliability) svg() ([]byte, error) {
	if len(r.Bins) == 0 {
		return nil, ErrEmpty
	}
	if err := checkGroups(r.Groups, false); err != nil {
		return nil, err
	}
	const histogram = vg.Length(110)
	upper := newFrame(unit(""), unit("share of anomalies"))
	upper.line([]float64{0, 1}, []float64{0, 1}, reference(0))
	for i, b := range r.Bins {
		name := fmt.Sprintf("bin %d", i+1)
		if err := b.Observed.check(name); err != nil {
			return nil, err
		}
		if err := share(name, []float64{b.Predicted, b.Observed.Low, b.Observed.High}); err != nil {
			return nil, err
		}
		upper.whisker(b.Predicted, b.Observed.Low, b.Observed.High, colourOf(0))
		upper.dots([]float64{b.Predicted}, []float64{b.Observed.Value}, draw.GlyphStyle{Color: colourOf(0), Radius: 3.2, Shape: draw.CircleGlyph{}})
		upper.add(func(c draw.Canvas, x, y func(float64) vg.Length) {
			dimText.draw(c, x(b.Predicted)+4, y(b.Observed.Value)-8, 0, strconv.Itoa(b.N))
		})
	}
	stacked, most, err := r.stack()
	if err != nil {
		return nil, err
	}
	lower := newFrame(unit("probability"), counts("count", most))
	legend := []entry{
		dotEntry("bins, with the number of nodules", draw.GlyphStyle{Color: colourOf(0), Radius: 3.2, Shape: draw.CircleGlyph{}}),
		lineEntry("what would hold exactly", reference(0)),
	}
	if r.Band != "" {
		legend = append(legend, entry{text: r.Band})
	}
	for i, g := range r.Groups {
		legend = append(legend, boxEntry(fmt.Sprintf("%s (n = %d)", g.Name, len(g.Values)), faint(colourOf(i), 200)))
		lower.add(bars(stacked, i))
	}
	// One width of numbers for both frames, so that their axes stand below each
	// other.
	return sheetOf{title: r.Title, legend: legend, beside: squareAside, height: squareSide + histogram, paint: func(c draw.Canvas) {
		shift := newFrame(unit(""), counts("count", most)).p.DataCanvas(c).Min.X
		here := upper.p.DataCanvas(c).Min.X
		left := max(shift, here)
		upper.draw(draw.Crop(c, left-here, 0, histogram, 0))
		lower.draw(draw.Crop(c, left-shift, 0, 0, histogram-(c.Max.Y-c.Min.Y)))
	}}.svg()
}

const histogramBins = 20

// stack is the histogram of each class on top of those before it, from an empty
// one on, and the largest height.
func (r Reliability) stack() (stacked [][]int, most int, err error) {
	total := make([]int, histogramBins)
	stacked = append(stacked, make([]int, histogramBins))
	for _, g := range r.Groups {
		if err := share(g.Name, g.Values); err != nil {
			return nil, 0, err
		}
		for _, v := range g.Values {
			total[min(max(int(v*histogramBins), 0), histogramBins-1)]++
		}
		stacked = append(stacked, append([]int(nil), total...))
	}
	for _, n := range total {
		most = max(most, n)
	}
	return stacked, most, nil
}

// bars draws group i between the stack below it and its own height.
func bars(stacked [][]int, i int) painter {
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		for k := range histogramBins {
			low, high := float64(stacked[i][k]), float64(stacked[i+1][k])
			if low == high {
				continue
			}
			left, right := x(float64(k)/histogramBins)+0.6, x(float64(k+1)/histogramBins)-0.6
			c.FillPolygon(faint(colourOf(i), 200), []vg.Point{{X: left, Y: y(low)}, {X: right, Y: y(low)}, {X: right, Y: y(high)}, {X: left, Y: y(high)}})
		}
	}
}
