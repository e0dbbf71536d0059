package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// ErrArray is an array of the peer that is not the one asked for.
var ErrArray = errors.New("not the array that was asked for")

const npyMagic = "\x93NUMPY\x01\x00"

// npyHeader is what numpy.save writes before an array in C order, without the
// filling (numpy/lib/format.py, version 1.0).
func npyHeader(kind string, shape []int) string {
	var dims strings.Builder
	for i, d := range shape {
		if i > 0 {
			dims.WriteString(" ")
		}
		_, _ = fmt.Fprintf(&dims, "%d,", d)
	}
	inner := dims.String()
	if len(shape) > 1 {
		inner = strings.TrimSuffix(inner, ",")
	}
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, inner)
}

// saveArray writes x as a NumPy file of float32.
func saveArray(path string, shape []int, x []float32) error {
	head := npyHeader("<f4", shape)
	fill := 63 - (len(npyMagic)+2+len(head))%64
	head += strings.Repeat(" ", fill) + "\n"
	var b bytes.Buffer
	b.WriteString(npyMagic)
	b.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(head)))) //nolint:gosec // a few shapes
	b.WriteString(head)
	for _, v := range x {
		b.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("bench: inputs for the peer: %w", err)
	}
	return nil
}

// loadArray reads a NumPy file of a known shape; its elements are float32 or
// float64 and finite.
func loadArray(path string, shape []int) ([]float64, error) {
	f, err := os.Open(path) //nolint:gosec // a name of ours in a folder of ours
	if err != nil {
		return nil, fmt.Errorf("bench: results of the peer: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	x, err := readArray(f, shape)
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", path, err)
	}
	return x, nil
}

// readArray reads what numpy.save wrote, no further than the shape asked for
// reaches.
func readArray(r io.Reader, shape []int) ([]float64, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	const maxHeader = 4 << 10
	b, err := io.ReadAll(io.LimitReader(r, int64(maxHeader+8*n)))
	if err != nil {
		return nil, err
	}
	at := len(npyMagic) + 2
	if len(b) < at || string(b[:len(npyMagic)]) != npyMagic {
		return nil, fmt.Errorf("%w: no NumPy file of version 1.0", ErrArray)
	}
	length := int(binary.LittleEndian.Uint16(b[len(npyMagic):]))
	if length > maxHeader-at || len(b) < at+length {
		return nil, fmt.Errorf("%w: the header of %d bytes is cut", ErrArray, length)
	}
	head, data := strings.TrimSpace(string(b[at:at+length])), b[at+length:]
	x := make([]float64, 0, n)
	switch {
	case head == npyHeader("<f4", shape) && len(data) == 4*n:
		for i := range n {
			x = append(x, float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))))
		}
	case head == npyHeader("<f8", shape) && len(data) == 8*n:
		for i := range n {
			x = append(x, math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:])))
		}
	default:
		return nil, fmt.Errorf("%w: want float32 or float64 of shape %v, got %d bytes of %.80q", ErrArray, shape, len(data), head)
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%w: value %d is %g", ErrArray, i, v)
		}
	}
	return x, nil
}
