package codec

import (
	"encoding/binary"
	"fmt"
)

// decodeRLE decodes one monochrome frame of the DICOM RLE syntax (PS3.5 annex
// G) into raw: little endian, width bytes a pixel. A segment holds one byte of
// every pixel, the most significant first.
func decodeRLE(code, raw []byte, width int) error {
	if len(code) < 64 {
		return refuse(CodeTruncated, "the RLE header is cut short", nil)
	}
	if n := binary.LittleEndian.Uint32(code); n != uint32(width) {
		return refuse(CodeSizeMismatch, fmt.Sprintf("the RLE frame has %d segments where %d are needed", n, width), nil)
	}
	for i := range width {
		start := int64(binary.LittleEndian.Uint32(code[4+4*i:]))
		end := int64(len(code))
		if i+1 < width {
			end = int64(binary.LittleEndian.Uint32(code[8+4*i:]))
		}
		if start < 64 || start > end || end > int64(len(code)) {
			return refuse(CodeUnreadable, "the RLE segments lie outside the pixel data", nil)
		}
		if err := unpackBits(code[start:end], raw, width-1-i, width); err != nil {
			return err
		}
	}
	return nil
}

// unpackBits fills every step-th byte of raw, from first on (PS3.5 G.3.2).
func unpackBits(code, raw []byte, first, step int) error {
	at := first
	for at < len(raw) {
		if len(code) < 2 {
			return refuse(CodeTruncated, "an RLE segment holds fewer pixels than the image", nil)
		}
		n := int(int8(code[0]))
		code = code[1:]
		switch {
		case n >= 0:
			n++
			if n > len(code) || (n-1)*step >= len(raw)-at {
				return refuse(CodeSizeMismatch, "an RLE run leaves the image", nil)
			}
			for _, b := range code[:n] {
				raw[at] = b
				at += step
			}
			code = code[n:]
		case n > -128:
			n = 1 - n
			if (n-1)*step >= len(raw)-at {
				return refuse(CodeSizeMismatch, "an RLE run leaves the image", nil)
			}
			for range n {
				raw[at] = code[0]
				at += step
			}
			code = code[1:]
		}
	}
	return nil
}
