package dicomio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"runtime"
	"sync"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/dicomio/storage"
)

// maxBlockVoxels bounds one call of HU: 5 bytes a voxel.
const maxBlockVoxels = 512 << 20

// HU decodes slices first..first+count-1 and no others.
//
// A value is (stored value masked to BitsStored, sign-extended where
// PixelRepresentation is 1) x RescaleSlope + RescaleIntercept (PS3.3
// C.11.1.1.2), computed in float64 and rounded once to float32; nothing is
// clamped. Padding marks PixelPaddingValue with PixelPaddingRangeLimit (PS3.3
// C.7.5.1.1.2) and the constant value outside a circular field of view.
//
// Errors: CodeTruncated, CodeSizeMismatch, CodeUnreadable where a file has
// changed or is corrupt, CodeLimit where the block is too large; of a series of
// OpenRemote those of its source, too. A range outside the series is an error without a code. HU may be called by several
// goroutines at once.
func (s *Series) HU(ctx context.Context, first, count int) (*Block, error) {
	b := &Block{}
	if err := s.HUInto(ctx, first, count, b); err != nil {
		return nil, err
	}
	return b, nil
}

// HUInto is HU into a block whose memory is used again where it is large
// enough. After an error the block's content is undefined.
func (s *Series) HUInto(ctx context.Context, first, count int, b *Block) error {
	return s.HUWindowInto(ctx, first, count, image.Rectangle{}, b)
}

// HUWindowInto is HUInto for a window of every slice, in columns (X) and rows (Y),
// or all where it is empty. What the block holds of the rest is undefined. Of JPEG
// 2000 and HTJ2K only what the window depends on is decoded, so that damage elsewhere in
// a slice does not show.
func (s *Series) HUWindowInto(ctx context.Context, first, count int, window image.Rectangle, b *Block) error {
	if !window.In(image.Rect(0, 0, s.Geometry.Cols, s.Geometry.Rows)) {
		return fmt.Errorf("dicomio: a window of %v asked of %d columns and %d rows", window, s.Geometry.Cols, s.Geometry.Rows)
	}
	if first < 0 || count < 1 || first > len(s.Slices)-count {
		return fmt.Errorf("dicomio: slices %d..%d asked of a series of %d", first, first+count-1, len(s.Slices))
	}
	g := &s.Geometry
	plane := g.Rows * g.Cols
	if plane < 1 || count > maxBlockVoxels/plane {
		return &Error{Code: CodeLimit, Op: "decode pixels", Hint: "too many voxels at once; decode fewer slices"}
	}
	b.First, b.Count, b.Rows, b.Cols = first, count, g.Rows, g.Cols
	b.HU = resize(b.HU, count*plane)
	b.Padding = resize(b.Padding, count*plane)
	decode := func(work *frameReader, i int) error {
		sl := &s.Slices[first+i]
		if sl.file == nil || sl.file.format.Rows*sl.file.format.Cols != plane {
			return &Error{Code: CodeSizeMismatch, Op: "decode pixels", Path: sl.Path, Hint: "the slice was not read by Open, or its matrix is not that of the series"}
		}
		hu, pad := b.HU[i*plane:][:plane], b.Padding[i*plane:][:plane]
		if sl.file.remote != nil {
			return work.remoteSlice(ctx, sl.file, s.unpacked, hu, pad)
		}
		return work.slice(ctx, sl.file, s.unpacked, hu, pad)
	}
	// Of a remote series, what takes time is the way, not the decoding.
	workers := max(s.workers, runtime.GOMAXPROCS(0))
	return forEach(ctx, workers, count, func(i int) error {
		work := readers.Get().(*frameReader)
		defer readers.Put(work)
		work.window = window
		return decode(work, i)
	})
}

// readers keep the memory that decoding a slice needs.
var readers = sync.Pool{New: func() any { return new(frameReader) }}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// frameReader decodes one file after another into memory that it keeps.
type frameReader struct {
	codec.Decoder
	table  *huTable        // of the last slice
	window image.Rectangle // what is wanted; empty: all
}

// slice decodes one file, or a frame of it.
func (r *frameReader) slice(ctx context.Context, h *header, last *unpackedFile, hu []float32, pad []bool) error {
	opened := func(e *Error) error {
		e.Op = "decode pixels"
		return fileError(h.path, e)
	}
	f, err := storage.Open(ctx, h.path)
	if isSilent(ctx, err) {
		return err
	}
	if err != nil {
		return opened(refuse(CodeUnreadable, "the file cannot be opened any more", errors.Join(ErrChanged, err)))
	}
	defer f.Close()
	if f.Size() != h.size || !f.Info.ModTime().Equal(h.modTime) {
		return opened(refuse(CodeUnreadable, "the file has changed since the series was opened; open it again", ErrChanged))
	}
	var src codec.Source
	if packs(h) {
		last.mu.Lock()
		defer last.mu.Unlock()
		src, err = last.source(h, f)
	} else {
		src, err = h.entry.checked(f, h.size, h.format.inflateLimit)
	}
	if err == nil {
		err = r.decode(src, &h.format, hu, pad)
	}
	if silent := f.Silent(); silent != nil {
		return silent
	}
	if err != nil {
		return opened(asError(err, CodeUnreadable, "the pixel data is corrupt"))
	}
	return nil
}

// decode reads the pixels of a file into hu and pad, which hold one plane.
func (r *frameReader) decode(src codec.Source, f *format, hu []float32, pad []bool) error {
	raw, err := r.DecodeWindow(src, f.pixels, f.Shape, r.wanted(f))
	if err != nil {
		return err
	}
	return r.convert(f, raw, hu, pad)
}

func (r *frameReader) wanted(f *format) image.Rectangle {
	if r.window.Empty() {
		return f.Bounds()
	}
	return r.window
}

// convert makes HU and padding of the window that is wanted.
func (r *frameReader) convert(f *format, raw []byte, hu []float32, pad []bool) error {
	w, size := r.wanted(f), f.Allocated/8
	n, times := w.Dx(), w.Dy()
	if n == f.Cols { // in one piece
		n, times = n*times, 1
	}
	for y := range times {
		start := (w.Min.Y+y)*f.Cols + w.Min.X
		r.rescale(f, raw[start*size:(start+n)*size], hu[start:start+n], pad[start:start+n])
	}
	px := pixels{r.table, raw, size == 2}
	marks, err := r.fieldMarks(f, px, w)
	if marks {
		maskField(px, pad, f.Rows, f.Cols, w.Min.Y, w.Max.Y)
	}
	return err
}

// fieldMarks tells whether the field of view of an image can mark any pixel of a
// window, and sees to it that all of the image is decoded where it can. It cannot where the
// corners differ, are not air, or hold the padding value, which is marked as it is;
// nor where nothing in the window has their value, at a place where it is marked, or
// any that they could have.
func (r *frameReader) fieldMarks(f *format, px pixels, window image.Rectangle) (bool, error) {
	if !px.mayMark(window, f.Rows, f.Cols, func(v float32) bool { return v <= fieldAirHU }) {
		return false, nil
	}
	corner := func(x, y int) (float32, error) {
		err := r.More(image.Rect(x, y, x+1, y+1))
		return px.at(y*f.Cols + x), err
	}
	right, bottom := f.Cols-1, f.Rows-1
	v, err := corner(0, 0)
	if err != nil || v > fieldAirHU || r.table.padded(v) ||
		!px.mayMark(window, f.Rows, f.Cols, func(at float32) bool { return at == v }) {
		return false, err
	}
	for _, c := range [3][2]int{{right, 0}, {0, bottom}, {right, bottom}} {
		if at, err := corner(c[0], c[1]); err != nil || at != v {
			return false, err
		}
	}
	return true, r.More(f.Bounds())
}

// pixels are those of an image as stored, with what they become.
type pixels struct {
	table *huTable
	raw   []byte
	wide  bool
}

func (p pixels) at(i int) float32 {
	if p.wide {
		return p.table.hu[binary.LittleEndian.Uint16(p.raw[2*i:])]
	}
	return p.table.hu[p.raw[i]]
}

// count tells how many of the pixels from..to-1 are what the first of all is.
func (p pixels) count(from, to int) (n int) {
	v := p.at(0)
	if p.wide { // most are stored as the first is: four at a time
		four := uint64(binary.LittleEndian.Uint16(p.raw)) * 0x0001000100010001
		for b := p.raw[2*from : 2*to]; len(b) >= 8 && binary.LittleEndian.Uint64(b) == four; b = b[8:] {
			from, n = from+4, n+4
		}
	}
	for i := from; i < to; i++ {
		if p.at(i) == v {
			n++
		}
	}
	return n
}

// rescaling is how stored pixels become HU and padding.
type rescaling struct {
	allocated, stored, highBit int
	signed, padded             bool
	slope, intercept           float64
	low, high                  int // of padding, inclusive
}

// huTable holds what every pattern of 16 bits becomes. The values of an image
// are few and lie together, so that what is read of it stays in the nearest cache.
type huTable struct {
	of  rescaling
	hu  [1 << 16]float32
	pad [1 << 16]bool
}

// padded tells whether every pattern that becomes v is padding.
func (t *huTable) padded(v float32) bool {
	if !t.of.padded {
		return false
	}
	for raw := range 1 << t.of.allocated {
		if t.hu[raw] == v && !t.pad[raw] {
			return false
		}
	}
	return true
}

func (t *huTable) fill(of rescaling) {
	t.of = of
	shift, mask, sign := of.highBit+1-of.stored, 1<<of.stored-1, 0
	if of.signed {
		sign = 1 << (of.stored - 1)
	}
	for raw := range 1 << of.allocated {
		v := raw >> shift & mask
		v = v ^ sign - sign
		// The conversion keeps the product from being fused with the sum, so
		// that every machine gives the same HU.
		t.hu[raw] = float32(float64(float64(v)*of.slope) + of.intercept)
		t.pad[raw] = of.padded && v >= of.low && v <= of.high
	}
}

// rescale turns stored pixels into HU and marks the padding value.
func (r *frameReader) rescale(f *format, raw []byte, hu []float32, pad []bool) {
	of := rescaling{f.Allocated, f.Stored, f.highBit, f.Signed, f.padded, f.slope, f.intercept, f.padLow, f.padHigh}
	if r.table == nil {
		r.table = new(huTable)
	}
	t := r.table
	if t.of != of {
		t.fill(of)
	}
	if !f.padded {
		clear(pad)
	}
	switch {
	case f.Allocated == 8:
		for i, v := range raw[:len(hu)] {
			hu[i], pad[i] = t.hu[v], t.pad[v]
		}
	case f.padded:
		pad = pad[:len(hu)]
		for i := range hu {
			v := binary.LittleEndian.Uint16(raw[2*i:])
			hu[i], pad[i] = t.hu[v], t.pad[v]
		}
	default:
		for i := range hu {
			hu[i] = t.hu[binary.LittleEndian.Uint16(raw[2*i:])]
		}
	}
}
