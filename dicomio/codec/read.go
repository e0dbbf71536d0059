package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Wanted says what of a file is read. No other value enters memory.
type Wanted struct {
	// Elements maps the tags that are read, also within sequences, to the value
	// representation that they have where a file does not tell: in implicit VR,
	// and where a writer that did not know an element called it UN. A sequence
	// is looked into where its tag is among them as SQ.
	Elements map[uint32]string

	// Sealed are elements of text that do not enter memory: what the function makes of
	// the value does. They must be among Elements.
	Sealed map[uint32]func(value []byte) []byte
	Last   uint32 // the data set is read up to this tag, and never beyond its pixels

	MaxValue    int64            // bytes of one value
	Longer      map[uint32]int64 // of elements that may be longer than MaxValue
	MaxTotal    int64            // bytes of all values, beyond which no more is begun
	MaxInflated int64            // bytes that a deflated data set may inflate to
	MaxElements int              // elements walked, wanted or not
}

// File is what was read of a file.
type File struct {
	Dataset
	Syntax     Syntax
	MediaClass string // MediaStorageSOPClassUID of the file meta information
	Pixels     Pixels

	start int64  // of the data set in the file, behind the meta information
	data  Source // what offsets point into: the file, or what it inflates to
}

// Pixels is where the pixel data of a file lie.
type Pixels struct {
	Found        bool
	Encapsulated bool  // as fragments, see PS3.5 A.4
	Length       int64 // where they are not encapsulated
	Whole        bool  // they end within the file

	syntax   Syntax
	offset   int64
	parted   bool  // they are one frame of several; its fragments
	until    int64 // end here
	start    int64 // of a deflated data set
	inflated int64 // bytes that it may inflate to
}

// windows are kept from one file to the next: nothing of a window outlives Read.
var windows = sync.Pool{New: func() any { return new([windowBytes]byte) }}

// Read reads the elements that are wanted from a file, with preamble and meta
// information or without. A missing transfer syntax is guessed from the first
// element, and a wrong statement about explicit VR is corrected.
//
// Its error is [ErrNotDICOM] for what is no DICOM file at all, and a
// *coded.Error otherwise: CodeTruncated, CodeLimit, or CodeUnreadable. What was
// read until then comes back too.
func Read(src Source, want Wanted) (f *File, err error) {
	f = &File{}
	defer func() {
		if r := recover(); r != nil { // nothing is known that does it
			err = refuse(CodeUnreadable, "the header is corrupt", fmt.Errorf("parser panicked: %v", r))
		}
	}()
	window := windows.Get().(*[windowBytes]byte)
	defer windows.Put(window)
	c := &collector{walker: walker{src: src, order: binary.LittleEndian, limit: want.MaxElements, window: window[:0]}, wanted: want}
	off, magic := int64(132), true
	if b, e := c.bytes(0, 132); e != nil || string(b[128:]) != "DICM" {
		off, magic = 0, false
	}
	err = f.read(c, off)
	switch {
	case err == nil:
		return f, nil
	case !magic && (errors.Is(err, ErrNotDICOM) || f.Find(0x00080016) == nil):
		return f, ErrNotDICOM
	case errors.Is(err, errCut) || errors.Is(err, errEnd):
		return f, refuse(CodeTruncated, "the file is cut short; fetch it again", err)
	case errors.Is(err, ErrNotDICOM):
		err = nil // it says that it is one
	}
	var e *coded.Error
	if errors.As(err, &e) {
		return f, e
	}
	return f, refuse(CodeUnreadable, "the header is corrupt", err)
}

func (f *File) read(c *collector, off int64) error {
	src := c.src
	uid, off, err := f.meta(&c.walker, off)
	if err == nil {
		err = f.chooseSyntax(&c.walker, uid, off)
	}
	if err != nil {
		return err
	}
	f.start, f.data = off, src
	if f.Syntax.UID == Deflated {
		f.data = newInflated(io.NewSectionReader(src, off, src.Size()-off), c.wanted.MaxInflated)
		c.walker, off = walker{src: f.data, limit: c.limit}, 0
	}
	c.order = f.Syntax.order()
	f.Dataset, _, err = c.set(off, all, f.Syntax.explicit, 0)
	if p := c.pixels; p != nil {
		// What follows pixels that are deflated is not looked at: they would be inflated.
		if next := p.value + int64(p.length); err == nil && p.length != undefinedLength && f.Syntax.UID != Deflated && next+8 <= f.data.Size() {
			if e, bad := c.next(next, f.Syntax.explicit); bad == nil && e.tag == tagPixelData {
				return errTwice()
			}
		}
		f.Pixels = Pixels{
			Found: true, Encapsulated: p.length == undefinedLength, Length: int64(p.length),
			syntax: f.Syntax, offset: p.value, start: f.start, inflated: c.wanted.MaxInflated,
		}
		f.Pixels.Whole = f.Pixels.Encapsulated || p.value+int64(p.length) <= f.data.Size()
	}
	for _, e := range f.Dataset {
		if e.numeric() && len(e.Value)%width(e.VR) != 0 {
			return refuse(CodeUnreadable, "the header is corrupt", nil)
		}
	}
	return err
}

// meta walks the file meta information (PS3.10 section 7.1), which is explicit
// little endian, though some write it in implicit VR, and may be missing, and
// returns the transfer syntax it names.
func (f *File) meta(w *walker, off int64) (uid string, next int64, err error) {
	for {
		b, err := w.bytes(off, 6)
		if err != nil {
			return "", 0, err
		}
		if binary.LittleEndian.Uint16(b) != 0x0002 {
			return uid, off, nil
		}
		e, err := w.next(off, true)
		if err != nil {
			return "", 0, err
		}
		if e.tag == 0x00020010 || e.tag == 0x00020002 {
			if e.length > 64 {
				return "", 0, refuse(CodeUnreadable, "the file meta information is corrupt", nil)
			}
			b, err := w.bytes(e.value, int(e.length))
			if err != nil {
				return "", 0, cut(err)
			}
			text := strings.Trim(string(b), " \x00")
			if e.tag == 0x00020010 {
				uid = text
			} else {
				f.MediaClass = text
			}
		}
		if off, err = w.skip(e, true, 0); err != nil {
			return "", 0, err
		}
	}
}

// chooseSyntax takes the syntax that was named, or guesses it from the first
// element where none was; a wrong statement about explicit VR is corrected.
func (f *File) chooseSyntax(w *walker, uid string, off int64) error {
	if uid == Deflated {
		f.Syntax = SyntaxOf(uid)
		return nil
	}
	b, err := w.bytes(off, 8)
	if err != nil {
		return err
	}
	explicit := isVR(b[4:6])
	if uid != "" {
		f.Syntax = SyntaxOf(uid)
		f.Syntax.explicit = explicit
		return nil
	}
	switch {
	case binary.LittleEndian.Uint16(b) == 0x0008 && explicit:
		f.Syntax = SyntaxOf(ExplicitLittle)
	case binary.LittleEndian.Uint16(b) == 0x0008:
		f.Syntax = SyntaxOf(ImplicitLittle)
	case binary.BigEndian.Uint16(b) == 0x0008 && explicit:
		f.Syntax = SyntaxOf(BigEndian)
	default:
		return ErrNotDICOM
	}
	return nil
}
