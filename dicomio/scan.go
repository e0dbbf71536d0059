package dicomio

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	undefinedLength = 0xFFFFFFFF
	maxDepth        = 32      // nesting of sequences of undefined length
	maxElements     = 1 << 19 // elements walked in one data set
	maxWanted       = 16 << 10
	windowBytes     = 16 << 10

	tagItem      = 0xFFFEE000
	tagItemEnd   = 0xFFFEE00D
	tagSeqEnd    = 0xFFFEE0DD
	tagPixelData = 0x7FE00010
)

var (
	errEnd = errors.New("end of data set")
	errCut = errors.New("the file ends inside an element")
)

// element is where one data element lies in a source (PS3.5 section 7.1).
type element struct {
	tag    uint32
	vr     string // "" in implicit VR
	value  int64  // offset of the value
	length uint32 // undefinedLength where it is delimited
}

// scanner walks the elements of a data set without reading their values: it
// finds the few that a volume needs and where the pixels start, and steps over
// everything else, so that private and broken elements do no harm. Nothing is
// allocated by a length that a file states.
type scanner struct {
	src    source
	order  binary.ByteOrder
	window []byte
	base   int64 // offset of window[0]
	walked int
}

// bytes returns n bytes at off, valid until the next call. It returns errEnd
// where the data ends exactly at off, and errCut where fewer than n are left.
func (s *scanner) bytes(off int64, n int) ([]byte, error) {
	if off >= s.base && off+int64(n) <= s.base+int64(len(s.window)) {
		return s.window[off-s.base:][:n], nil
	}
	if cap(s.window) < max(n, windowBytes) {
		s.window = make([]byte, max(n, windowBytes))
	}
	s.window = s.window[:cap(s.window)]
	got, err := s.src.ReadAt(s.window, off)
	s.window, s.base = s.window[:got], off
	if got >= n {
		return s.window[:n], nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if got == 0 && off <= s.src.Size() {
		return nil, errEnd
	}
	return nil, errCut
}

// next reads the header of the element at off.
func (s *scanner) next(off int64, explicit bool) (element, error) {
	if s.walked++; s.walked > maxElements {
		return element{}, refuse(CodeLimit, "the header has too many elements", nil)
	}
	b, err := s.bytes(off, 8)
	if err != nil {
		return element{}, err
	}
	e := element{
		tag:   uint32(s.order.Uint16(b))<<16 | uint32(s.order.Uint16(b[2:])),
		value: off + 8,
	}
	// Items and delimiters have no VR in any syntax (PS3.5 section 7.5).
	if !explicit || e.tag>>16 == 0xFFFE {
		e.length = s.order.Uint32(b[4:])
		return e, nil
	}
	if !isVR(b[4:6]) {
		return element{}, refuse(CodeUnreadable, "an element has no value representation; the file is corrupt", nil)
	}
	e.vr = string(b[4:6])
	if !longForm(e.vr) {
		e.length = uint32(s.order.Uint16(b[6:]))
		return e, nil
	}
	if b, err = s.bytes(off+8, 4); err != nil {
		return element{}, cut(err)
	}
	e.value, e.length = off+12, s.order.Uint32(b)
	return e, nil
}

// skip returns the offset behind e.
func (s *scanner) skip(e element, explicit bool, depth int) (int64, error) {
	if e.length != undefinedLength {
		end := e.value + int64(e.length)
		if end > s.src.Size() {
			return 0, errCut
		}
		return end, nil
	}
	if depth > maxDepth {
		return 0, refuse(CodeLimit, "sequences are nested too deeply", nil)
	}
	// UN of undefined length holds implicit VR little endian (PS3.5 6.2.2).
	if e.vr == "UN" {
		explicit = false
		if s.order != binary.ByteOrder(binary.LittleEndian) {
			old := s.order
			s.order = binary.LittleEndian
			defer func() { s.order = old }()
		}
	}
	for off := e.value; ; {
		item, err := s.next(off, explicit)
		if err != nil {
			return 0, cut(err)
		}
		switch {
		case item.tag == tagSeqEnd:
			return item.value, nil
		case item.tag != tagItem:
			return 0, refuse(CodeUnreadable, "a sequence holds something that is no item; the file is corrupt", nil)
		case item.length == undefinedLength:
			off, err = s.skipItem(item.value, explicit, depth+1)
		default:
			off, err = s.skip(item, explicit, depth+1)
		}
		if err != nil {
			return 0, err
		}
	}
}

func (s *scanner) skipItem(off int64, explicit bool, depth int) (int64, error) {
	for {
		e, err := s.next(off, explicit)
		if err != nil {
			return 0, cut(err)
		}
		if e.tag == tagItemEnd {
			return e.value, nil
		}
		if off, err = s.skip(e, explicit, depth); err != nil {
			return 0, err
		}
	}
}

// cut turns an end inside a structure into errCut.
func cut(err error) error {
	if errors.Is(err, errEnd) {
		return errCut
	}
	return err
}

func isVR(b []byte) bool {
	return b[0] >= 'A' && b[0] <= 'Z' && b[1] >= 'A' && b[1] <= 'Z'
}

// longForm tells the value representations with a 32-bit length (PS3.5 table
// 7.1-1).
func longForm(vr string) bool {
	switch vr {
	case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
		return true
	}
	return false
}
