package bench

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestArray writes arrays of several ranks and reads them back, whole and cut.
func TestArray(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	for _, shape := range [][]int{{}, {1}, {7}, {2, 3}, {2, 1, 3, 2, 5}} {
		x := make([]float32, volume(shape))
		for i := range x {
			x[i] = float32(math.Sqrt(float64(i))) - 2
		}
		if err := saveArray(path, shape, x); err != nil {
			t.Fatal(err)
		}
		got, err := loadArray(path, shape)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if got[i] != float64(v) {
				t.Errorf("%v: element %d is %g, was %g", shape, i, got[i], v)
			}
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 5, 9, 40, len(whole) - 1} {
			if _, err := readArray(bytes.NewReader(whole[:n]), shape); !errors.Is(err, errArray) {
				t.Errorf("%v: %d bytes of %d: %v", shape, n, len(whole), err)
			}
		}
		if _, err := readArray(bytes.NewReader(append(whole, 0)), shape); !errors.Is(err, errArray) {
			t.Errorf("%v: one byte more: %v", shape, err)
		}
		if _, err := readArray(bytes.NewReader(whole), append([]int{3}, shape...)); !errors.Is(err, errArray) {
			t.Errorf("%v was read as another shape: %v", shape, err)
		}
	}
	if err := saveArray(path, []int{2}, []float32{1, float32(math.NaN())}); err != nil {
		t.Fatal(err)
	}
	if _, err := loadArray(path, []int{2}); !errors.Is(err, errArray) {
		t.Errorf("NaN was read: %v", err)
	}
}

func FuzzReadArray(f *testing.F) {
	path := filepath.Join(f.TempDir(), "x.npy")
	if err := saveArray(path, []int{2, 3}, make([]float32, 6)); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(bytes.Replace(whole, []byte("<f4"), []byte("<f8"), 1))
	f.Add([]byte("\x93NUMPY\x01\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := readArray(bytes.NewReader(b), []int{2, 3})
		if err == nil && len(x) != 6 || err != nil && !errors.Is(err, errArray) {
			t.Errorf("%d values, %v", len(x), err)
		}
	})
}
