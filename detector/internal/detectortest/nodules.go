package detectortest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule"
)

// Nodules describes a data set in the 32 mm layout: per nodule its malignancy
// and a value that its pixels follow.
type Nodules struct {
	Malignancy []int8
	Shade      []int16
	Patients   []string // nil: P000, P001, ... with two nodules each
	Hollow     int      // so many at the end have data in one plane at the edge alone
}

// Many alternates normals and anomalies over n patients of two nodules each.
func Many(n int) Nodules {
	var d Nodules
	for i := range 2 * n {
		m := int8(1 + i%2)
		if i%4 >= 2 {
			m = int8(4 + i%2)
		}
		d.Malignancy = append(d.Malignancy, m)
		d.Shade = append(d.Shade, int16(40*(i%7)))
	}
	return d
}

// Load writes the data set and reads it back.
func (d Nodules) Load(t testing.TB) *nodule.Dataset {
	t.Helper()
	ds, err := nodule.LoadNPZ(d.Write(t))
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// Write writes the data set as a NumPy archive, and returns its path.
func (d Nodules) Write(t testing.TB) string {
	t.Helper()
	n := len(d.Malignancy)
	var hu []int16
	inside := make([]uint8, n*nodule.CubeVoxels)
	var patient, name []string
	diameter := make([]float32, n)
	for i := range n {
		for v := range nodule.CubeVoxels {
			z, y, x := v/1024-16, v/32%32-16, v%32-16
			value := int16(-850)
			if r := 3 + i%5; z*z+y*y+x*x < r*r {
				value = d.Shade[i]
			}
			hu = append(hu, value)
			if i < n-d.Hollow || v < 1024 {
				inside[i*nodule.CubeVoxels+v] = 1
			}
		}
		if d.Patients != nil {
			patient = append(patient, d.Patients[i])
		} else {
			patient = append(patient, fmt.Sprintf("P%03d", i/2))
		}
		name = append(name, fmt.Sprint(i))
		diameter[i] = float32(6 + 2*(i%5))
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	put := func(file, descr, shape string, data any) {
		f, err := w.Create(file + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
		head += string(bytes.Repeat([]byte(" "), 63-(10+len(head))%64)) + "\n"
		_, _ = f.Write([]byte("\x93NUMPY\x01\x00"))
		for _, part := range []any{uint16(len(head)), []byte(head), data} {
			if err := binary.Write(f, binary.LittleEndian, part); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := func(s []string) []uint32 {
		var u []uint32
		for _, v := range s {
			r := make([]uint32, 8)
			for i, c := range v {
				r[i] = uint32(c)
			}
			u = append(u, r...)
		}
		return u
	}
	put("cubes_hu", "<i2", fmt.Sprintf("(%d, 32, 32, 32)", n), hu)
	put("inside", "|u1", fmt.Sprintf("(%d, 32, 32, 32)", n), inside)
	put("patient", "<U8", fmt.Sprintf("(%d,)", n), text(patient))
	put("nodule", "<U8", fmt.Sprintf("(%d,)", n), text(name))
	put("diameter_mm", "<f4", fmt.Sprintf("(%d,)", n), diameter)
	put("malignancy", "|i1", fmt.Sprintf("(%d,)", n), d.Malignancy)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return checktest.WriteFile(t, "set.npz", b.Bytes())
}
