#!/usr/bin/env bash
# One would guess: the frames of suyashkumar/dicom are the image's frames, and their pixels the stored values, signed where
# PixelRepresentation is 1 and without the bits above BitsStored.
# Seen: pixels come as uint16 whatever PixelRepresentation and BitsStored say: 12 bits signed of 0x0FFF, which is -1, reads 4095,
# and 0xF001, with something else in its upper four bits, 61441. And one compressed frame in two fragments comes as two frames,
# each with half of the stream, though NumberOfFrames is 1.
# Matters: air in a signed CT becomes the densest metal, and a JPEG that a PACS cut into fragments cannot be decoded. Mask, extend the
# sign and join the fragments yourself.
# github.com/suyashkumar/dicom 1.1.0. Output seen:
#   native: [4095] [61441], *frame.NativeFrame[uint16]; one frame in two fragments: 2 frames
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
printf 'module finding\ngo 1.26\nrequire github.com/suyashkumar/dicom v1.1.0\n' > go.mod
cat > main.go <<'GO'
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

var le = binary.LittleEndian

func element(group, number uint16, vr string, value []byte) []byte {
	b := append(le.AppendUint16(le.AppendUint16(nil, group), number), vr...)
	if vr == "OB" || vr == "OW" {
		return append(le.AppendUint32(append(b, 0, 0), uint32(len(value))), value...)
	}
	return append(le.AppendUint16(b, uint16(len(value))), value...)
}

func us(v uint16) []byte { return le.AppendUint16(nil, v) }

// image is one frame of 2 × 1 pixels, 12 of 16 bits, signed.
func image(syntax string, pixels []byte) dicom.Dataset {
	meta := element(2, 0x10, "UI", []byte(syntax))
	all := [][]byte{make([]byte, 128), []byte("DICM"), element(2, 0, "UL", le.AppendUint32(nil, uint32(len(meta)))), meta,
		element(0x28, 2, "US", us(1)), element(0x28, 8, "IS", []byte("1 ")), element(0x28, 0x10, "US", us(1)), element(0x28, 0x11, "US", us(2)),
		element(0x28, 0x100, "US", us(16)), element(0x28, 0x101, "US", us(12)), element(0x28, 0x102, "US", us(11)), element(0x28, 0x103, "US", us(1)), pixels}
	file := bytes.Join(all, nil)
	return need(dicom.Parse(bytes.NewReader(file), int64(len(file)), nil))
}

func main() {
	native := dicom.MustGetPixelDataInfo(need(ptr(image("1.2.840.10008.1.2.1\x00", element(0x7fe0, 0x10, "OW", []byte{0xff, 0x0f, 0x01, 0xf0}))).FindElementByTag(tag.PixelData)).Value)
	frame := need(native.Frames[0].GetNativeFrame())
	fmt.Printf("native: %v %v, %T; ", need(frame.GetPixel(0, 0)), need(frame.GetPixel(1, 0)), frame)

	item := func(value ...byte) []byte {
		return append(le.AppendUint32(le.AppendUint16(le.AppendUint16(nil, 0xfffe), 0xe000), uint32(len(value))), value...)
	}
	pixels := append(le.AppendUint16(le.AppendUint16(nil, 0x7fe0), 0x10), "OB\x00\x00\xff\xff\xff\xff"...)
	pixels = append(pixels, bytes.Join([][]byte{item(), item(1, 2, 3, 4), item(5, 6, 7, 8), {0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0}}, nil)...)
	encapsulated := dicom.MustGetPixelDataInfo(need(ptr(image("1.2.840.10008.1.2.4.90", pixels)).FindElementByTag(tag.PixelData)).Value)
	fmt.Printf("one frame in two fragments: %d frames\n", len(encapsulated.Frames))
}

func ptr(d dicom.Dataset) *dicom.Dataset { return &d }

func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
GO
GOFLAGS=-mod=mod go run . | tee out
grep -qxF 'native: [4095] [61441], *frame.NativeFrame[uint16]; one frame in two fragments: 2 frames' out
