package figure

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// axis is a direction of a chart: what it shows, with its unit, and from where
// to where.
type axis struct {
	label     string
	low, high float64
	log       bool
	ticks     []plot.Tick // nil: chosen
}

// unit is an axis from 0 to 1, such as a probability.
func unit(label string) axis {
	return axis{label: label, low: 0, high: 1}
}

// span is an axis that holds the values and some room; equal values get room
// of their own size.
func span(label string, log bool, lists ...[]float64) axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, values := range lists {
		for _, v := range values {
			low, high = min(low, v), max(high, v)
		}
	}
	switch {
	case low > high:
		low, high = 0, 1
		if log {
			low = 0.1
		}
	case log:
		room := max(0.03*math.Log10(high/low), 0.02)
		if low == high {
			room = 0.3
		}
		low, high = low/math.Pow(10, room), high*math.Pow(10, room)
	case low == high:
		room := math.Abs(low) / 4
		if room == 0 {
			room = 1
		}
		low, high = low-room, high+room
	default:
		room := 0.03 * (high - low)
		low, high = low-room, high+room
	}
	return axis{label: label, low: low, high: high, log: log}
}

// counts is an axis from 0 to a number of things, with whole numbers alone.
func counts(label string, most int) axis {
	a := axis{label: label, high: 1.05 * float64(most)}
	for _, t := range a.ticksOf() {
		if t.Value == math.Trunc(t.Value) {
			t.Label = strconv.Itoa(int(t.Value))
			a.ticks = append(a.ticks, t)
		}
	}
	return a
}

// ticksOf are round numbers with their labels: five to ten on a linear axis;
// 1, 2, 5 of each power of ten on a logarithmic one, or the powers alone where
// there are many.
func (a axis) ticksOf() []plot.Tick {
	if a.ticks != nil {
		return a.ticks
	}
	if a.log {
		return logTicks(a.low, a.high)
	}
	step := math.Pow10(int(math.Floor(math.Log10((a.high - a.low) / 5))))
	for _, f := range []float64{2, 2.5, 2} { // 2, 5, 10 times
		if (a.high-a.low)/step > 8 {
			step *= f
		}
	}
	var ticks []plot.Tick
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	for k := math.Ceil(a.low/step - 1e-9); k*step <= a.high+1e-9*step; k++ {
		v := k * step
		label := strconv.FormatFloat(v, 'f', decimals, 64)
		if math.Abs(a.high) >= 1e6 || math.Abs(a.low) >= 1e6 || decimals > 6 {
			label = strconv.FormatFloat(v, 'g', 4, 64)
		}
		if v == 0 {
			label = "0"
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
	}
	return ticks
}

func logTicks(low, high float64) []plot.Tick {
	decades := math.Log10(high / low)
	if decades < 0.6 { // too little for 1, 2, 5
		return axis{low: low, high: high}.ticksOf()
	}
	every := int(decades/8) + 1 // powers of ten between labels
	var ticks []plot.Tick
	for k := int(math.Floor(math.Log10(low))); k <= int(math.Ceil(math.Log10(high))); k++ {
		for m := 1; m < 10; m++ {
			v, _ := strconv.ParseFloat(strconv.Itoa(m)+"e"+strconv.Itoa(k), 64) // the nearest number, not a product
			if v < low*(1-1e-9) || v > high*(1+1e-9) {
				continue
			}
			labelled := m == 1 && k%every == 0 || decades < 3 && (m == 2 || m == 5)
			t := plot.Tick{Value: v}
			if labelled {
				t.Label = strconv.FormatFloat(v, 'g', -1, 64)
			}
			if labelled || every == 1 {
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}
