package codec

import (
	"encoding/binary"
	"fmt"
)

// jpegSegments goes through the marker segments of a JPEG code (T.81 annex B)
// up to its first scan header, and returns the entropy-coded bytes behind it.
func jpegSegments(code []byte, visit func(marker byte, body []byte) error) ([]byte, error) {
	if len(code) < 2 || code[0] != 0xFF || code[1] != 0xD8 {
		return nil, jpegBroken("it does not start with SOI")
	}
	code = code[2:]
	for {
		if len(code) < 4 {
			return nil, jpegCut()
		}
		if code[0] != 0xFF {
			return nil, jpegBroken("a marker is missing")
		}
		marker := code[1]
		if marker == 0xFF {
			code = code[1:] // fill byte
			continue
		}
		n := int(binary.BigEndian.Uint16(code[2:]))
		if n < 2 {
			return nil, jpegBroken("a segment has no length")
		}
		if 2+n > len(code) {
			return nil, jpegCut()
		}
		body := code[4 : 2+n]
		code = code[2+n:]
		if err := visit(marker, body); err != nil || marker == markerScan {
			return code, err
		}
	}
}

// Markers of annex B of T.81 and of T.87.
const (
	markerLossless = 0xC3
	markerHuffman  = 0xC4
	markerScan     = 0xDA
	markerRestart  = 0xDD // interval
	markerLS       = 0xF7 // frame of JPEG-LS
	markerPresets  = 0xF8 // of JPEG-LS
)

// afterRestart steps over a restart marker (T.81 B.2.1).
func afterRestart(code []byte) ([]byte, error) {
	for len(code) > 2 && code[0] == 0xFF && code[1] == 0xFF {
		code = code[1:] // fill byte
	}
	if len(code) < 2 {
		return nil, jpegCut()
	}
	if code[0] != 0xFF || code[1]&0xF8 != 0xD0 {
		return nil, jpegBroken("a restart marker is missing")
	}
	return code[2:], nil
}

func jpegBroken(what string) error {
	return refuse(CodeUnreadable, "the JPEG code is damaged: "+what+"; fetch the file again", nil)
}

func jpegCut() error {
	return refuse(CodeTruncated, "the JPEG code is cut short; fetch the file again", nil)
}

// fits checks a frame of a compressed code against what the header says. Fewer
// bits than BitsStored are the same values where those are unsigned; the sign
// of others could be in either.
func (s Shape) fits(rows, cols, precision int) error {
	if rows != s.Rows || cols != s.Cols || precision > s.Allocated || precision < s.Stored && s.Signed {
		return refuse(CodeSizeMismatch, fmt.Sprintf("the compressed frame is %d x %d with %d bits, the header says %d x %d with %d", rows, cols, precision, s.Rows, s.Cols, s.Stored), nil)
	}
	return nil
}
