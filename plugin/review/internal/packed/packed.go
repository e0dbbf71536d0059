// Package packed compresses a slice for the review page in two parts: one of
// reduced quality, and the rest that makes it lossless.
//
// # The parts
//
// The first part has the pixels of even rows and even columns, the second one all
// others. The two together take about as many bytes as a slice that is compressed
// in one piece, so that a page that shows the first part meanwhile loses nothing.
//
// # The format
//
// A pixel is predicted from neighbours that are known already. What is left
// (modulo 2^16, as a signed number n) is written as 2n, or as -2n-1 where it is
// negative: in one byte, or as the byte 255 where it is 255 or more. Those follow
// after all bytes, in the order of the pixels, in 16 bits each. All of that is one
// stream of raw deflate (RFC 1951). Numbers are little-endian.
//
// First part, row by row: the prediction is the median of left, above, and left +
// above - upper left (that of JPEG-LS); in the first row the pixel on the left, in
// the first column the one above, for the first pixel 0.
//
// Second part: first the pixels of odd rows and odd columns, from their four
// diagonal neighbours; then those of even rows and odd columns, then those of odd
// rows and even columns, from left, right, above and below. The prediction is the
// sum of the four and 2, shifted right by 2 bits. A neighbour outside the slice is
// replaced by the one on the other side. The bytes are in eight groups, by how far the
// four neighbours differ (less than 4, 8, 16, ... 256, or more), so that air and noise
// have codes of their own. The stream begins with the number of bytes of each group, in
// 32 bits.
//
// Both parts in one answer: the length of the first part in 32 bits, the first part,
// the second part. The page reads this in plugin/web/src/viewer/packed.ts.
package packed

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Slice is a compressed slice.
type Slice struct {
	Reduced []byte // the first part
	Rest    []byte // the second part
}

// Size is how many bytes it has.
func (s Slice) Size() int { return len(s.Reduced) + len(s.Rest) }

// Whole is both parts as one answer.
func (s Slice) Whole() []byte {
	out := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+s.Size()), uint32(len(s.Reduced))) //nolint:gosec // of one slice
	return append(append(out, s.Reduced...), s.Rest...)
}

// groups is how many ways of coding the second part has.
const groups = 8

// Pack compresses pixels [rows,cols], ordered row by row.
func Pack(pixels []int16, rows, cols int) (Slice, error) {
	if rows < 2 || cols < 2 || len(pixels) != rows*cols {
		return Slice{}, fmt.Errorf("packed: %d pixels are no slice of %d rows and %d columns", len(pixels), rows, cols)
	}
	reduced, err := deflate(first(pixels, rows, cols))
	if err != nil {
		return Slice{}, err
	}
	rest, err := deflate(second(pixels, rows, cols))
	return Slice{reduced, rest}, err
}

func deflate(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// folded is a difference as a number that is small where the difference is.
func folded(by int32) uint16 {
	n := int16(by) //nolint:gosec // modulo 2^16, as the format says
	return uint16(n<<1) ^ uint16(n>>15)
}

// writer collects bytes by group, and what does not fit one.
type writer struct {
	groups [groups][]byte
	large  []byte
}

func (w *writer) put(group int, v uint16) {
	w.groups[group] = append(w.groups[group], byte(min(v, 255)))
	if v >= 255 {
		w.large = binary.LittleEndian.AppendUint16(w.large, v)
	}
}

func first(pixels []int16, rows, cols int) []byte {
	var w writer
	at := func(r, c int) int32 { return int32(pixels[2*r*cols+2*c]) }
	for r := range (rows + 1) / 2 {
		for c := range (cols + 1) / 2 {
			var p int32
			switch {
			case r > 0 && c > 0:
				left, above, corner := at(r, c-1), at(r-1, c), at(r-1, c-1)
				low, high := min(left, above), max(left, above)
				p = max(low, min(high, left+above-corner))
			case c > 0:
				p = at(r, c-1)
			case r > 0:
				p = at(r-1, c)
			}
			w.put(0, folded(at(r, c)-p))
		}
	}
	return append(w.groups[0], w.large...)
}

func second(pixels []int16, rows, cols int) []byte {
	var w writer
	put := func(at, a, b, c, d int) {
		pa, pb, pc, pd := int32(pixels[a]), int32(pixels[b]), int32(pixels[c]), int32(pixels[d])
		spread := max(pa, pb, pc, pd) - min(pa, pb, pc, pd)
		w.put(group(spread), folded(int32(pixels[at])-(pa+pb+pc+pd+2)>>2))
	}
	// neighbours are the two beside i of n, or one of them twice.
	neighbours := func(i, n int) (int, int) {
		before, after := i-1, i+1
		if before < 0 {
			before = after
		}
		if after >= n {
			after = before
		}
		return before, after
	}
	for r := 1; r < rows; r += 2 {
		above, below := neighbours(r, rows)
		for c := 1; c < cols; c += 2 {
			left, right := neighbours(c, cols)
			put(r*cols+c, above*cols+left, above*cols+right, below*cols+left, below*cols+right)
		}
	}
	for _, odd := range []int{0, 1} { // rows
		for r := odd; r < rows; r += 2 {
			above, below := neighbours(r, rows)
			for c := 1 - odd; c < cols; c += 2 {
				left, right := neighbours(c, cols)
				put(r*cols+c, r*cols+left, r*cols+right, above*cols+c, below*cols+c)
			}
		}
	}
	var out []byte
	for _, g := range w.groups {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(g))) //nolint:gosec // of one slice
	}
	for _, g := range w.groups {
		out = append(out, g...)
	}
	return append(out, w.large...)
}

// group is how a pixel is coded whose neighbours differ by so much.
func group(spread int32) int {
	return min(max(bits.Len32(uint32(spread))-2, 0), groups-1) //nolint:gosec // not negative
}
