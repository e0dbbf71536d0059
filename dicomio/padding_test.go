package dicomio

import (
	"encoding/binary"
	"image"
	"testing"
)

// TestMayMark: a window in which nothing has the value of the corners, at a place
// where that is marked, does not need the rest of its image.
func TestMayMark(t *testing.T) {
	const n = 20
	for v, inTheMiddle := range map[int16]bool{-2000: true, -1000: false} {
		table := &huTable{}
		table.fill(rescaling{allocated: 16, stored: 16, highBit: 15, signed: true, slope: 1})
		px := pixels{table, make([]byte, 2*n*n), true}
		set := func(x, y int) { binary.LittleEndian.PutUint16(px.raw[2*(y*n+x):], uint16(v)) }
		for _, at := range []int{0, n - 1} {
			set(at, 0)
			set(at, n-1)
		}
		set(10, 10)
		for _, c := range []struct {
			window image.Rectangle
			want   bool
		}{
			{image.Rect(5, 5, 9, 15), false},
			{image.Rect(5, 5, 15, 15), inTheMiddle},
			{image.Rect(1, 0, 19, 9), false},
			{image.Rect(0, 0, 2, 2), true},
			{image.Rect(15, 15, n, n), true},
		} {
			if got := px.mayMark(c.window, n, n, func(at float32) bool { return at == float32(v) }); got != c.want {
				t.Errorf("%d in %v: %v", v, c.window, got)
			}
		}
	}
}
