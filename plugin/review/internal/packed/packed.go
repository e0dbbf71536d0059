// Package packed compresses a slice for the review page in two parts: one of
// reduced quality, and the rest that makes it lossless.
//
// # The parts
//
// The first part has the pixels of even rows and even columns in steps of 16 HU, an
// eighth of the bytes. The second part has what these steps leave out and all other
// pixels. The two together take about as many bytes as a slice that is compressed in
// one piece, so that a page that shows the first part meanwhile loses nothing.
//
// # The format
//
// A number is predicted from neighbours that are known already. What is left
// (modulo 2^16, as a signed number n) is written as 2n, or as -2n-1 where it is
// negative: in one byte, or as the byte 255 where it is 255 or more. Those follow
// after all bytes, in the order of the pixels, in 16 bits each. All of that is one
// stream of raw deflate (RFC 1951). Numbers are little-endian.
//
// First part, row by row: the pixel and 8, shifted right by 4 bits. The prediction is
// the median of left, above, and left + above - upper left (that of JPEG-LS); in the
// first row the number on the left, in the first column the one above, for the first
// one 0.
//
// Second part: first the pixels of odd rows and odd columns, from their four
// diagonal neighbours; then those of even rows and odd columns, then those of odd
// rows and even columns, from left, right, above and below. The prediction is the
// sum of the four and 2, shifted right by 2 bits. A neighbour outside the slice is
// replaced by the one on the other side. The bytes are in nine groups: eight by how far
// the four neighbours differ (less than 4, 8, 16, ... 256, or more), so that air and
// noise have codes of their own, and one with the low 4 bits of pixel and 8 for the
// pixels of the first part. The stream begins with the number of bytes of each group,
// in 32 bits.
//
// Both parts in one answer: the length of the first part in 32 bits, the first part,
// the second part. The page reads this in plugin/web/src/viewer/packed.ts.
package packed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/klauspost/compress/flate"
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

const (
	spreads = 8           // groups of pixels by their neighbours
	low     = spreads     // the group of what the steps leave out
	groups  = spreads + 1 // of the second part
	step    = 4           // bits that the first part leaves out
)

// Pack compresses pixels [rows,cols], ordered row by row.
func Pack(pixels []int16, rows, cols int) (Slice, error) {
	if rows < 2 || cols < 2 || len(pixels) != rows*cols {
		return Slice{}, fmt.Errorf("packed: %d pixels are no slice of %d rows and %d columns", len(pixels), rows, cols)
	}
	reduced, err := deflate(first(pixels, rows, cols)...)
	if err != nil {
		return Slice{}, err
	}
	rest, err := deflate(second(pixels, rows, cols)...)
	return Slice{reduced, rest}, err
}

// deflate compresses pieces as one stream. Each has codes of its own: those of a
// dictionary, or of its bytes alone, which noise takes fewer bits with.
func deflate(pieces ...[]byte) ([]byte, error) {
	var out []byte
	for _, piece := range pieces {
		if len(piece) == 0 {
			continue
		}
		levels := []int{flate.HuffmanOnly, dictionary}
		if !runs(piece) {
			levels = levels[:1] // in a fifth of the time
		}
		var best []byte
		for _, level := range levels {
			var b bytes.Buffer
			w, err := flate.NewWriter(&b, level)
			if err != nil {
				return nil, err
			}
			if _, err := w.Write(piece); err != nil {
				return nil, err
			}
			if err := w.Flush(); err != nil { // ends at a byte, and no stream
				return nil, err
			}
			if best == nil || b.Len() < len(best) {
				best = b.Bytes()
			}
		}
		out = append(out, best...)
	}
	return append(out, lastBlock...), nil
}

const dictionary = 7

// runs tells whether bytes that follow each other are equal often enough for a
// dictionary to be worth its time, as they are in air of one value.
func runs(piece []byte) bool {
	equal := 0
	for i := 1; i < len(piece); i++ {
		if piece[i] == piece[i-1] {
			equal++
		}
	}
	return 8*equal > len(piece)
}

// lastBlock is one without content that ends a stream.
var lastBlock = []byte{3, 0}

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

// known is what the first part has of a pixel.
func known(pixel int16) int32 { return (int32(pixel) + 1<<(step-1)) >> step }

func first(pixels []int16, rows, cols int) [][]byte {
	var w writer
	at := func(r, c int) int32 { return known(pixels[2*r*cols+2*c]) }
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
	return [][]byte{w.groups[0], w.large}
}

func second(pixels []int16, rows, cols int) [][]byte {
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
	for r := 0; r < rows; r += 2 {
		for c := 0; c < cols; c += 2 {
			w.put(low, (uint16(pixels[r*cols+c])+1<<(step-1))&(1<<step-1)) //nolint:gosec // its low bits
		}
	}
	var head []byte
	for _, g := range w.groups {
		head = binary.LittleEndian.AppendUint32(head, uint32(len(g))) //nolint:gosec // of one slice
	}
	return append(append([][]byte{head}, w.groups[:]...), w.large)
}

// group is how a pixel is coded whose neighbours differ by so much.
func group(spread int32) int {
	return min(max(bits.Len32(uint32(spread))-2, 0), spreads-1) //nolint:gosec // not negative
}
