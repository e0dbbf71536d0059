package codec

import (
	"encoding/binary"
	"errors"
	"image"

	"github.com/nodulescope/nodulescope/dicomio/codec/internal/j2k"
)

// jpeg2000 is one frame of JPEG 2000 or HTJ2K, of which parts are decoded as they
// are asked for.
type jpeg2000 struct {
	image *j2k.Image
	shape Shape
	clamp bool
}

// openJPEG2000 reads the header of a code. Where it is not lossy, bits above
// BitsStored are those of something else, and kept.
//
// Where code and header disagree on the sign, unsigned code of signed pixels
// holds their bits, as writers that do not look at the sign make it; signed code
// of unsigned pixels has values that those cannot hold.
func openJPEG2000(code []byte, s Shape, lossy bool) (*jpeg2000, error) {
	image, err := j2k.Open(code, func(h j2k.Header) error {
		bits := h.Precision
		if h.Signed {
			if !s.Signed {
				return refuse(CodePixelFormat, "the JPEG 2000 code is signed, and the header says that pixels are not", nil)
			}
			bits = max(bits, s.Stored) // the sign is known
		}
		return s.fits(h.Rows, h.Cols, bits)
	})
	if err != nil {
		return nil, asJPEG2000(err)
	}
	return &jpeg2000{image, s, image.Signed || lossy && !s.Signed}, nil
}

// asJPEG2000 gives an error of package j2k a code.
func asJPEG2000(err error) error {
	switch {
	case errors.Is(err, j2k.ErrCut):
		return refuse(CodeTruncated, "the JPEG 2000 code is cut short; fetch the file again", nil)
	case errors.Is(err, j2k.ErrUnsupported):
		return refuse(CodePixelFormat, "the JPEG 2000 code is of a kind that is not read: "+err.Error(), nil)
	case errors.Is(err, j2k.ErrLimit):
		return refuse(CodeLimit, "the JPEG 2000 code has more parts than an image can need", nil)
	case errors.Is(err, j2k.ErrBroken):
		return refuse(CodeUnreadable, err.Error()+"; fetch the file again", nil)
	}
	return err
}

// decode decodes the pixels of a window into raw, which is of the whole image:
// little endian, 8 or 16 bits a pixel.
func (j *jpeg2000) decode(window image.Rectangle, raw []byte) error {
	px, err := j.image.Region(window)
	if err != nil {
		return asJPEG2000(err)
	}
	s := j.shape
	for y := window.Min.Y; y < window.Max.Y; y++ {
		at := y*s.Cols + window.Min.X
		for i, v := range px[(y-window.Min.Y)*window.Dx():][:window.Dx()] {
			if j.clamp {
				v = int32(s.clamp(int(v)))
			}
			if s.Allocated == 8 {
				raw[at+i] = byte(v)
			} else {
				binary.LittleEndian.PutUint16(raw[2*(at+i):], uint16(v))
			}
		}
	}
	return nil
}
