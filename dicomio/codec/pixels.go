package codec

import (
	"fmt"
	"image"
	"io"
	"slices"
)

// Shape is how the pixels of a monochrome image, or of each of its frames, are
// described (PS3.3 C.7.6.3).
type Shape struct {
	Rows, Cols        int
	Allocated, Stored int // bits; Allocated is 8 or 16
	Signed            bool
}

// Bytes is the length of the pixels, uncompressed.
func (s Shape) Bytes() int64 {
	return int64(s.Rows) * int64(s.Cols) * int64(s.Allocated/8)
}

// Decoder decodes pixels of one file after another into memory that it keeps.
type Decoder struct {
	raw  []byte    // pixels as stored
	code []byte    // pixels as compressed
	part *jpeg2000 // what is not decoded yet; nil: nothing
}

// dataSet is what a deflated file inflates to.
type dataSet struct{ *inflated }

// DataSet is what pixels are read from: the file, or what a deflated one inflates
// to as far as it is asked for. [Decoder.Decode] takes it in place of the file, so
// that frames need not inflate it anew. It is for one goroutine at a time.
func (p Pixels) DataSet(src Source) Source {
	if _, done := src.(dataSet); done || p.syntax.UID != Deflated {
		return src
	}
	return dataSet{newInflated(io.NewSectionReader(src, p.start, src.Size()-p.start), p.inflated)}
}

// Decode returns the stored pixels of a file that holds one frame, or of one of
// [Frames], row by row: 8 or 16 bits each,
// little endian, whatever the file is. They are valid until the next call.
//
// Its errors are a *coded.Error: CodeTruncated, CodeSizeMismatch,
// CodePixelFormat, CodeSyntax, CodeNoPixelData, CodeLimit or CodeUnreadable.
func (d *Decoder) Decode(src Source, p Pixels, s Shape) (raw []byte, err error) {
	return d.DecodeWindow(src, p, s, s.Bounds())
}

// Bounds is the whole image.
func (s Shape) Bounds() image.Rectangle { return image.Rect(0, 0, s.Cols, s.Rows) }

// DecodeWindow is Decode that may leave the pixels outside of a window undefined,
// as it does of JPEG 2000 and HTJ2K, where a part of an image is less work. The
// pixels within are always those that Decode gives; what is damaged elsewhere may not
// show. More decodes more of them.
func (d *Decoder) DecodeWindow(src Source, p Pixels, s Shape, window image.Rectangle) (raw []byte, err error) {
	defer recovered(&err)
	d.part = nil
	if n := int(s.Bytes()); cap(d.raw) < n {
		d.raw = make([]byte, n)
	} else {
		d.raw = d.raw[:n]
	}
	src = p.DataSet(src)
	if p.Encapsulated {
		// No lossless code of one frame is much larger than the frame.
		d.code, err = readFragments(src, p, 4*s.Bytes()+1<<16, d.code[:0])
		if err != nil {
			return nil, asError(err, CodeUnreadable, "the pixel data is corrupt")
		}
	}
	if p.syntax.pack != packNative {
		err = d.unpack(p.syntax, s, window)
	} else if err = readFull(src, d.raw, p.offset); err == nil && p.syntax.bigPixels && s.Allocated == 16 {
		for i := 0; i+1 < len(d.raw); i += 2 {
			d.raw[i], d.raw[i+1] = d.raw[i+1], d.raw[i]
		}
	}
	if err != nil {
		return nil, asError(err, CodeUnreadable, "the pixel data is corrupt")
	}
	return d.raw, nil
}

// recovered gives a panic a code.
func recovered(err *error) {
	if r := recover(); r != nil { // nothing is known that does it
		*err = refuse(CodeUnreadable, "the pixel data is corrupt", fmt.Errorf("decoder panicked: %v", r))
	}
}

// More decodes the pixels of another window of the image of the last call, into
// what that has returned. Its errors are those of Decode.
func (d *Decoder) More(window image.Rectangle) (err error) {
	if d.part == nil {
		return nil
	}
	defer recovered(&err)
	if err = d.part.decode(window, d.raw); window == d.part.shape.Bounds() {
		d.part = nil
	}
	return err
}

// DecodeFrame is DecodeWindow for pixels that came without their file: as they are, in
// little endian, or as the code of one frame. A syntax that stores pixels in
// another order is refused with CodeSyntax.
func (d *Decoder) DecodeFrame(code []byte, syntax Syntax, s Shape, window image.Rectangle) (raw []byte, err error) {
	defer recovered(&err)
	d.part = nil
	n := int(s.Bytes())
	switch native := syntax.pack == packNative; {
	case native && syntax.UID != ExplicitLittle && syntax.UID != ImplicitLittle:
		return nil, refuse(CodeSyntax, "the transfer syntax is not one of single frames", nil)
	case native && len(code) != n && len(code) != n+n%2, int64(len(code)) > 4*s.Bytes()+1<<16:
		return nil, refuse(CodeSizeMismatch, "the frame has another length than rows x columns x bytes", nil)
	case native:
		d.raw = append(d.raw[:0], code[:n]...)
		return d.raw, nil
	}
	d.raw, d.code = slices.Grow(d.raw[:0], n)[:n], append(d.code[:0], code...)
	if err = d.unpack(syntax, s, window); err != nil {
		return nil, asError(err, CodeUnreadable, "the pixel data is corrupt")
	}
	return d.raw, nil
}

// unpack decodes the code of one frame, and no more of it than a window where that
// is less work.
func (d *Decoder) unpack(syntax Syntax, s Shape, window image.Rectangle) error {
	switch syntax.pack {
	case packRLE:
		return decodeRLE(d.code, d.raw, s.Allocated/8)
	case packJPEGLossless:
		return decodeJPEGLossless(d.code, d.raw, s)
	case packJPEGDCT:
		return decodeJPEGDCT(d.code, d.raw, s)
	case packJPEGLS:
		return decodeJPEGLS(d.code, d.raw, s)
	case packJPEG2000:
		part, err := openJPEG2000(d.code, s, syntax.UID == JPEG2000Lossy || syntax.UID == HTJ2KLossy)
		if err != nil {
			return err
		}
		d.part = part
		return d.More(window)
	}
	return refuse(CodeSyntax, "the transfer syntax is not decoded", nil)
}

// clamp keeps v, which a lossy code made of a pixel, within BitsStored: it may
// lie a little outside, and be far inside without its highest bits.
func (s Shape) clamp(v int) int {
	if s.Signed {
		return min(max(v, -1<<(s.Stored-1)), 1<<(s.Stored-1)-1)
	}
	return min(v, 1<<s.Stored-1)
}
