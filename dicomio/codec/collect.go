package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// collector reads the values of the elements that are wanted.
type collector struct {
	walker
	wanted Wanted
	read   int64 // bytes of values so far
	values []byte
	pixels *place
}

// clone copies a value, small ones one behind the other.
func (c *collector) clone(b []byte) []byte {
	const room = 1 << 10
	if len(b) > room/4 {
		return bytes.Clone(b)
	}
	if cap(c.values)-len(c.values) < len(b) {
		c.values = make([]byte, 0, room)
	}
	start := len(c.values)
	c.values = append(c.values, b...)
	return c.values[start:len(c.values):len(c.values)]
}

// set reads the elements from off to end, to the delimiter of an item, or, in
// the data set itself (depth 0), to its pixels or the first tag above last. It
// returns what was read also where it fails.
func (c *collector) set(off, end int64, explicit bool, depth int) (d Dataset, next int64, err error) {
	if depth > maxDepth {
		return nil, 0, errDeep()
	}
	if depth == 0 {
		d = make(Dataset, 0, min(len(c.wanted.Elements), 64))
	}
	for off < end {
		e, err := c.next(off, explicit)
		switch {
		case depth == 0 && errors.Is(err, errEnd):
			return d, off, nil
		case err != nil:
			return d, 0, cut(err)
		case depth == 0 && e.tag == tagPixelData && c.wanted.Last >= tagPixelData:
			found := e // a copy: e itself stays on the stack, element by element
			c.pixels = &found
			return d, off, nil
		case depth == 0 && e.tag > c.wanted.Last:
			return d, off, nil
		case e.tag == tagItemEnd:
			return d, e.value, nil
		case e.tag>>16 == 0xFFFE:
			return d, 0, refuse(CodeUnreadable, "an item is outside any sequence; the file is corrupt", nil)
		}
		vr, wanted := c.wanted.Elements[e.tag]
		if wanted {
			d, off, err = c.element(d, e, vr, end, explicit, depth)
		} else {
			off, err = c.skip(e, explicit, depth)
		}
		if err != nil {
			return d, 0, err
		}
		if off > end {
			return d, 0, errOver()
		}
	}
	return d, off, nil
}

// element adds one element; vr is what it is where the file does not tell.
func (c *collector) element(d Dataset, e place, vr string, end int64, explicit bool, depth int) (Dataset, int64, error) {
	told := e.vr != "" && e.vr != "UN"
	if vr == "SQ" && (!told || e.vr == "SQ") {
		items, starts, next, err := c.items(e, end, explicit, depth)
		return append(d, Element{Tag: e.tag, VR: "SQ", Items: items, Starts: starts}), next, err
	}
	if int64(e.length) > max(c.wanted.MaxValue, c.wanted.Longer[e.tag]) || c.read > c.wanted.MaxTotal {
		return d, 0, refuse(CodeUnreadable, "a header value is longer than any image needs", nil)
	}
	next := e.value + int64(e.length)
	if e.length > windowBytes { // is it there, before room is made for it?
		if _, err := c.bytes(next-1, 1); err != nil {
			return d, 0, cut(err)
		}
	}
	b, err := c.bytes(e.value, int(e.length))
	if err != nil {
		return d, 0, cut(err)
	}
	if told {
		if longForm(e.vr) && !longForm(vr) {
			return d, next, nil // nothing that is asked for
		}
		vr = e.vr
	}
	c.read += int64(len(b))
	if seal := c.wanted.Sealed[e.tag]; seal != nil {
		b = seal(b)
	}
	b = c.clone(b)
	if c.order == binary.ByteOrder(binary.BigEndian) {
		b = swapped(vr, b)
	}
	if first := d.Find(e.tag); first != nil {
		if !bytes.Equal(first.Value, b) {
			return d, 0, errTwice()
		}
		return d, next, nil
	}
	return append(d, Element{Tag: e.tag, VR: vr, Value: b}), next, nil
}

// errTwice: programs that take the first of two values and those that take the last
// would see different images.
func errTwice() error {
	return refuse(CodeUnreadable, "an element comes twice, with different values (PS3.5 section 7.1 has each once); the file is corrupt", nil)
}

// items reads the items of a sequence, and where each begins.
func (c *collector) items(e place, end int64, explicit bool, depth int) (items []Dataset, starts []int64, next int64, err error) {
	explicit, back := c.inside(e, explicit)
	defer back()
	delimited := e.length == undefinedLength
	if !delimited {
		if end = e.value + int64(e.length); end > c.src.Size() {
			return nil, nil, 0, errCut
		}
	}
	for off := e.value; off < end; {
		item, err := c.next(off, explicit)
		switch {
		case err != nil:
			return items, starts, 0, cut(err)
		case delimited && item.tag == tagSeqEnd:
			return items, starts, item.value, nil
		case item.tag != tagItem:
			return items, starts, 0, errNoItem()
		}
		stop := end
		if item.length != undefinedLength {
			if stop = item.value + int64(item.length); stop > c.src.Size() {
				return items, starts, 0, errCut
			} else if stop > end {
				return items, starts, 0, errOver()
			}
		}
		d, next, err := c.set(item.value, stop, explicit, depth+1)
		if err != nil {
			return items, starts, 0, err
		}
		items, starts = append(items, d), append(starts, off)
		if off = next; item.length != undefinedLength {
			off = stop
		}
	}
	if delimited {
		return items, starts, 0, errCut
	}
	return items, starts, end, nil
}

// all is an end that nothing reaches.
const all = math.MaxInt64
