package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/nodulescope/nodulescope/internal/npy"
)

// errArray is an array of the peer that is not the one asked for.
var errArray = errors.New("not the array that was asked for")

// saveArray writes x as a NumPy file of float32.
func saveArray(path string, shape []int, x []float32) error {
	var b bytes.Buffer
	err := npy.Write(&b, shape, x)
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
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
	a, err := npy.Open(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errArray, err)
	}
	if a.Kind != 'f' || !slices.Equal(a.Shape, shape) {
		return nil, fmt.Errorf("%w: want floats of shape %v, got %v of kind %c", errArray, shape, a.Shape, a.Kind)
	}
	n := 1
	for _, d := range shape {
		n *= d
	}
	raw, x := make([]byte, n*a.Size), make([]float64, n)
	for _, read := range []func() error{func() error { return a.Next(raw) }, func() error { return a.Numbers(raw, x) }, a.End} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("%w: %w", errArray, err)
		}
	}
	return x, nil
}
