package dicomtest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// encodeFile writes a data set with preamble and file meta information (PS3.10
// section 7).
func encodeFile(set Elements, s Spec) ([]byte, error) {
	var body bytes.Buffer
	order := byteOrder(binary.LittleEndian)
	if s.Syntax == BigEndian {
		order = binary.BigEndian
	}
	if err := writeElements(&body, set, order, s.Syntax != Implicit); err != nil {
		return nil, err
	}
	if s.NoMeta {
		return body.Bytes(), nil
	}
	if s.Syntax == Deflated {
		var z bytes.Buffer
		w, err := flate.NewWriter(&z, flate.DefaultCompression)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(body.Bytes()); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		if z.Len()%2 == 1 {
			z.WriteByte(0)
		}
		body = z
	}
	meta := Elements{
		0x00020001: {"OB", []byte{0, 1}},
		0x00020002: {"UI", s.SOPClass},
		0x00020003: set[0x00080018],
		0x00020010: {"UI", s.Syntax},
		0x00020012: {"UI", "1.2.826.0.1.3680043.10.9"},
	}
	if meta[0x00020003].Value == nil {
		delete(meta, 0x00020003)
	}
	var m bytes.Buffer
	if err := writeElements(&m, meta, binary.LittleEndian, true); err != nil {
		return nil, err
	}
	var f bytes.Buffer
	f.Write(make([]byte, 128))
	f.WriteString("DICM\x02\x00\x00\x00UL\x04\x00")
	_ = binary.Write(&f, binary.LittleEndian, uint32(m.Len()))
	f.Write(m.Bytes())
	f.Write(body.Bytes())
	return f.Bytes(), nil
}

func writeElements(w *bytes.Buffer, set Elements, order byteOrder, explicit bool) error {
	for _, tag := range slices.Sorted(maps.Keys(set)) {
		e := set[tag]
		value, undefined, err := encodeValue(e, order)
		if err != nil {
			return fmt.Errorf("element %08x: %w", tag, err)
		}
		length := uint32(len(value))
		if undefined {
			length = 0xFFFFFFFF
		}
		head := make([]byte, 8, 12)
		order.PutUint16(head, uint16(tag>>16))
		order.PutUint16(head[2:], uint16(tag))
		switch {
		case !explicit:
			order.PutUint32(head[4:], length)
		case e.VR == "OB" || e.VR == "OW" || e.VR == "UN" || e.VR == "SQ":
			copy(head[4:], e.VR)
			head = order.AppendUint32(head, length)
		default:
			copy(head[4:], e.VR)
			order.PutUint16(head[6:], uint16(length))
		}
		w.Write(head)
		w.Write(value)
	}
	return nil
}

func encodeValue(e Element, order byteOrder) (b []byte, undefined bool, err error) {
	switch v := e.Value.(type) {
	case string:
		b = []byte(v)
		if len(b)%2 == 1 {
			pad := byte(' ')
			if e.VR == "UI" {
				pad = 0
			}
			b = append(b, pad)
		}
	case []uint16:
		for _, x := range v {
			b = order.AppendUint16(b, x)
		}
	case []byte:
		b = append(b, v...)
		if len(b)%2 == 1 {
			b = append(b, 0)
		}
	case [][]byte:
		return encapsulate(v), true, nil
	default:
		return nil, false, fmt.Errorf("no encoding for %T", e.Value)
	}
	return b, false, nil
}

// encapsulate writes fragments behind an empty offset table (PS3.5 A.4).
func encapsulate(fragments [][]byte) []byte {
	var b []byte
	item := func(element uint16, v []byte) {
		b = binary.LittleEndian.AppendUint16(b, 0xFFFE)
		b = binary.LittleEndian.AppendUint16(b, element)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(v)+len(v)%2))
		b = append(b, v...)
		b = append(b, make([]byte, len(v)%2)...)
	}
	item(0xE000, nil)
	for _, f := range fragments {
		item(0xE000, f)
	}
	item(0xE0DD, nil)
	return b
}

// packFrame encodes little-endian pixels as a DICOM RLE frame (PS3.5 annex G):
// one segment a byte, the most significant first.
func packFrame(raw []byte, width int) []byte {
	frame := make([]byte, 64)
	binary.LittleEndian.PutUint32(frame, uint32(width))
	for i := range width {
		binary.LittleEndian.PutUint32(frame[4+4*i:], uint32(len(frame)))
		plane := make([]byte, 0, len(raw)/width)
		for at := width - 1 - i; at < len(raw); at += width {
			plane = append(plane, raw[at])
		}
		frame = append(frame, packBits(plane)...)
		if len(frame)%2 == 1 {
			frame = append(frame, 0)
		}
	}
	return frame
}

// packBits writes runs of three or more as replicates, the rest literally.
func packBits(b []byte) []byte {
	run := func(i int) int {
		n := 1
		for n < 128 && i+n < len(b) && b[i+n] == b[i] {
			n++
		}
		return n
	}
	var out []byte
	for i := 0; i < len(b); {
		if n := run(i); n > 2 {
			out = append(out, byte(1-n), b[i])
			i += n
			continue
		}
		start := i
		for i < len(b) && i-start < 128 && run(i) < 3 {
			i++
		}
		out = append(out, byte(i-start-1))
		out = append(out, b[start:i]...)
	}
	return out
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}
