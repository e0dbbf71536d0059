package codec

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// maxFragments bounds what is remembered of one file.
const maxFragments = 1 << 17

// Frames tells where each of n frames of a multi-frame image lies; Decode takes
// them. s is the shape of each. offsets is the Extended Offset Table (7FE0,0001),
// nil where there is none.
//
// Fragments go to frames as the offset table says; without a usable one, each is
// a frame where there are as many; else a frame begins where a fragment begins as
// a code does (JPEG and JPEG 2000 only).
//
// Errors: CodeTruncated, CodeSizeMismatch where the pixels are not those of n
// frames, CodeUnreadable where nothing tells which fragments are of which frame,
// CodeLimit.
func Frames(src Source, p Pixels, s Shape, n int, offsets []byte) ([]Pixels, error) {
	list := make([]Pixels, n)
	if !p.Encapsulated {
		for i := range list {
			list[i] = p
			list[i].offset += int64(i) * s.Bytes()
		}
		return list, nil
	}
	basic, fragments, err := listFragments(src, p.offset)
	if err != nil {
		return nil, asError(err, CodeUnreadable, "the pixel data is corrupt")
	}
	first := firstFragments(src, p, n, fragments, basic, offsets)
	if first == nil {
		return nil, refuse(CodeUnreadable, fmt.Sprintf("the pixel data has %d fragments for %d frames, and nothing tells which is of which frame; transcode it to explicit VR little endian", len(fragments), n), nil)
	}
	for i := range list {
		list[i] = p
		list[i].parted, list[i].offset = true, fragments[first[i]].at
		list[i].until = fragments[len(fragments)-1].end
		if i+1 < n {
			list[i].until = fragments[first[i+1]].at
		}
	}
	return list, nil
}

// listFragments finds the fragments from off on, and the basic offset table
// before them.
func listFragments(src Source, off int64) (table []byte, list []fragment, err error) {
	head, ok, err := readItem(src, off)
	switch {
	case err != nil:
		return nil, nil, err
	case !ok:
		return nil, nil, errNoFragment()
	case head.end-head.value > 4*maxFragments:
		return nil, nil, refuse(CodeLimit, "the offset table is longer than that of any image", nil)
	}
	table = make([]byte, head.end-head.value)
	if err := readFull(src, table, head.value); err != nil {
		return nil, nil, err
	}
	for off = head.end; off < src.Size(); {
		f, ok, err := readItem(src, off)
		switch {
		case err != nil:
			return nil, nil, err
		case !ok && len(list) == 0:
			return nil, nil, errNoFragment()
		case !ok:
			return table, list, nil
		case len(list) == maxFragments:
			return nil, nil, refuse(CodeLimit, fmt.Sprintf("the pixel data is in more than %d fragments; transcode it to explicit VR little endian", maxFragments), nil)
		}
		list = append(list, f)
		off = f.end
	}
	if len(list) == 0 {
		return nil, nil, errNoFragment()
	}
	return table, list, nil
}

// firstFragments gives the first fragment of each of n frames, nil where that
// cannot be told.
func firstFragments(src Source, p Pixels, n int, list []fragment, basic, extended []byte) []int {
	first := make([]int, 0, n)
	if n == len(list) {
		for i := range n {
			first = append(first, i)
		}
		return first
	}
	if n == 1 {
		return []int{0}
	}
	if first := tabled(n, list, basic, extended); first != nil {
		return first
	}
	for i, f := range list {
		if f.begins(src, p.syntax.pack) {
			first = append(first, i)
		}
	}
	if len(first) != n || first[0] != 0 {
		return nil
	}
	return first
}

// tabled reads an offset table: bytes from the first fragment to the first of
// each frame. What points elsewhere than to fragments in their order is no table.
func tabled(n int, list []fragment, basic, extended []byte) (first []int) {
	for _, t := range []struct {
		bytes []byte
		width int
	}{{extended, 8}, {basic, 4}} {
		if len(t.bytes) != n*t.width {
			continue
		}
		first = first[:0]
		for i := range n {
			entry := make([]byte, 8)
			copy(entry, t.bytes[i*t.width:][:t.width])
			want := binary.LittleEndian.Uint64(entry)
			at, found := slices.BinarySearchFunc(list, want, func(f fragment, offset uint64) int {
				return cmp.Compare(uint64(f.at-list[0].at), offset)
			})
			if !found || i == 0 && at != 0 || i > 0 && at <= first[i-1] {
				break
			}
			first = append(first, at)
		}
		if len(first) == n {
			return first
		}
	}
	return nil
}

// begins tells whether a fragment begins as the code of a frame does: with SOI of
// JPEG and JPEG-LS, with SOC and SIZ of JPEG 2000.
func (f fragment) begins(src Source, pack packing) bool {
	mark := []byte{0xFF, 0xD8, 0xFF}
	switch pack {
	case packJPEG2000:
		mark = []byte{0xFF, 0x4F, 0xFF, 0x51}
	case packJPEGLossless, packJPEGDCT, packJPEGLS:
	default:
		return false
	}
	if f.end-f.value < int64(len(mark)) {
		return false
	}
	b := make([]byte, len(mark))
	return readFull(src, b, f.value) == nil && bytes.Equal(b, mark)
}
