package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

const magic = "\x93NUMPY"

// Write writes float32 elements as an array of version 1.0. It panics where the
// shape has another number of elements.
func Write(w io.Writer, shape []int, x []float32) error {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n != len(x) {
		panic(fmt.Sprintf("npy: %d elements of shape %v", len(x), shape))
	}
	b := header("<f4", shape)
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	_, err := w.Write(b)
	return err
}

// WriteHeader writes the description of an array of version 1.0 whose elements
// the caller writes after it, in C order. descr is NumPy's, such as "<i2".
func WriteHeader(w io.Writer, descr string, shape ...int) error {
	_, err := w.Write(header(descr, shape))
	return err
}

// WriteText writes an array [n] of texts of kind U. A text of more than MaxText
// characters is refused, and one that ends in a zero, which NumPy would cut off.
func WriteText(w io.Writer, texts []string) error {
	longest := 1
	for i, s := range texts {
		n := utf8.RuneCountInString(s)
		if n > MaxText || !utf8.ValidString(s) || strings.HasSuffix(s, "\x00") {
			return fmt.Errorf("row %d: a text that is no UTF-8, ends in a zero or has more than %d characters", i, MaxText)
		}
		longest = max(longest, n)
	}
	b := header(fmt.Sprintf("<U%d", longest), []int{len(texts)})
	for _, s := range texts {
		n := 0
		for _, r := range s {
			b, n = binary.LittleEndian.AppendUint32(b, uint32(r)), n+1 //nolint:gosec // a rune
		}
		b = append(b, make([]byte, 4*(longest-n))...)
	}
	_, err := w.Write(b)
	return err
}

func header(descr string, shape []int) []byte {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = fmt.Sprint(d)
	}
	text := strings.Join(dims, ", ")
	if len(shape) == 1 {
		text += "," // a tuple of one
	}
	text = fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, text)
	const before = len(magic) + 4                                // version and length
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n" // elements begin at a multiple of 64
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text))) //nolint:gosec // a few dimensions
	return append(b, text...)
}
