package codec

import (
	"encoding/binary"
	"errors"
	"io"
)

// readFragments joins the fragments of encapsulated pixel data (PS3.5 A.4) of
// one frame onto buf, which holds at most limit bytes then. The basic offset
// table is stepped over: with one frame it says nothing.
func readFragments(src Source, off, limit int64, buf []byte) ([]byte, error) {
	head := make([]byte, 8)
	table := true
	for {
		if off == src.Size() && len(buf) > 0 {
			return buf, nil // no delimiter; the decoder sees whether the code is whole
		}
		if err := readFull(src, head, off); err != nil {
			return nil, err
		}
		off += 8
		tag := uint32(binary.LittleEndian.Uint16(head))<<16 | uint32(binary.LittleEndian.Uint16(head[2:]))
		length := int64(binary.LittleEndian.Uint32(head[4:]))
		switch {
		case tag == tagSeqEnd && len(buf) == 0:
			return nil, refuse(CodeNoPixelData, "the pixel data is empty", nil)
		case tag == tagSeqEnd:
			return buf, nil
		case tag != tagItem || length == undefinedLength:
			return nil, refuse(CodeUnreadable, "the pixel data is not made of items; the file is corrupt", nil)
		case off+length > src.Size():
			return nil, refuse(CodeTruncated, "the pixel data is cut short; fetch the file again", nil)
		case table:
			table = false
		case int64(len(buf))+length > limit:
			return nil, refuse(CodeSizeMismatch, "the compressed pixel data is larger than the image can need", nil)
		default:
			at := len(buf)
			buf = append(buf, make([]byte, length)...)
			if err := readFull(src, buf[at:], off); err != nil {
				return nil, err
			}
		}
		off += length
	}
}

func readFull(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return refuse(CodeTruncated, "the pixel data is cut short; fetch the file again", nil)
	}
	return err
}
