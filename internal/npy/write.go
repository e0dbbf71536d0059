package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

const magic = "\x93NUMPY"

// Write writes float32 elements as an array of version 1.0. It panics where the
// shape has another number of elements.
func Write(w io.Writer, shape []int, x []float32) error {
	n, dims := 1, make([]string, len(shape))
	for i, d := range shape {
		n, dims[i] = n*d, fmt.Sprint(d)
	}
	if n != len(x) {
		panic(fmt.Sprintf("npy: %d elements of shape %v", len(x), shape))
	}
	text := strings.Join(dims, ", ")
	if len(shape) == 1 {
		text += "," // a tuple of one
	}
	text = fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", text)
	const before = len(magic) + 4                                // version and length
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n" // elements begin at a multiple of 64
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text))) //nolint:gosec // a few dimensions
	b = append(b, text...)
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	_, err := w.Write(b)
	return err
}
