package codec

import (
	"encoding/binary"
	"errors"

	"github.com/nodulescope/nodulescope/dicomio/codec/internal/j2k"
)

// decodeJPEG2000 decodes one frame of JPEG 2000 or HTJ2K into raw: little
// endian, 8 or 16 bits a pixel as s says. Where it is not lossy, bits above
// BitsStored are those of something else, and kept.
//
// Where code and header disagree on the sign, unsigned code of signed pixels
// holds their bits, as writers that do not look at the sign make it; signed code
// of unsigned pixels has values that those cannot hold.
func decodeJPEG2000(code, raw []byte, s Shape, lossy bool) error {
	signed := false
	px, err := j2k.Decode(code, func(h j2k.Header) error {
		bits := h.Precision
		signed = h.Signed
		if h.Signed {
			if !s.Signed {
				return refuse(CodePixelFormat, "the JPEG 2000 code is signed, and the header says that pixels are not", nil)
			}
			bits = max(bits, s.Stored) // the sign is known
		}
		return s.fits(h.Rows, h.Cols, bits)
	})
	switch {
	case errors.Is(err, j2k.ErrCut):
		return refuse(CodeTruncated, "the JPEG 2000 code is cut short; fetch the file again", nil)
	case errors.Is(err, j2k.ErrUnsupported):
		return refuse(CodePixelFormat, "the JPEG 2000 code is of a kind that is not read: "+err.Error(), nil)
	case errors.Is(err, j2k.ErrLimit):
		return refuse(CodeLimit, "the JPEG 2000 code has more parts than an image can need", nil)
	case errors.Is(err, j2k.ErrBroken):
		return refuse(CodeUnreadable, err.Error()+"; fetch the file again", nil)
	case err != nil:
		return err
	}
	clamp := signed || lossy && !s.Signed
	for i, v := range px {
		if clamp {
			v = int32(s.clamp(int(v)))
		}
		if s.Allocated == 8 {
			raw[i] = byte(v)
		} else {
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(v))
		}
	}
	return nil
}
