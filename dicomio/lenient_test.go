package dicomio

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// Elements as bytes: implicit has no value representation.
func implicit(group, element uint16, value string) string {
	b := binary.LittleEndian.AppendUint16(nil, group)
	b = binary.LittleEndian.AppendUint16(b, element)
	return string(binary.LittleEndian.AppendUint32(b, uint32(len(value)))) + value
}

func explicit(group, element uint16, vr, value string) string {
	b := binary.LittleEndian.AppendUint16(nil, group)
	b = append(binary.LittleEndian.AppendUint16(b, element), vr...)
	return string(binary.LittleEndian.AppendUint16(b, uint16(len(value)))) + value
}

// item is one of undefined length, sequence what is around it behind a header.
func item(content string) string {
	return "\xfe\xff\x00\xe0\xff\xff\xff\xff" + content + "\xfe\xff\x0d\xe0\x00\x00\x00\x00"
}

const sequenceEnd = "\xfe\xff\xdd\xe0\x00\x00\x00\x00"

// insert puts bytes before the first element of a tag, which is written as
// little endian bytes.
func insert(t *testing.T, file []byte, tag, what string) []byte {
	at := bytes.Index(file, []byte(tag))
	if at < 0 {
		t.Fatalf("no element %q", tag)
	}
	return slices.Insert(slices.Clone(file), at, []byte(what)...)
}

// withoutVR takes the representation of a short explicit element away.
func withoutVR(t *testing.T, file []byte, tag string) []byte {
	at := bytes.Index(file, []byte(tag)) + 4
	if at < 4 {
		t.Fatalf("no element %q", tag)
	}
	file = slices.Clone(file)
	n := binary.LittleEndian.Uint16(file[at+2:])
	binary.LittleEndian.PutUint32(file[at:], uint32(n))
	return file
}

// TestStrangeAndValid: files that break a rule of PS3.5 or PS3.10 and that other
// readers read. They give the pixels of the plain file.
func TestStrangeAndValid(t *testing.T) {
	spec := dicomtest.Spec{Rows: 16, Cols: 16}
	plain, err := dicomtest.Encode(spec, 2)
	if err != nil {
		t.Fatal(err)
	}
	spec.Syntax = dicomtest.Implicit
	implicitFile, err := dicomtest.Encode(spec, 2)
	if err != nil {
		t.Fatal(err)
	}
	want, ok := pixelsOf(plain)
	if !ok {
		t.Fatal("the plain file is not read")
	}
	pixelAt := bytes.LastIndex(plain, []byte("\xe0\x7f\x10\x00OW"))
	longer := func(n int) []byte {
		b := slices.Concat(plain, make([]byte, n))
		binary.LittleEndian.PutUint32(b[pixelAt+8:], uint32(len(want)+n))
		return b
	}
	reference := implicit(8, 0x1150, "1.2.840.10008.5.1.4.1.1.2\x00") + implicit(8, 0x1155, "1.2.3.4\x00")
	metaEnd := func(file []byte) int {
		return 144 + int(binary.LittleEndian.Uint32(file[140:]))
	}
	meta := func(uid string) string {
		m := implicit(2, 1, "\x00\x01") + implicit(2, 2, "1.2.840.10008.5.1.4.1.1.2\x00") + implicit(2, 3, "1.2.3.40") + implicit(2, 0x10, uid)
		return string(make([]byte, 128)) + "DICM" + implicit(2, 0, string(binary.LittleEndian.AppendUint32(nil, uint32(len(m))))) + m
	}
	const study, rows = "\x08\x00\x50\x00SH", "\x28\x00\x10\x00US"
	for name, file := range map[string][]byte{
		"2 bytes behind the pixels":   longer(2),
		"3 bytes":                     longer(3),
		"100 bytes":                   longer(100),
		"an item of implicit VR":      insert(t, plain, study, "\x08\x00\x40\x00SQ\x00\x00\xff\xff\xff\xff"+item(reference)+sequenceEnd),
		"two of them":                 insert(t, plain, study, "\x08\x00\x40\x00SQ\x00\x00\xff\xff\xff\xff"+item(reference)+item(reference)+sequenceEnd),
		"an item within it":           insert(t, plain, study, "\x08\x00\x40\x00SQ\x00\x00\xff\xff\xff\xff"+item(reference+"\x08\x00\x40\x11\xff\xff\xff\xff"+item(reference)+sequenceEnd)+sequenceEnd),
		"a sequence of implicit VR":   insert(t, plain, study, "\x08\x00\x40\x00\xff\xff\xff\xff"+item(reference)+sequenceEnd),
		"an element of implicit VR":   insert(t, plain, study, implicit(8, 0x49, "some text ")),
		"Rows of implicit VR":         withoutVR(t, plain, rows),
		"several of implicit VR":      withoutVR(t, withoutVR(t, plain, "\x28\x00\x02\x00US"), "\x28\x00\x03\x01US"),
		"UN, implicit within":         insert(t, plain, study, "\x08\x00\x40\x00UN\x00\x00\xff\xff\xff\xff"+item(reference)+sequenceEnd),
		"UN, explicit within":         insert(t, plain, study, "\x08\x00\x40\x00UN\x00\x00\xff\xff\xff\xff"+item(explicit(8, 0x1155, "UI", "1.2.3.4\x00"))+sequenceEnd),
		"pixels of implicit VR":       slices.Concat(plain[:pixelAt], []byte(implicit(0x7FE0, 0x10, string(want)))),
		"meta of implicit VR":         append([]byte(meta("1.2.840.10008.1.2.1\x00")), plain[metaEnd(plain):]...),
		"all of implicit VR":          append([]byte(meta("1.2.840.10008.1.2\x00")), implicitFile[metaEnd(implicitFile):]...),
		"implicit under another name": append([]byte(meta("1.2.840.10008.1.2.1\x00")), implicitFile[metaEnd(implicitFile):]...),
	} {
		checkFile(t, file)
		h, err := readHeader(memory{bytes.NewReader(file)}, 1<<20)
		if err != nil || h.format.Rows != 16 || h.position[2] != 5 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, ok := pixelsOf(file); !ok || !bytes.Equal(got, want) {
			t.Errorf("%s: other pixels", name)
		}
	}
	for name, c := range map[string]struct {
		file []byte
		want Code
	}{
		"a row too many":       {longer(32), CodeSizeMismatch},
		"an image too many":    {longer(len(want)), CodeSizeMismatch},
		"another one and more": {longer(len(want) + 2), CodeSizeMismatch},
		"a length of letters":  {insert(t, plain, study, "\x08\x00\x40\x00\x01\x02\x03\x04"), CodeUnreadable},
		"an item too long":     {insert(t, plain, "\x10\x00\x10\x00PN", "\x08\x00\x40\x11SQ\x00\x00\x10\x00\x00\x00\xfe\xff\x00\xe0\x20\x00\x00\x00"+explicit(8, 0x1155, "UI", "1.2.3.4\x00")), CodeUnreadable},
	} {
		if _, err := readHeader(memory{bytes.NewReader(c.file)}, 1<<20); CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %q", name, err, c.want)
		}
	}
}
