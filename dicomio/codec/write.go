package codec

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// Meta is the file meta information (PS3.10 section 7.1) of a file that is
// written. What is empty is left out, but for the syntax.
type Meta struct {
	Class, Instance string // SOP class and instance
	Syntax          string // transfer syntax; default explicit VR little endian
	Implementation  string // UID of the program
	Version         string // its name
}

// Write writes a file with preamble and meta information. Lengths are defined
// throughout, which every reader takes, but for encapsulated pixels. Implicit
// VR, big endian and deflated are written where the syntax says so; pixels of
// any other are written as they are given.
func Write(w io.Writer, d Dataset, m Meta) error {
	if m.Syntax == "" {
		m.Syntax = ExplicitLittle
	}
	body, err := Append(nil, d, m.Syntax)
	if err != nil {
		return err
	}
	if m.Syntax == Deflated {
		if body, err = deflated(body); err != nil {
			return err
		}
	}
	var meta Dataset
	meta.AddBytes(0x00020001, "OB", []byte{0, 1})
	meta.AddAnyText(0x00020002, "UI", m.Class)
	meta.AddAnyText(0x00020003, "UI", m.Instance)
	meta.AddText(0x00020010, "UI", m.Syntax)
	meta.AddAnyText(0x00020012, "UI", m.Implementation)
	meta.AddAnyText(0x00020013, "SH", m.Version)
	b, err := Append(nil, meta, ExplicitLittle)
	if err != nil {
		return err
	}
	head := append(make([]byte, 128, 160+len(b)), "DICM\x02\x00\x00\x00UL\x04\x00"...)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(b)))
	for _, part := range [][]byte{append(head, b...), body} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func deflated(body []byte) ([]byte, error) {
	var z bytes.Buffer
	w, err := flate.NewWriter(&z, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if z.Len()%2 == 1 {
		z.WriteByte(0)
	}
	return z.Bytes(), nil
}

// Append writes the elements of a data set, in the order of their tags, as a
// transfer syntax has them. An element that is there twice, or longer than its
// representation can hold, is an error.
func Append(b []byte, d Dataset, transferSyntax string) ([]byte, error) {
	enc := encoder{order: binary.LittleEndian, explicit: transferSyntax != ImplicitLittle}
	if enc.big = transferSyntax == BigEndian; enc.big {
		enc.order = binary.BigEndian
	}
	return enc.dataset(b, d)
}

type encoder struct {
	order    byteOrder
	big      bool
	explicit bool
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (enc *encoder) tag(b []byte, tag uint32) []byte {
	return enc.order.AppendUint16(enc.order.AppendUint16(b, uint16(tag>>16)), uint16(tag))
}

func (enc *encoder) dataset(b []byte, d Dataset) ([]byte, error) {
	d = slices.Clone(d)
	slices.SortStableFunc(d, func(a, b Element) int { return int(int64(a.Tag) - int64(b.Tag)) })
	for i, e := range d {
		if i > 0 && d[i-1].Tag == e.Tag {
			return nil, fmt.Errorf("element %08x is there twice", e.Tag)
		}
		var err error
		if b, err = enc.element(b, e); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (enc *encoder) element(b []byte, e Element) ([]byte, error) {
	if enc.big {
		e.Value = swapped(e.VR, e.Value)
	}
	b = enc.tag(b, e.Tag)
	if enc.explicit {
		b = append(b, e.VR...)
		if !longForm(e.VR) {
			if len(e.Value) > math.MaxUint16 {
				return nil, fmt.Errorf("the value of element %08x has %d bytes, more than its representation can hold", e.Tag, len(e.Value))
			}
			b = enc.order.AppendUint16(b, uint16(len(e.Value)))
			return append(b, e.Value...), nil
		}
		b = append(b, 0, 0)
	}
	b = enc.order.AppendUint32(b, undefinedLength)
	start := len(b)
	if e.Fragments != nil {
		return appendFragments(b, e.Fragments), nil
	}
	b = append(b, e.Value...)
	for _, item := range e.Items {
		b = enc.order.AppendUint32(enc.tag(b, tagItem), 0)
		from := len(b)
		var err error
		if b, err = enc.dataset(b, item); err != nil {
			return nil, err
		}
		enc.order.PutUint32(b[from-4:], uint32(len(b)-from))
	}
	if int64(len(b)-start) > math.MaxUint32-1 {
		return nil, fmt.Errorf("the value of element %08x is too long", e.Tag)
	}
	enc.order.PutUint32(b[start-4:], uint32(len(b)-start))
	return b, nil
}

// appendFragments writes encapsulated pixels behind an empty offset table
// (PS3.5 A.4), always in little endian.
func appendFragments(b []byte, fragments [][]byte) []byte {
	little := encoder{order: binary.LittleEndian}
	item := func(tag uint32, v []byte) {
		b = little.order.AppendUint32(little.tag(b, tag), uint32(len(v)+len(v)%2))
		b = append(append(b, v...), make([]byte, len(v)%2)...)
	}
	item(tagItem, nil)
	for _, f := range fragments {
		item(tagItem, f)
	}
	item(tagSeqEnd, nil)
	return b
}
