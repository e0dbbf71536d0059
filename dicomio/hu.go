package dicomio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
			return work.remoteSlice(ctx, sl.file, hu, pad)
		}
		return work.slice(ctx, sl.file, hu, pad)
	}
	// Of a remote series, what takes time is the way, not the decoding.
	workers := max(s.workers, runtime.GOMAXPROCS(0))
	return forEach(ctx, workers, count, func(i int) error {
		work := readers.Get().(*frameReader)
		defer readers.Put(work)
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
type frameReader struct{ codec.Decoder }

// slice decodes one file.
func (r *frameReader) slice(ctx context.Context, h *header, hu []float32, pad []bool) error {
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
	err = r.decode(f, &h.format, hu, pad)
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
	raw, err := r.Decode(src, f.pixels, f.Shape)
	if err != nil {
		return err
	}
	f.rescale(raw, hu, pad)
	maskField(hu, pad, f.Rows, f.Cols)
	return nil
}

// rescale turns stored pixels into HU and marks the padding value.
func (f *format) rescale(raw []byte, hu []float32, pad []bool) {
	shift := f.highBit + 1 - f.Stored
	mask := 1<<f.Stored - 1
	sign := 0
	if f.Signed {
		sign = 1 << (f.Stored - 1)
	}
	low, high := f.padLow, f.padHigh
	if !f.padded {
		low, high = 1, 0
	}
	pad = pad[:len(hu)]
	at := func(i int, v int) {
		v = v >> shift & mask
		v = v ^ sign - sign
		// The conversion keeps the product from being fused with the sum, so
		// that every machine gives the same HU.
		hu[i] = float32(float64(float64(v)*f.slope) + f.intercept)
		pad[i] = v >= low && v <= high
	}
	if f.Allocated == 8 {
		for i := range hu {
			at(i, int(raw[i]))
		}
		return
	}
	for i := range hu {
		at(i, int(binary.LittleEndian.Uint16(raw[2*i:])))
	}
}
