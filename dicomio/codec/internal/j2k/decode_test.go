package j2k

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

func stream(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../../testdata/j2k_12.j2k")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func accept(Header) error { return nil }

// decode decodes a whole image.
func decode(code []byte, accept func(Header) error) ([]int32, error) {
	m, err := Open(code, accept)
	if err != nil {
		return nil, err
	}
	return m.Region(m.Bounds())
}

// TestHeaderFirst: who calls sees the size before room is made, and says no.
func TestHeaderFirst(t *testing.T) {
	no := errors.New("no")
	var got Header
	_, err := decode(stream(t), func(h Header) error { got = h; return no })
	if want := (Header{Rows: 37, Cols: 45, Precision: 12}); !errors.Is(err, no) || got != want {
		t.Errorf("%v, %v", got, err)
	}
	px, err := decode(stream(t), accept)
	if err != nil || len(px) != 37*45 {
		t.Errorf("%d pixels, %v", len(px), err)
	}
}

// TestRefused: what is not read is refused as such, and what is wrong as that.
func TestRefused(t *testing.T) {
	whole := stream(t)
	cod := bytes.Index(whole, []byte{0xFF, 0x52})
	before := func(segment string) []byte {
		return bytes.Join([][]byte{whole[:cod], []byte(segment), whole[cod:]}, nil)
	}
	set := func(at int, v byte) []byte {
		b := bytes.Clone(whole)
		b[at] = v
		return b
	}
	for name, c := range map[string]struct {
		code []byte
		want error
	}{
		"a region of interest":      {before("\xff\x5e\x00\x05\x00\x00\x07"), ErrUnsupported},
		"a change of progression":   {before("\xff\x5f\x00\x09\x00\x00\x00\x01\x03\x01\x00"), ErrUnsupported},
		"packed headers":            {before("\xff\x60\x00\x04\x00\x00"), ErrUnsupported},
		"a comment":                 {before("\xff\x64\x00\x06\x00\x01ab"), nil},
		"three components":          {set(41, 3), ErrUnsupported},
		"38 bits":                   {set(42, 37), ErrUnsupported},
		"no layers":                 {set(cod+7, 0), ErrBroken},
		"33 levels":                 {set(cod+9, 33), ErrBroken},
		"code-blocks of 2048":       {set(cod+10, 9), ErrBroken},
		"marked as mixed":           {set(cod+12, 0xC0), nil},
		"mixed, with bypass":        {set(cod+12, 0xC1), ErrUnsupported},
		"mixed, with terminations":  {set(cod+12, 0xC4), ErrUnsupported},
		"mixed with nothing":        {set(cod+12, 0x80), ErrUnsupported},
		"HTJ2K that resets":         {set(cod+12, 0x42), ErrUnsupported},
		"a JP2 box":                 {append([]byte("\x00\x00\x00\x0cjP  "), whole...), ErrBroken},
		"no tile":                   {whole[:bytes.Index(whole, []byte{0xFF, 0x90})], ErrCut},
		"half of the code":          {whole[:len(whole)/2], ErrCut},
		"a wavelet with no meaning": {set(cod+13, 2), ErrBroken},
	} {
		if _, err := decode(c.code, accept); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestManyBlocks: precincts of one pixel of a large image are refused before
// there is room for them.
func TestManyBlocks(t *testing.T) {
	whole := stream(t)
	copy(whole[8:], []byte{0, 0, 16, 0, 0, 0, 16, 0})
	copy(whole[24:], []byte{0, 0, 16, 0, 0, 0, 16, 0})
	cod := bytes.Index(whole, []byte{0xFF, 0x52})
	small := bytes.Join([][]byte{whole[:cod], {0xFF, 0x52, 0, 13, 1}, whole[cod+5 : cod+9], {0}, whole[cod+10 : cod+14], {0}, whole[cod+14:]}, nil)
	if _, err := decode(small, accept); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}
