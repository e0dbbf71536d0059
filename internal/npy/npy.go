// Package npy reads and writes arrays in NumPy's .npy format
// (numpy/lib/format.py): versions 1.0 to 3.0, elements of plain types in C
// order, little-endian.
//
// # Limits
//
// A header has at most 16 KiB and a string at most 256 characters. Nothing is
// allocated for what a header promises: the caller says how many elements it
// takes. npyio v0.9.0 was tried for it: it panics on a header that is cut, and
// allocates what a header asks for.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxHeader bounds the text that describes an array.
const maxHeader = 16 << 10

// MaxText bounds the characters of one string element.
const MaxText = 256

// Array is the description of an array and the stream of its elements in C
// order.
type Array struct {
	Kind  byte // b bool, i and u integer, f float, U text
	Size  int  // bytes per element
	Shape []int

	r io.Reader
}

// Open reads the description of an array from r.
func Open(r io.Reader) (*Array, error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("array header is cut: %w", err)
	}
	if !bytes.Equal(head[:6], []byte(magic)) {
		return nil, errors.New("not a NumPy array")
	}
	var n int
	switch head[6] {
	case 1:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, fmt.Errorf("array header is cut: %w", err)
		}
		n = int(binary.LittleEndian.Uint16(b[:]))
	case 2, 3:
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, fmt.Errorf("array header is cut: %w", err)
		}
		n = int(min(binary.LittleEndian.Uint32(b[:]), math.MaxInt32))
	default:
		return nil, fmt.Errorf("array format version %d is not known; save with NumPy 1.x or 2.x", head[6])
	}
	if n > maxHeader {
		return nil, fmt.Errorf("array header of %d bytes is over the limit of %d", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("array header is cut: %w", err)
	}
	a := &Array{r: r}
	if err := a.describe(string(text)); err != nil {
		return nil, err
	}
	return a, nil
}

// describe parses the header, such as
// {'descr': '<i2', 'fortran_order': False, 'shape': (727, 32, 32, 32), }.
func (a *Array) describe(text string) error {
	descr := find(text, `'descr'\s*:\s*'([<>|=]?)([a-zA-Z])(\d{1,4})'`)
	if descr == nil {
		return errors.New("array header has no plain element type; structured and object arrays are not read")
	}
	size, _ := strconv.Atoi(descr[3])
	if descr[1] == ">" && (size > 1 || descr[2] == "U") {
		return errors.New("big-endian arrays are not read; save as little-endian")
	}
	a.Kind, a.Size = descr[2][0], size
	switch descr[2] + descr[3] {
	case "b1", "i1", "u1", "i2", "u2", "i4", "i8", "f4", "f8":
	default:
		if a.Kind != 'U' || size > MaxText {
			return fmt.Errorf("element type %s%s is not read", descr[2], descr[3])
		}
		a.Size = 4 * size
	}
	order := find(text, `'fortran_order'\s*:\s*(True|False)`)
	if order == nil || order[1] != "False" {
		return errors.New("the array is not in C order; save it with numpy.ascontiguousarray")
	}
	shape := find(text, `'shape'\s*:\s*\(([0-9, ]*)\)`)
	if shape == nil {
		return errors.New("array header has no shape")
	}
	for _, f := range strings.FieldsFunc(shape[1], func(r rune) bool { return r == ',' || r == ' ' }) {
		d, err := strconv.Atoi(f)
		if err != nil || d > math.MaxInt32 {
			return fmt.Errorf("array header has the dimension %.20q", f)
		}
		a.Shape = append(a.Shape, d)
	}
	return nil
}

func find(text, pattern string) []string { return regexp.MustCompile(pattern).FindStringSubmatch(text) }

// Rows checks that the shape is [n, rest...] and returns n.
func (a *Array) Rows(limit int, rest ...int) (int, error) {
	if len(a.Shape) == 1+len(rest) {
		same := true
		for i, d := range rest {
			same = same && a.Shape[i+1] == d
		}
		if n := a.Shape[0]; same && n <= limit {
			return n, nil
		} else if same {
			return 0, fmt.Errorf("%d rows are over the limit of %d", n, limit)
		}
	}
	return 0, fmt.Errorf("the shape is %v, want [n%s]", a.Shape, strings.TrimSuffix(" "+strings.Trim(fmt.Sprint(rest), "[]"), " "))
}

// Next reads the bytes of len(buf)/size elements.
func (a *Array) Next(buf []byte) error {
	if _, err := io.ReadFull(a.r, buf); err != nil {
		return fmt.Errorf("array is cut: %w", err)
	}
	return nil
}

// End refuses bytes after the last element; reading to the end also makes the
// archive check its checksum.
func (a *Array) End() error {
	var b [1]byte
	switch _, err := io.ReadFull(a.r, b[:]); {
	case err == io.EOF:
		return nil
	case err == nil:
		return errors.New("array holds more bytes than its shape")
	default:
		return err
	}
}

// Numbers converts raw elements of any numeric type; b must hold whole ones.
func (a *Array) Numbers(b []byte, dst []float64) error {
	le := binary.LittleEndian
	for i := range dst {
		e := b[i*a.Size:]
		switch {
		case a.Kind == 'b' || a.Kind == 'u' && a.Size == 1:
			dst[i] = float64(e[0])
		case a.Kind == 'i' && a.Size == 1:
			dst[i] = float64(int8(e[0]))
		case a.Kind == 'i' && a.Size == 2:
			dst[i] = float64(int16(le.Uint16(e)))
		case a.Kind == 'u' && a.Size == 2:
			dst[i] = float64(le.Uint16(e))
		case a.Kind == 'i' && a.Size == 4:
			dst[i] = float64(int32(le.Uint32(e)))
		case a.Kind == 'i' && a.Size == 8:
			dst[i] = float64(int64(le.Uint64(e)))
		case a.Kind == 'f' && a.Size == 4:
			dst[i] = float64(math.Float32frombits(le.Uint32(e)))
		case a.Kind == 'f' && a.Size == 8:
			dst[i] = math.Float64frombits(le.Uint64(e))
		default:
			return errors.New("the array holds text, numbers are needed")
		}
		if math.IsNaN(dst[i]) || math.IsInf(dst[i], 0) {
			return errors.New("the array holds a value that is not finite")
		}
	}
	return nil
}

// Text converts one element of kind U: UTF-32, filled up with zeros.
func (a *Array) Text(b []byte) (string, error) {
	if a.Kind != 'U' {
		return "", errors.New("the array holds numbers, text is needed")
	}
	var s strings.Builder
	for i := 0; i < len(b); i += 4 {
		r := binary.LittleEndian.Uint32(b[i:])
		if r == 0 {
			break
		}
		if r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
			return "", errors.New("the array holds text that is not Unicode")
		}
		s.WriteRune(rune(r))
	}
	return s.String(), nil
}
