package dicomio

import "encoding/binary"

// readFragments joins the fragments of encapsulated pixel data (PS3.5 A.4) of
// one frame onto buf. The basic offset table is stepped over: with one frame
// it says nothing.
func readFragments(src source, f *format, buf []byte) ([]byte, error) {
	// No lossless code of one frame is much larger than the frame.
	limit := 4*f.frameBytes() + 1<<16
	head := make([]byte, 8)
	table := true
	for off := f.pixels.value; ; {
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
