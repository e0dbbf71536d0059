package dicomio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// wanted are the elements that a CT volume needs. No other value is read: a
// patient's data never enters memory.
var wanted = map[uint32]bool{
	0x00080008: true, 0x00080016: true, 0x00080018: true, 0x00080060: true, 0x00080070: true,
	0x0020000D: true, 0x0020000E: true, 0x00200012: true, 0x00200032: true, 0x00200037: true, 0x00200052: true,
	0x00280002: true, 0x00280004: true, 0x00280008: true, 0x00280010: true, 0x00280011: true, 0x00280030: true,
	0x00280100: true, 0x00280101: true, 0x00280102: true, 0x00280103: true, 0x00280120: true, 0x00280121: true,
	0x00281052: true, 0x00281053: true, 0x00281054: true,
}

var errNotDICOM = errors.New("not a DICOM file")

// parsed is the part of a file that was needed.
type parsed struct {
	dicom.Dataset
	syntax     syntax
	mediaClass string // MediaStorageSOPClassUID of the file meta information
	pixels     element
	hasPixels  bool
	pixelsAt   source // what pixels.value points into
	start      int64  // where the data set starts in the file, behind the meta information
}

// parseHeader reads a file up to its pixel data. It returns errNotDICOM for
// what is no DICOM file at all, and an *Error otherwise; what was read until
// then comes back too.
func parseHeader(src source, inflateLimit int64) (p parsed, err error) {
	defer func() {
		// The parser panics on some malformed values.
		if r := recover(); r != nil {
			err = refuse(CodeUnreadable, "the header is corrupt", fmt.Errorf("parser panicked: %v", r))
		}
	}()
	s := &scanner{src: src, order: binary.LittleEndian}
	magic := true
	off := int64(132)
	if b, e := s.bytes(0, 132); e != nil || string(b[128:]) != "DICM" {
		off, magic = 0, false
	}
	uid, off, err := p.meta(s, off)
	if err == nil {
		err = p.chooseSyntax(s, uid, off)
	}
	if err == nil {
		p.start = off
		if p.syntax.deflated {
			p.pixelsAt = newInflated(io.NewSectionReader(src, off, src.Size()-off), inflateLimit)
			s, off = &scanner{src: p.pixelsAt}, 0
		} else {
			p.pixelsAt = src
		}
		s.order = p.syntax.order
		err = p.collect(s, off)
	}
	if err == nil {
		return p, nil
	}
	switch {
	case !magic && (errors.Is(err, errNotDICOM) || !p.has(0x00080016)):
		return p, errNotDICOM
	case errors.Is(err, errCut) || errors.Is(err, errEnd):
		return p, refuse(CodeTruncated, "the file is cut short; fetch it again", err)
	}
	if errors.Is(err, errNotDICOM) {
		err = nil // it says that it is one
	}
	return p, asError(err, CodeUnreadable, "the header is corrupt")
}

// meta walks the file meta information (PS3.10 section 7.1), which is explicit
// little endian and may be missing, and returns the transfer syntax it names.
func (p *parsed) meta(s *scanner, off int64) (uid string, next int64, err error) {
	for {
		b, err := s.bytes(off, 6)
		if err != nil {
			return "", 0, err
		}
		if binary.LittleEndian.Uint16(b) != 0x0002 || !isVR(b[4:6]) {
			return uid, off, nil
		}
		e, err := s.next(off, true)
		if err != nil {
			return "", 0, err
		}
		if e.tag == 0x00020010 || e.tag == 0x00020002 {
			if e.length > 64 {
				return "", 0, refuse(CodeUnreadable, "the file meta information is corrupt", nil)
			}
			b, err := s.bytes(e.value, int(e.length))
			if err != nil {
				return "", 0, cut(err)
			}
			text := strings.Trim(string(b), " \x00")
			if e.tag == 0x00020010 {
				uid = text
			} else {
				p.mediaClass = text
			}
		}
		if off, err = s.skip(e, true, 0); err != nil {
			return "", 0, err
		}
	}
}

// chooseSyntax takes the syntax that was named, or guesses it from the first
// element where none was; a wrong statement about explicit VR is corrected.
func (p *parsed) chooseSyntax(s *scanner, uid string, off int64) error {
	if uid == uidDeflated {
		p.syntax = syntaxOf(uid)
		return nil
	}
	b, err := s.bytes(off, 8)
	if err != nil {
		return err
	}
	explicit := isVR(b[4:6])
	if uid != "" {
		p.syntax = syntaxOf(uid)
		p.syntax.explicit = explicit
		return nil
	}
	switch {
	case binary.LittleEndian.Uint16(b) == 0x0008 && explicit:
		p.syntax = syntaxOf(uidExplicit)
	case binary.LittleEndian.Uint16(b) == 0x0008:
		p.syntax = syntaxOf(uidImplicit)
	case binary.BigEndian.Uint16(b) == 0x0008 && explicit:
		p.syntax = syntaxOf(uidBigEndian)
	default:
		return errNotDICOM
	}
	return nil
}

// collect walks the data set to its pixel data and hands the wanted elements,
// and only these, to the parser.
func (p *parsed) collect(s *scanner, off int64) error {
	var kept bytes.Buffer
	var walk error
	for {
		e, err := s.next(off, p.syntax.explicit)
		if errors.Is(err, errEnd) || err == nil && e.tag > tagPixelData {
			break
		}
		if err != nil {
			walk = err
			break
		}
		if e.tag == tagPixelData {
			p.pixels, p.hasPixels = e, true
			break
		}
		if wanted[e.tag] {
			if err := p.keep(s, e, &kept); err != nil {
				walk = err
				break
			}
		}
		if off, err = s.skip(e, p.syntax.explicit, 0); err != nil {
			walk = err
			break
		}
	}
	if err := p.decode(kept.Bytes()); err != nil {
		return refuse(CodeUnreadable, "the header is corrupt", err)
	}
	return walk
}

// keep copies one element in the data set's own encoding.
func (p *parsed) keep(s *scanner, e element, out *bytes.Buffer) error {
	if e.length > maxWanted || out.Len() > 16*maxWanted {
		return refuse(CodeUnreadable, "a header value is longer than any image needs", nil)
	}
	b, err := s.bytes(e.value, int(e.length))
	if err != nil {
		return cut(err)
	}
	head := make([]byte, 8)
	p.syntax.order.PutUint16(head, uint16(e.tag>>16))
	p.syntax.order.PutUint16(head[2:], uint16(e.tag))
	if !p.syntax.explicit {
		p.syntax.order.PutUint32(head[4:], e.length)
	} else {
		vr := e.vr
		if vr == "UN" {
			// A writer that did not know the element: its dictionary VR is meant.
			if info, err := tag.Find(tagOf(e.tag)); err == nil {
				vr = info.VRs[0]
			}
		}
		if longForm(vr) {
			return nil
		}
		copy(head[4:], vr)
		p.syntax.order.PutUint16(head[6:], uint16(e.length))
	}
	out.Write(head)
	out.Write(b)
	return nil
}

// decode parses the kept elements as a file of their own.
func (p *parsed) decode(elements []byte) error {
	uid := uidImplicit
	switch {
	case p.syntax.order == binary.ByteOrder(binary.BigEndian):
		uid = uidBigEndian
	case p.syntax.explicit:
		uid = uidExplicit
	}
	if len(uid)%2 == 1 {
		uid += "\x00"
	}
	var f bytes.Buffer
	f.Write(make([]byte, 128))
	f.WriteString("DICM\x02\x00\x00\x00UL\x04\x00")
	_ = binary.Write(&f, binary.LittleEndian, uint32(8+len(uid)))
	f.WriteString("\x02\x00\x10\x00UI")
	_ = binary.Write(&f, binary.LittleEndian, uint16(len(uid)))
	f.WriteString(uid)
	f.Write(elements)
	var err error
	p.Dataset, err = dicom.Parse(&f, int64(f.Len()), nil, dicom.SkipPixelData())
	return err
}

func tagOf(t uint32) tag.Tag {
	return tag.Tag{Group: uint16(t >> 16), Element: uint16(t)}
}
