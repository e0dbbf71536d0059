package nodule

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// npyBytes writes an array in version 1.0 of the format.
func npyBytes(descr, shape string, data any) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape)
	head += strings.Repeat(" ", 63-(len(head)+10)%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8))
	b = append(b, head...)
	if s, ok := data.([]string); ok {
		var width int
		if _, err := fmt.Sscanf(descr, "<U%d", &width); err != nil {
			panic(err)
		}
		for _, v := range s {
			r := append([]rune(v), make([]rune, width)...)[:width]
			data, _ := binary.Append(nil, binary.LittleEndian, r)
			b = append(b, data...)
		}
		return b
	}
	b, err := binary.Append(b, binary.LittleEndian, data)
	if err != nil {
		panic(err)
	}
	return b
}

func npzBytes(arrays map[string][]byte) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		w, err := z.Create(name + ".npy")
		if err == nil {
			_, err = w.Write(arrays[name])
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// voiArrays is a 32 mm set of three nodules of two patients.
func voiArrays() map[string][]byte {
	hu := make([]int16, 3*CubeVoxels)
	inside := make([]uint8, 3*CubeVoxels)
	for i := range hu {
		hu[i] = int16(i%3000) - 1200
		if z := i / 1024 % 32; i/CubeVoxels == 0 || z >= 12 && z < 20 {
			inside[i] = 1
		}
	}
	return map[string][]byte{
		"cubes_hu":        npyBytes("<i2", "3, 32, 32, 32", hu),
		"inside":          npyBytes("|u1", "3, 32, 32, 32", inside),
		"patient":         npyBytes("<U4", "3,", []string{"P-1", "P-2", "P-2"}),
		"nodule":          npyBytes("<U2", "3,", []string{"1", "1", "2"}),
		"series_uid":      npyBytes("<U8", "3,", []string{"1.2", "1.3", "1.3"}),
		"position_lps_mm": npyBytes("<f8", "3, 3", []float64{1, 2, 3, 4, 5, 6, -7, 8, 9.5}),
		"diameter_mm":     npyBytes("<f4", "3,", []float32{23.5, 8, 4}),
		"malignancy":      npyBytes("|i1", "3,", []int8{5, 3, 1}),
		"spiculation":     npyBytes("|i1", "3,", []int8{1, 2, 3}),
	}
}

func cubes51Arrays() map[string][]byte {
	const n = 51 * 51 * 51
	cubes, masks := make([]uint8, 2*n), make([]uint8, 2*n)
	for i := range cubes {
		cubes[i] = uint8(i % 51) // the x index
	}
	cubes[(25*51+25)*51+25] = 255 // the centre of the first
	for i := range 100 {
		masks[i] = 1
	}
	return map[string][]byte{
		"cubes_u8":         npyBytes("|u1", "2, 51, 51, 51", cubes),
		"masks":            npyBytes("|u1", "2, 51, 51, 51", masks),
		"patient":          npyBytes("<U4", "2,", []string{"P-1", "Ä-2"}),
		"patient_verified": npyBytes("|b1", "2,", []bool{true, false}),
		"malignancy":       npyBytes("|i1", "2,", []int8{2, 4}),
		"cube":             npyBytes("<U3", "2,", []string{"0_a", "1_b"}),
	}
}

func loadBytes(t testing.TB, data []byte) (*Dataset, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.npz")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadNPZ(path)
}

func TestLoadVOI(t *testing.T) {
	data := npzBytes(voiArrays())
	ds, err := loadBytes(t, data)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(data)); ds.Digest() != want {
		t.Errorf("digest %s, want %s", ds.Digest(), want)
	}
	if ds.Layout != "voi-32mm" || len(ds.Samples) != 3 {
		t.Fatalf("layout %s with %d samples", ds.Layout, len(ds.Samples))
	}
	s := &ds.Samples[2]
	if s.Patient != "P-2" || s.Nodule != "2" || s.SeriesUID != "1.3" || !s.HasPosition || s.PositionLPS != [3]float64{-7, 8, 9.5} ||
		s.DiameterMM != 4 || s.Malignancy != 1 || s.Label != Normal || s.Inside != 0.25 || s.Ratings["spiculation"] != 3 {
		t.Errorf("sample is %+v", struct{ Sample }{Sample{Patient: s.Patient, PositionLPS: s.PositionLPS, Inside: s.Inside, Ratings: s.Ratings}})
	}
	cube := s.Cube()
	if cube.PaddingPct != 75 {
		t.Errorf("padding %g", cube.PaddingPct)
	}
	for i := range cube.HU {
		want, valid := float32(InvalidHU), false
		if z := i / 1024; z >= 12 && z < 20 {
			want, valid = float32((i+2*CubeVoxels)%3000)-1200, true
		}
		if cube.HU[i] != want || cube.Valid[i] != valid {
			t.Fatalf("voxel %d is %g, %v; want %g, %v", i, cube.HU[i], cube.Valid[i], want, valid)
		}
	}
	if full := ds.Samples[0].Cube(); full.PaddingPct != 0 || !full.Valid[0] {
		t.Error("the complete cube is not complete")
	}
	if ds.Samples[0].Label != Anomaly || ds.Samples[1].Label != Indeterminate {
		t.Error("labels do not follow malignancy")
	}
}

func TestLoadCubes51(t *testing.T) {
	ds, err := loadBytes(t, npzBytes(cubes51Arrays()))
	if err != nil {
		t.Fatal(err)
	}
	s := &ds.Samples[0]
	if ds.Layout != "cubes-51mm" || s.MaskVolume != 100 || !closeTo(s.DiameterMM, 5.7588, 1e-3) || s.Inside != 1 || s.HasPosition {
		t.Errorf("layout %s, volume %g, diameter %g, inside %g", ds.Layout, s.MaskVolume, s.DiameterMM, s.Inside)
	}
	cube := s.Cube()
	if got := cube.HU[(16*32+16)*32+16]; got != 400 {
		t.Errorf("the centre of the 51 mm cube is %g HU at index 16, want 400", got)
	}
	if got := cube.HU[0]; got != -1144 { // x index 9: -1200 + 9*1600/255 = -1143.5
		t.Errorf("the first voxel is %g HU, want -1144", got)
	}
	if v := ds.Verified(); len(v.Samples) != 1 || v.Samples[0].Patient != "P-1" || v.Digest() != ds.Digest() {
		t.Errorf("%d verified samples", len(v.Samples))
	}
	if ds.Samples[1].Patient != "Ä-2" {
		t.Errorf("text beyond ASCII is %q", ds.Samples[1].Patient)
	}
}

func TestBadDatasetsAreRefused(t *testing.T) {
	nan := []byte{0, 0, 0xc0, 0x7f}
	for _, c := range []struct {
		name   string
		change func(map[string][]byte)
		says   string
	}{
		{"no cubes", func(a map[string][]byte) { delete(a, "cubes_hu") }, "neither cubes_hu nor cubes_u8"},
		{"no patient", func(a map[string][]byte) { delete(a, "patient") }, "array patient: missing"},
		{"no inside", func(a map[string][]byte) { delete(a, "inside") }, "array inside: missing"},
		{"cut array", func(a map[string][]byte) { a["cubes_hu"] = a["cubes_hu"][:5000] }, "array cubes_hu: array is cut"},
		{"long array", func(a map[string][]byte) { a["malignancy"] = append(a["malignancy"], 1) }, "more bytes than its shape"},
		{"other shape", func(a map[string][]byte) { a["cubes_hu"] = npyBytes("<i2", "1, 2, 2, 2", make([]int16, 8)) }, "the shape is [1 2 2 2], want [n 32 32 32]"},
		{"fewer rows", func(a map[string][]byte) { a["malignancy"] = npyBytes("|i1", "2,", []int8{1, 2}) }, "2 rows, but the cubes have 3"},
		{"too many rows", func(a map[string][]byte) { a["cubes_hu"] = npyBytes("<i2", "9000, 32, 32, 32", []int16{}) }, "over the limit"},
		{"NaN", func(a map[string][]byte) { copy(a["diameter_mm"][128:], nan) }, "not finite"},
		{"malignancy 6", func(a map[string][]byte) { a["malignancy"] = npyBytes("|i1", "3,", []int8{1, 2, 6}) }, "row 2: 6 is not a whole number from 1 to 5"},
		{"mask of 2", func(a map[string][]byte) { a["inside"][200] = 2 }, "neither 0 nor 1"},
		{"empty mask", func(a map[string][]byte) { clear(a["inside"][128:]) }, "no voxel has data"},
		{"empty patient", func(a map[string][]byte) { a["patient"] = npyBytes("<U4", "3,", []string{"a", "", "b"}) }, "cannot be split"},
		{"text as number", func(a map[string][]byte) { a["malignancy"] = a["patient"] }, "numbers are needed"},
		{"number as text", func(a map[string][]byte) { a["patient"] = a["malignancy"] }, "text is needed"},
		{"float cubes", func(a map[string][]byte) {
			a["cubes_hu"] = npyBytes("<f4", "1, 32, 32, 32", make([]float32, CubeVoxels))
		}, "not int16"},
		{"big-endian", func(a map[string][]byte) { a["diameter_mm"] = npyBytes(">f4", "3,", []float32{1, 2, 3}) }, "big-endian"},
		{"object array", func(a map[string][]byte) { a["nodule"] = npyBytes("|O", "3,", []uint8{1}) }, "element type"},
		{"not an array", func(a map[string][]byte) { a["nodule"] = []byte("hello, world") }, "not a NumPy array"},
		{"version 9", func(a map[string][]byte) { a["nodule"][6] = 9 }, "version 9"},
		{"Fortran order", func(a map[string][]byte) {
			a["nodule"] = bytes.Replace(a["nodule"], []byte("False"), []byte("True "), 1)
		}, "C order"},
		{"huge header", func(a map[string][]byte) {
			a["nodule"] = []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff")
		}, "over the limit"},
		{"not Unicode", func(a map[string][]byte) { copy(a["patient"][128:], "\xff\xff\xff\xff") }, "not Unicode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := voiArrays()
			c.change(a)
			_, err := loadBytes(t, npzBytes(a))
			wantCode(t, err, CodeDatasetInvalid)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
	_, err := loadBytes(t, []byte("not a zip"))
	wantCode(t, err, CodeDatasetInvalid)
	_, err = LoadNPZ(filepath.Join(t.TempDir(), "none.npz"))
	wantCode(t, err, CodeDatasetInvalid)
	_, err = LoadNPZ(t.TempDir())
	wantCode(t, err, CodeDatasetInvalid)
}

func FuzzNPZ(f *testing.F) {
	small := func(descr, shape string, data any) []byte { return npyBytes(descr, shape, data) }
	f.Add(npzBytes(map[string][]byte{"cubes_hu": small("<i2", "0, 32, 32, 32", []int16{}), "inside": small("|u1", "0, 32, 32, 32", []uint8{})}))
	f.Add(npzBytes(map[string][]byte{"cubes_u8": small("|u1", "1, 51, 51, 51", make([]uint8, 51*51*51))}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ds, err := readNPZ(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for i := range ds.Samples {
			s := &ds.Samples[i]
			if len(s.hu) != CubeVoxels || s.Patient == "" || s.Malignancy < 1 || s.Malignancy > 5 {
				t.Fatalf("a sample that is not whole was accepted: %d voxels, malignancy %d", len(s.hu), s.Malignancy)
			}
		}
	})
}
