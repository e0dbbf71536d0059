package codec

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// claims is the code of a small image of a decoder, made to claim another size.
func claims(t *testing.T, name string, rows, cols int) []byte {
	t.Helper()
	b := encodeJPEG(make([]int, 256), 16, 16, 12, 1, 0, 0)
	if name != losslessJPEG {
		b = testStream(t, name)
	}
	at := 7 // rows and columns of SOF, behind SOI
	switch {
	case strings.HasPrefix(name, "dct"):
		at = bytes.Index(b, []byte{0xFF, 0xC1}) + 5
		if at < 5 {
			at = bytes.Index(b, []byte{0xFF, 0xC0}) + 5
		}
	case strings.HasPrefix(name, "j2k"): // columns, rows
		origin := binary.BigEndian.Uint32(b[16:])
		binary.BigEndian.PutUint32(b[8:], origin+uint32(cols))
		origin = binary.BigEndian.Uint32(b[20:])
		binary.BigEndian.PutUint32(b[12:], origin+uint32(rows))
		return b
	}
	binary.BigEndian.PutUint16(b[at:], uint16(rows))
	binary.BigEndian.PutUint16(b[at+2:], uint16(cols))
	return b
}

const losslessJPEG = "JPEG lossless"

// claimants are the decoders of [streams], and that of JPEG lossless.
func claimants() (names []string, decoders []decodeFunc, bits []int) {
	for _, c := range streams {
		names, decoders, bits = append(names, c.name), append(decoders, c.decode), append(bits, c.bits)
	}
	return append(names, losslessJPEG), append(decoders, decodeJPEGLossless), append(bits, 12)
}

// cost is what a call allocates in all.
func cost(call func() error) (bytes uint64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

// TestAbsurdClaims: a stream that claims 65535 x 65535 pixels, in a file that
// claims what it may, costs no memory: it is refused first.
func TestAbsurdClaims(t *testing.T) {
	names, decoders, bits := claimants()
	for i, decode := range decoders {
		b := claims(t, names[i], 0xFFFF, 0xFFFF)
		n, err := cost(func() error { return decode(b, nil, Shape{Rows: 4096, Cols: 4096, Allocated: 16, Stored: bits[i]}) })
		if err == nil || coded.CodeOf(err) == "" || n > 1<<20 {
			t.Errorf("%s: %v with %d bytes", names[i], err, n)
		}
	}
}

// endless is a code whose data is one byte over and over, and has no end before the
// code has.
func endless(code []byte, fill byte) []byte {
	if end := bytes.LastIndex(code, []byte{0xFF, 0xD9}); end > 0 {
		code = code[:end]
	}
	if data := bytes.Index(code, []byte{0xFF, 0x93}); data > 0 && code[1] == 0x4F { // JPEG 2000
		code = code[:data+2]
		copy(code[bytes.Index(code, []byte{0xFF, 0x90})+6:], make([]byte, 4)) // Psot: up to the end
	}
	return append(append(code, bytes.Repeat([]byte{fill}, 1<<20)...), 0xFF, 0xD9)
}

// TestLargestClaims: streams that claim, as their file does, the largest image that
// is read are given up where their code ends or is damaged, and take memory by what
// there is of it.
func TestLargestClaims(t *testing.T) {
	const side = 4096 // of package dicomio
	raw := make([]byte, 2*side*side)
	names, decoders, bits := claimants()
	for i, decode := range decoders {
		s := Shape{Rows: side, Cols: side, Allocated: 8 * ((bits[i] + 7) / 8), Stored: bits[i]}
		codes := [][]byte{claims(t, names[i], side, side)}
		for _, fill := range []byte{0, 0xFF, 0x80, 0x55} {
			codes = append(codes, endless(bytes.Clone(codes[0]), fill))
		}
		for _, code := range codes {
			n, err := cost(func() error { return decode(code, raw[:s.Bytes()], s) })
			if coded.CodeOf(err) == "" || n > 16<<20 {
				t.Errorf("%s of %d bytes: %v with %d bytes", names[i], len(code), err, n)
			}
		}
	}
	code := slices.Concat([]byte{2, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0}, make([]byte, 52), []byte{0x81, 0, 0x81, 0}) // two segments of 128 bytes
	if n, err := cost(func() error { return decodeRLE(code, raw, 2) }); coded.CodeOf(err) == "" || n > 1<<20 {
		t.Errorf("RLE: %v with %d bytes", err, n)
	}
}
