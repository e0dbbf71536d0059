package codec

import (
	"fmt"
	"io"
)

// Shape is how the pixels of a single-frame monochrome image are described
// (PS3.3 C.7.6.3).
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
	raw  []byte // pixels as stored
	code []byte // pixels as compressed
}

// Decode returns the stored pixels of a file, row by row: 8 or 16 bits each,
// little endian, whatever the file is. They are valid until the next call.
//
// Its errors are a *coded.Error: CodeTruncated, CodeSizeMismatch,
// CodePixelFormat, CodeSyntax, CodeNoPixelData, CodeLimit or CodeUnreadable.
func (d *Decoder) Decode(src Source, p Pixels, s Shape) (raw []byte, err error) {
	defer func() {
		if r := recover(); r != nil { // nothing is known that does it
			err = refuse(CodeUnreadable, "the pixel data is corrupt", fmt.Errorf("decoder panicked: %v", r))
		}
	}()
	if n := int(s.Bytes()); cap(d.raw) < n {
		d.raw = make([]byte, n)
	} else {
		d.raw = d.raw[:n]
	}
	if p.syntax.UID == Deflated {
		src = newInflated(io.NewSectionReader(src, p.start, src.Size()-p.start), p.inflated)
	}
	if p.Encapsulated {
		// No lossless code of one frame is much larger than the frame.
		d.code, err = readFragments(src, p.offset, 4*s.Bytes()+1<<16, d.code[:0])
		if err != nil {
			return nil, asError(err, CodeUnreadable, "the pixel data is corrupt")
		}
	}
	switch p.syntax.pack {
	case packNative:
		if err = readFull(src, d.raw, p.offset); err == nil && p.syntax.big && s.Allocated == 16 {
			for i := 0; i+1 < len(d.raw); i += 2 {
				d.raw[i], d.raw[i+1] = d.raw[i+1], d.raw[i]
			}
		}
	case packRLE:
		err = decodeRLE(d.code, d.raw, s.Allocated/8)
	case packJPEGLossless:
		err = decodeJPEGLossless(d.code, d.raw, s)
	case packJPEGDCT:
		err = decodeJPEGDCT(d.code, d.raw, s)
	case packJPEGLS:
		err = decodeJPEGLS(d.code, d.raw, s)
	case packJPEG2000:
		err = decodeJPEG2000(d.code, d.raw, s, p.syntax.UID == JPEG2000Lossy || p.syntax.UID == HTJ2KLossy)
	default:
		err = refuse(CodeSyntax, "the transfer syntax is not decoded", nil)
	}
	if err != nil {
		return nil, asError(err, CodeUnreadable, "the pixel data is corrupt")
	}
	return d.raw, nil
}

// clamp keeps v, which a lossy code made of a pixel, within BitsStored: it may
// lie a little outside, and be far inside without its highest bits.
func (s Shape) clamp(v int) int {
	if s.Signed {
		return min(max(v, -1<<(s.Stored-1)), 1<<(s.Stored-1)-1)
	}
	return min(v, 1<<s.Stored-1)
}
