package dicomio

import (
	"image"
	"math"
)

const (
	fieldAirHU = -1000 // the value outside a field of view is at most this
	belowAirHU = -1024 // below this no scanner measures: the value is a mark
)

// maskField marks what lies outside a circular reconstruction field of view:
// there scanners write one constant, such as -2048 or -3024 HU, often without
// declaring it as padding.
//
// A field is seen only where the four corners hold exactly the same value of
// at most -1000 HU and nearly everything outside the inscribed circle is that
// value. A value below -1024 HU is then masked from each row's ends inwards as
// far as it goes. A value that air could have is masked outside the circle
// only, and only where the rim just inside the circle looks different: clamped
// air that goes on inside is a measurement.
//
// The corners are looked at by [frameReader.fieldMarks], and the rest here: the whole
// image. Only the rows from..to-1 are marked.
func maskField(px pixels, pad []bool, rows, cols, from, to int) {
	v := px.at(0)
	radius := fieldRadius(rows, cols)
	outside, same := 0, 0
	rim, rimSame := 0, 0
	forRuns(rows, cols, 0, rows, radius+1, func(from, to int) {
		same += px.count(from, to)
		outside += to - from
	})
	if outside == 0 || same*100 < outside*98 {
		return
	}
	if v < belowAirHU {
		maskRuns(px, pad, v, cols, from, to)
		return
	}
	forRuns(rows, cols, 0, rows, radius-4, func(from, to int) {
		rimSame += px.count(from, to)
		rim += to - from
	})
	rim, rimSame = rim-outside, rimSame-same
	if rim <= 0 || 2*rimSame > rim {
		return
	}
	forRuns(rows, cols, from, to, radius+1, func(from, to int) {
		for i := from; i < to; i++ {
			pad[i] = pad[i] || px.at(i) == v
		}
	})
}

func fieldRadius(rows, cols int) float64 { return float64(min(rows, cols)) / 2 }

// mayMark tells whether maskField may mark any pixel of a window, where the corners
// may hold what is told: it marks such pixels alone, and where air could have the value
// those outside the circle alone.
func (p pixels) mayMark(window image.Rectangle, rows, cols int, held func(v float32) bool) (may bool) {
	look := func(from, to int, below float32) {
		y := from / cols * cols
		for i := max(from, y+window.Min.X); i < min(to, y+window.Max.X); i++ {
			v := p.at(i)
			may = may || v < below && held(v)
		}
	}
	for y := window.Min.Y; y < window.Max.Y && !may; y++ {
		look(y*cols, (y+1)*cols, belowAirHU)
	}
	forRuns(rows, cols, window.Min.Y, window.Max.Y, fieldRadius(rows, cols)+1, func(from, to int) {
		look(from, to, float32(math.Inf(1)))
	})
	return may
}

// maskRuns marks the run of v at both ends of every row.
func maskRuns(px pixels, pad []bool, v float32, cols, from, to int) {
	for y := from; y < to; y++ {
		start, end := y*cols, (y+1)*cols
		for ; start < end && px.at(start) == v; start++ {
			pad[start] = true
		}
		for end--; end > start && px.at(end) == v; end-- {
			pad[end] = true
		}
	}
}

// forRuns calls f with the index ranges, row by row from first to last-1, of the
// pixels whose centre is farther than radius from the centre of the image.
func forRuns(rows, cols, first, last int, radius float64, f func(from, to int)) {
	cy, cx := float64(rows-1)/2, float64(cols-1)/2
	for y := first; y < last; y++ {
		dy := float64(y) - cy
		rest := radius*radius - dy*dy
		if rest < 0 || radius < 0 {
			f(y*cols, (y+1)*cols)
			continue
		}
		// side: pixels left of the circle, and as many right of it.
		side := min(int(math.Ceil(cx-math.Sqrt(rest))), cols/2)
		if side > 0 {
			f(y*cols, y*cols+side)
			f((y+1)*cols-side, (y+1)*cols)
		}
	}
}
