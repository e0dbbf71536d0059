package sr

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/nodulescope/nodulescope/dicomio"
)

// Limits of what is read.
const (
	maxReportBytes = 16 << 20 // a file, also inflated
	maxDepth       = 40       // nesting of sequences
	maxElements    = 1 << 18
)

const (
	undefined   = 0xFFFFFFFF
	tagItem     = 0xFFFEE000
	tagItemEnd  = 0xFFFEE00D
	tagSeqEnd   = 0xFFFEE0DD
	endOfSearch = 0x7FDFFFFF // all but pixel data
)

// sequences are those that are looked into. In implicit VR, and where a writer
// that did not know them called them UN, nothing else tells that they are some.
var sequences = map[uint32]bool{
	0x00081115: true, 0x00081199: true, 0x0040A043: true, 0x0040A168: true, 0x0040A300: true, 0x0040A375: true,
	0x0040A385: true, 0x0040A504: true, 0x0040A730: true, 0x004008EA: true,
}

var (
	errCut   = errors.New("the file ends inside an element")
	errBroke = errors.New("an element is malformed")
	errDeep  = errors.New("sequences are nested too deeply, or there are too many elements")
)

// file is what was read of one.
type file struct {
	dataset
	order   binary.ByteOrder
	charset []string
}

// parseFile reads the elements of a file up to a tag. It walks the bytes
// itself, since a parser that recurses as deep as a file says can be made to
// exhaust the stack, which nothing recovers from. Every length is checked
// against what is there before it is used.
func parseFile(op string, b []byte, last uint32) (*file, error) {
	f, err := parse(b, last)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, errCut):
		return nil, refuse(dicomio.CodeTruncated, op, "the file is cut short, or its header is longer than any that is read; fetch it again", err)
	case errors.Is(err, errDeep):
		return nil, refuse(dicomio.CodeLimit, op, "the file nests deeper or holds more elements than is read", err)
	}
	return nil, refuse(dicomio.CodeUnreadable, op, "the file is no DICOM file, or it is corrupt", err)
}

func parse(b []byte, last uint32) (*file, error) {
	const magic = 132
	if len(b) < magic || string(b[128:magic]) != "DICM" {
		return nil, errors.New("no DICOM preamble")
	}
	r := &reader{b: b[magic:], order: binary.LittleEndian, explicit: true}
	meta, at, err := r.meta()
	if err != nil {
		return nil, err
	}
	syntax := (&file{dataset: meta}).text(0x00020010)
	r = &reader{b: r.b[at:], order: binary.LittleEndian, explicit: true, count: r.count}
	switch syntax {
	case "1.2.840.10008.1.2":
		r.explicit = false
	case "1.2.840.10008.1.2.2":
		r.order = binary.BigEndian
	case "1.2.840.10008.1.2.1.99":
		inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(r.b)), maxReportBytes+1))
		if err != nil && (len(inflated) == 0 || last >= endOfSearch) {
			return nil, fmt.Errorf("deflated data set: %w", err)
		}
		if len(inflated) > maxReportBytes && last >= endOfSearch {
			return nil, errDeep
		}
		r.b = inflated
	}
	set, _, err := r.set(0, len(r.b), last, 0)
	if err != nil {
		return nil, err
	}
	f := &file{dataset: set, order: r.order}
	if names := f.text(0x00080005); names != "" {
		f.charset = strings.Split(names, `\`)
	}
	return f, nil
}

// reader walks data elements.
type reader struct {
	b        []byte
	order    binary.ByteOrder
	explicit bool
	count    int
}

// meta reads the file meta information (PS3.10 section 7.1): as long as its
// group length says, or up to another group. What follows is in another
// syntax, and perhaps deflated.
func (r *reader) meta() (d dataset, at int, err error) {
	end := len(r.b)
	for at+2 <= end && r.order.Uint16(r.b[at:]) == 0x0002 {
		e, value, length, err := r.head(at, end)
		if err != nil {
			return nil, 0, err
		}
		if at, err = r.value(&e, value, length, end, 0); err != nil {
			return nil, 0, err
		}
		if d = append(d, e); e.tag == 0x00020000 && len(e.value) == 4 {
			if n := int64(r.order.Uint32(e.value)); n <= int64(end-at) {
				end = at + int(n)
			}
		}
	}
	return d, at, nil
}

// set reads elements from off until end, the delimiter of an item, or the
// first tag above last; next is where it stopped.
func (r *reader) set(off, end int, last uint32, depth int) (d dataset, next int, err error) {
	if depth > maxDepth {
		return nil, 0, errDeep
	}
	for off < end {
		e, value, length, err := r.head(off, end)
		if err != nil {
			return nil, 0, err
		}
		if e.tag == tagItemEnd {
			return d, value, nil
		}
		if depth == 0 && e.tag > last {
			return d, off, nil
		}
		if e.tag>>16 == 0xFFFE {
			return nil, 0, errBroke
		}
		if off, err = r.value(&e, value, length, end, depth); err != nil {
			return nil, 0, err
		}
		d = append(d, e)
	}
	return d, off, nil
}

// head reads the tag, the representation and the length of an element.
func (r *reader) head(off, end int) (e element, value int, length uint32, err error) {
	if r.count++; r.count > maxElements {
		return e, 0, 0, errDeep
	}
	if end-off < 8 {
		return e, 0, 0, errCut
	}
	b := r.b[off:]
	e.tag = uint32(r.order.Uint16(b))<<16 | uint32(r.order.Uint16(b[2:]))
	if !r.explicit || e.tag>>16 == 0xFFFE {
		return e, off + 8, r.order.Uint32(b[4:]), nil
	}
	if b[4] < 'A' || b[4] > 'Z' || b[5] < 'A' || b[5] > 'Z' {
		return e, 0, 0, errBroke
	}
	e.vr = string(b[4:6])
	if !longForm(e.vr) {
		return e, off + 8, uint32(r.order.Uint16(b[6:])), nil
	}
	if end-off < 12 {
		return e, 0, 0, errCut
	}
	return e, off + 12, r.order.Uint32(b[8:]), nil
}

// value reads the value of an element, and returns where the next starts.
func (r *reader) value(e *element, off int, length uint32, end, depth int) (int, error) {
	if length != undefined {
		if int64(length) > int64(end-off) {
			return 0, errCut
		}
		stop := off + int(length)
		nested := e.vr == "SQ" || sequences[e.tag] && (e.vr == "" || e.vr == "UN")
		if !nested {
			e.value = r.b[off:stop]
			return stop, nil
		}
		_, err := r.items(e, off, stop, false, depth)
		return stop, err
	}
	return r.items(e, off, end, true, depth)
}

// items reads the items of a sequence; UN holds implicit little endian (PS3.5
// section 6.2.2).
func (r *reader) items(e *element, off, end int, delimited bool, depth int) (int, error) {
	if e.vr == "UN" {
		explicit, order := r.explicit, r.order
		r.explicit, r.order = false, binary.LittleEndian
		defer func() { r.explicit, r.order = explicit, order }()
	}
	e.vr = "SQ"
	for off < end {
		item, value, length, err := r.head(off, end)
		if err != nil {
			return 0, err
		}
		switch {
		case item.tag == tagSeqEnd && delimited:
			return value, nil
		case item.tag != tagItem:
			return 0, errBroke
		}
		stop := end
		if length != undefined {
			if int64(length) > int64(end-value) {
				return 0, errCut
			}
			stop = value + int(length)
		}
		set, next, err := r.set(value, stop, math.MaxUint32, depth+1)
		if err != nil {
			return 0, err
		}
		e.items = append(e.items, set)
		if off = next; length != undefined {
			off = stop
		}
	}
	if delimited {
		return 0, errCut
	}
	return off, nil
}

// find returns an element of a data set, or nil.
func (d dataset) find(tag uint32) *element {
	for i := range d {
		if d[i].tag == tag {
			return &d[i]
		}
	}
	return nil
}

// first returns the first item of a sequence, empty where there is none.
func (d dataset) first(tag uint32) dataset {
	if e := d.find(tag); e != nil && len(e.items) > 0 {
		return e.items[0]
	}
	return nil
}

// text returns a text of the file itself, in UTF-8 and trimmed.
func (f *file) text(tag uint32) string { return f.textOf(f.dataset, tag) }

// textOf returns a text of one of its items.
func (f *file) textOf(d dataset, tag uint32) string {
	e := d.find(tag)
	if e == nil {
		return ""
	}
	return strings.Trim(decodeText(f.charset, e.value), " \x00")
}

// numbersOf returns the values of an FL element, or the first of a DS one;
// what is not finite is left out with all that stands beside it.
func (f *file) numbersOf(d dataset, tag uint32) []float64 {
	e := d.find(tag)
	if e == nil {
		return nil
	}
	var out []float64
	if e.vr == "DS" || e.vr == "" && tag == 0x0040A30A {
		text, _, _ := strings.Cut(strings.Trim(string(e.value), " \x00"), `\`)
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err == nil {
			out = append(out, v)
		}
	} else {
		for at := 0; at+4 <= len(e.value); at += 4 {
			out = append(out, float64(math.Float32frombits(f.order.Uint32(e.value[at:]))))
		}
	}
	for _, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) > 1e9 {
			return nil
		}
	}
	return out
}

// longsOf returns the values of a UL element.
func (f *file) longsOf(d dataset, tag uint32) []uint32 {
	e := d.find(tag)
	if e == nil {
		return nil
	}
	var out []uint32
	for at := 0; at+4 <= len(e.value) && len(out) < maxDepth; at += 4 {
		out = append(out, f.order.Uint32(e.value[at:]))
	}
	return out
}
