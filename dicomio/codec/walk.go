package codec

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

const (
	undefinedLength = 0xFFFFFFFF
	maxDepth        = 40 // nesting of sequences
	windowBytes     = 16 << 10

	tagItem      = 0xFFFEE000
	tagItemEnd   = 0xFFFEE00D
	tagSeqEnd    = 0xFFFEE0DD
	tagPixelData = PixelData
)

var (
	errEnd = errors.New("end of data set")
	errCut = errors.New("the file ends inside an element")
)

// place is where one data element lies in a source (PS3.5 section 7.1).
type place struct {
	tag    uint32
	vr     string // "" in implicit VR
	value  int64  // offset of the value
	length uint32 // undefinedLength where it is delimited
}

// walker goes through the elements of a data set without reading their
// values: it steps over everything that is not wanted, so that private and
// broken elements do no harm. Nothing is allocated by a length that a file
// states.
type walker struct {
	src    Source
	order  binary.ByteOrder
	limit  int // elements
	window []byte
	base   int64 // offset of window[0]
	walked int
}

// bytes returns n bytes at off, valid until the next call. It returns errEnd
// where the data ends exactly at off, and errCut where fewer than n are left.
func (w *walker) bytes(off int64, n int) ([]byte, error) {
	if off >= w.base && off+int64(n) <= w.base+int64(len(w.window)) {
		return w.window[off-w.base:][:n], nil
	}
	if cap(w.window) < max(n, windowBytes) {
		w.window = make([]byte, max(n, windowBytes))
	}
	w.window = w.window[:cap(w.window)]
	got, err := w.src.ReadAt(w.window, off)
	w.window, w.base = w.window[:got], off
	if got >= n {
		return w.window[:n], nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if got == 0 && off <= w.src.Size() {
		return nil, errEnd
	}
	return nil, errCut
}

// next reads the header of the element at off.
func (w *walker) next(off int64, explicit bool) (place, error) {
	if w.walked++; w.walked > w.limit {
		return place{}, refuse(CodeLimit, "the header has too many elements", nil)
	}
	b, err := w.bytes(off, 8)
	if err != nil {
		return place{}, err
	}
	e := place{
		tag:   uint32(w.order.Uint16(b))<<16 | uint32(w.order.Uint16(b[2:])),
		value: off + 8,
	}
	// Items and delimiters have no VR in any syntax (PS3.5 section 7.5).
	if !explicit || e.tag>>16 == 0xFFFE {
		e.length = w.order.Uint32(b[4:])
		if explicit || e.length == undefinedLength || e.value+int64(e.length) <= w.src.Size() || !isVR(b[4:6]) || e.tag>>16 == 0xFFFE {
			return e, nil
		}
		// Explicit VR in a sequence of unknown VR, which should have none: the
		// letters are no length.
	}
	if !isVR(b[4:6]) {
		// Some writers put elements in implicit VR among explicit ones: those of a
		// sequence that they took over, or a single one.
		e.length = w.order.Uint32(b[4:])
		if e.length != undefinedLength && e.value+int64(e.length) > w.src.Size() {
			return place{}, refuse(CodeUnreadable, "an element has no value representation, and no length that fits; the file is corrupt", nil)
		}
		return e, nil
	}
	e.vr = vrOf(b[4:6])
	if !longForm(e.vr) {
		e.length = uint32(w.order.Uint16(b[6:]))
		return e, nil
	}
	if b, err = w.bytes(off+8, 4); err != nil {
		return place{}, cut(err)
	}
	e.value, e.length = off+12, w.order.Uint32(b)
	return e, nil
}

// skip returns the offset behind e.
func (w *walker) skip(e place, explicit bool, depth int) (int64, error) {
	if e.length != undefinedLength {
		end := e.value + int64(e.length)
		if end > w.src.Size() {
			return 0, errCut
		}
		return end, nil
	}
	if depth > maxDepth {
		return 0, errDeep()
	}
	explicit, back := w.inside(e, explicit)
	defer back()
	for off := e.value; ; {
		item, err := w.next(off, explicit)
		if err != nil {
			return 0, cut(err)
		}
		switch {
		case item.tag == tagSeqEnd:
			return item.value, nil
		case item.tag != tagItem:
			return 0, errNoItem()
		case item.length == undefinedLength:
			off, err = w.skipItem(item.value, explicit, depth+1)
		default:
			off, err = w.skip(item, explicit, depth+1)
		}
		if err != nil {
			return 0, err
		}
	}
}

func (w *walker) skipItem(off int64, explicit bool, depth int) (int64, error) {
	for {
		e, err := w.next(off, explicit)
		if err != nil {
			return 0, cut(err)
		}
		if e.tag == tagItemEnd {
			return e.value, nil
		}
		if off, err = w.skip(e, explicit, depth); err != nil {
			return 0, err
		}
	}
}

// inside sets how the items of a sequence are encoded: as what is around them,
// but those of UN as implicit VR little endian (PS3.5 section 6.2.2). back sets
// it back.
func (w *walker) inside(e place, explicit bool) (inner bool, back func()) {
	if e.vr != "UN" {
		return explicit, func() {}
	}
	order := w.order
	w.order = binary.LittleEndian
	return false, func() { w.order = order }
}

func errDeep() error {
	return refuse(CodeLimit, "sequences are nested too deeply", nil)
}

func errOver() error {
	return refuse(CodeUnreadable, "an element is longer than the sequence or item that it is in; the file is corrupt", nil)
}

func errNoItem() error {
	return refuse(CodeUnreadable, "a sequence holds something other than items; the file is corrupt", nil)
}

// cut turns an end inside a structure into errCut.
func cut(err error) error {
	if errors.Is(err, errEnd) {
		return errCut
	}
	return err
}

// vrs are the value representations of PS3.5 table 6.2-1.
var vrs = func() map[string]string {
	m := map[string]string{}
	for _, vr := range strings.Fields("AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV") {
		m[vr] = vr
	}
	return m
}()

// vrOf is string(b) without an allocation for every element.
func vrOf(b []byte) string {
	if vr, ok := vrs[string(b)]; ok {
		return vr
	}
	return string(b)
}

func isVR(b []byte) bool {
	return b[0] >= 'A' && b[0] <= 'Z' && b[1] >= 'A' && b[1] <= 'Z'
}
