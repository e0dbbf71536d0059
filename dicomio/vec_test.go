package dicomio_test

import (
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

func TestVec(t *testing.T) {
	a, b := dicomio.Vec{1, 2, 3}, dicomio.Vec{4, -5, 6}
	for name, c := range map[string]struct{ got, want dicomio.Vec }{
		"sum": {a.Add(b), dicomio.Vec{5, -3, 9}}, "difference": {a.Sub(b), dicomio.Vec{-3, 7, -3}},
		"multiple": {a.Scale(-2), dicomio.Vec{-2, -4, -6}}, "cross product": {a.Cross(b), dicomio.Vec{27, 6, -13}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if d, n := a.Dot(b), (dicomio.Vec{2, 3, 6}).Norm(); d != 12 || n != 7 {
		t.Errorf("dot product %v, length %v", d, n)
	}
}
