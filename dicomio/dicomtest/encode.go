package dicomtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/nodulescope/nodulescope/dicomio/codec"
)

// encodeFile writes a data set with preamble and file meta information (PS3.10
// section 7).
func encodeFile(set Elements, s Spec) ([]byte, error) {
	var d codec.Dataset
	for tag, e := range set {
		element, err := encodeElement(tag, e)
		if err != nil {
			return nil, fmt.Errorf("element %08x: %w", tag, err)
		}
		d = append(d, element)
	}
	if s.NoMeta {
		return codec.Append(nil, d, s.Syntax)
	}
	instance, _ := set[0x00080018].Value.(string)
	var f bytes.Buffer
	err := codec.Write(&f, d, codec.Meta{
		Class: s.SOPClass, Instance: instance, Syntax: s.Syntax, Implementation: "1.2.826.0.1.3680043.10.9",
	})
	return f.Bytes(), err
}

// encodeElement keeps a text as it is, whatever it holds: readers are tested
// with strange ones.
func encodeElement(tag uint32, e Element) (codec.Element, error) {
	out := codec.Element{Tag: tag, VR: e.VR}
	pad := byte(0)
	switch v := e.Value.(type) {
	case string:
		out.Value = []byte(v)
		if e.VR != "UI" {
			pad = ' '
		}
	case []uint16:
		for _, x := range v {
			out.Value = binary.LittleEndian.AppendUint16(out.Value, x)
		}
	case []byte:
		out.Value = slices.Clone(v)
	case [][]byte:
		out.Fragments = append([][]byte{}, v...) // none is a value, too
	default:
		return out, fmt.Errorf("no encoding for %T", e.Value)
	}
	if len(out.Value)%2 == 1 {
		out.Value = append(out.Value, pad)
	}
	return out, nil
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
