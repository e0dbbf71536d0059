package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// densitySteps is at how many places a density is given.
const densitySteps = 300

// Densities are kernel density estimates of groups of values at the same 300
// places x, which span all values and the marks with some room: y[g] is that of
// group g, zeros where it is empty.
//
// The kernel is Gaussian; its width is Silverman's, 0.9 min(s, IQR/1.34)
// n^(-1/5) (Density Estimation for Statistics and Data Analysis, 1986, eq.
// 3.31). With log the logarithms are smoothed, places are even in the logarithm
// and the density is per power of ten; all values must then be above 0. A group
// of one value, or of equal ones, gets the width of the other groups, or a
// twentieth of the span. It panics where there are no values.
func Densities(groups [][]float64, marks []float64, log bool) (x []float64, y [][]float64) {
	to, back := func(v float64) float64 { return v }, func(v float64) float64 { return v }
	if log {
		to, back = math.Log10, func(v float64) float64 { return math.Pow(10, v) }
	}
	mapped := make([][]float64, len(groups))
	all := slices.Concat(slices.Concat(groups...), marks)
	for i, v := range all {
		all[i] = to(v)
	}
	for g, values := range groups {
		for _, v := range values {
			mapped[g] = append(mapped[g], to(v))
		}
	}
	low, high := slices.Min(all), slices.Max(all)
	span := high - low
	if span == 0 {
		span = max(math.Abs(low), 1)
	}
	widths := kernelWidths(mapped, span/20)
	room := 3 * slices.Max(widths)
	at := floats.Span(make([]float64, densitySteps), low-room, high+room)
	x = make([]float64, len(at))
	for i, u := range at {
		x[i] = back(u)
	}
	y = make([][]float64, len(groups))
	for g, values := range mapped {
		y[g] = make([]float64, len(at))
		for i, u := range at {
			y[g][i] = kernelDensity(values, widths[g], u)
		}
	}
	return x, y
}

// kernelWidths are the kernel widths of the groups; fallback where no group
// gives one.
func kernelWidths(groups [][]float64, fallback float64) []float64 {
	widths := make([]float64, len(groups))
	for g, values := range groups {
		if widths[g] = silverman(values); widths[g] > 0 {
			fallback = widths[g]
		}
	}
	for g := range widths {
		if widths[g] == 0 {
			widths[g] = fallback
		}
	}
	return widths
}

// silverman is the width of a Gaussian kernel, 0 where the values do not say.
func silverman(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	s := stat.StdDev(values, nil)
	if q := QuartilesOf(values); q.Q3 > q.Q1 {
		s = min(s, (q.Q3-q.Q1)/1.34)
	}
	return 0.9 * s * math.Pow(float64(len(values)), -0.2)
}

// kernelDensity is the density of values at a place.
func kernelDensity(values []float64, width, at float64) float64 {
	if len(values) == 0 {
		return 0
	}
	var sum float64
	for _, v := range values {
		u := (at - v) / width
		sum += math.Exp(-u * u / 2)
	}
	return sum / (float64(len(values)) * width * math.Sqrt(2*math.Pi))
}
