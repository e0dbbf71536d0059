package npy

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestWrite writes arrays of several ranks and reads them back, whole and cut.
func TestWrite(t *testing.T) {
	for _, shape := range [][]int{{}, {1}, {7}, {2, 3}, {2, 1, 3, 2, 5}} {
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.Sqrt(float64(i))) - 2
		}
		var b bytes.Buffer
		if err := Write(&b, shape, x); err != nil {
			t.Fatal(err)
		}
		whole := b.Bytes()
		if data := len(whole) - 4*n; data%64 != 0 {
			t.Errorf("%v: elements begin at byte %d", shape, data)
		}
		read := func(b []byte) (*Array, []float64, error) {
			a, err := Open(bytes.NewReader(b))
			if err != nil {
				return nil, nil, err
			}
			raw, v := make([]byte, 4*n), make([]float64, n)
			if err := a.Next(raw); err != nil {
				return nil, nil, err
			}
			if err := a.Numbers(raw, v); err != nil {
				return nil, nil, err
			}
			return a, v, a.End()
		}
		a, v, err := read(whole)
		if err != nil || !slices.Equal(a.Shape, shape) || a.Kind != 'f' || a.Size != 4 {
			t.Fatalf("%v: %+v, %v", shape, a, err)
		}
		for i := range x {
			if v[i] != float64(x[i]) {
				t.Errorf("%v: element %d is %g, was %g", shape, i, v[i], x[i])
			}
		}
		for _, n := range []int{0, 5, 9, 40, len(whole) - 1} {
			if _, _, err := read(whole[:n]); err == nil {
				t.Errorf("%v: %d bytes of %d are read", shape, n, len(whole))
			}
		}
		if _, _, err := read(append(whole, 0)); err == nil {
			t.Errorf("%v: one byte more is read", shape)
		}
	}
}

func TestRows(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []int{2, 3}, make([]float32, 6)); err != nil {
		t.Fatal(err)
	}
	a, err := Open(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := a.Rows(10, 3); n != 2 || err != nil {
		t.Error(n, err)
	}
	for _, c := range []struct {
		limit int
		rest  []int
		want  string
	}{{1, []int{3}, "over the limit"}, {10, []int{4}, "want [n 4]"}, {10, nil, "want [n]"}} {
		if _, err := a.Rows(c.limit, c.rest...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, []int{2, 3}, make([]float32, 6)); err != nil {
		f.Fatal(err)
	}
	for _, kind := range []string{"<f4", "<f8", "<U4", "|b1", "<i2"} {
		f.Add(bytes.Replace(b.Bytes(), []byte("<f4"), []byte(kind), 1))
	}
	f.Add([]byte(magic + "\x01\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Open(bytes.NewReader(data))
		if err != nil {
			return
		}
		if a.Size < 0 || a.Size > 4*MaxText {
			t.Fatalf("element of %d bytes", a.Size)
		}
		b := make([]byte, a.Size)
		if a.Next(b) == nil && a.Size > 0 {
			_, _ = a.Text(b)
			_ = a.Numbers(b, make([]float64, 1))
		}
	})
}
