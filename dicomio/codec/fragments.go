package codec

import (
	"encoding/binary"
	"errors"
	"io"
)

// fragment is an item of encapsulated pixel data (PS3.5 A.4).
type fragment struct{ at, value, end int64 }

// readItem reads the head of the item at off. ok is false at the delimiter of the
// sequence.
func readItem(src Source, off int64) (f fragment, ok bool, err error) {
	var head [8]byte
	if err := readFull(src, head[:], off); err != nil {
		return f, false, err
	}
	tag := uint32(binary.LittleEndian.Uint16(head[:]))<<16 | uint32(binary.LittleEndian.Uint16(head[2:]))
	length := binary.LittleEndian.Uint32(head[4:])
	f = fragment{off, off + 8, off + 8 + int64(length)}
	switch {
	case tag == tagSeqEnd:
		return f, false, nil
	case tag != tagItem || length == undefinedLength:
		return f, false, refuse(CodeUnreadable, "the pixel data is not made of items; the file is corrupt", nil)
	case f.end > src.Size():
		return f, false, refuse(CodeTruncated, "the pixel data is cut short; fetch the file again", nil)
	}
	return f, true, nil
}

// readFragments joins the fragments of a frame onto buf, which holds at most
// limit bytes then: those of a file whose only frame it is, behind its basic
// offset table, or those that Frames found.
func readFragments(src Source, p Pixels, limit int64, buf []byte) ([]byte, error) {
	off := p.offset
	if !p.parted {
		table, ok, err := readItem(src, off)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, errNoFragment()
		}
		off = table.end // with one frame it says nothing
	}
	for {
		end := p.parted && off >= p.until
		switch {
		case end && len(buf) == 0:
			return nil, errNoFragment()
		case end || off == src.Size() && len(buf) > 0:
			return buf, nil // no delimiter; the decoder sees whether the code is whole
		}
		f, ok, err := readItem(src, off)
		switch {
		case err != nil:
			return nil, err
		case !ok && len(buf) == 0:
			return nil, errNoFragment()
		case !ok:
			return buf, nil
		case int64(len(buf))+f.end-f.value > limit:
			return nil, refuse(CodeSizeMismatch, "the compressed pixel data is larger than the image can need", nil)
		}
		at := len(buf)
		buf = append(buf, make([]byte, f.end-f.value)...)
		if err := readFull(src, buf[at:], f.value); err != nil {
			return nil, err
		}
		off = f.end
	}
}

func errNoFragment() error { return refuse(CodeNoPixelData, "the pixel data is empty", nil) }

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
