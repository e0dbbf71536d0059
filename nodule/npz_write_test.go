package nodule

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
)

func written(seed int) Sample {
	cube := &Cube{HU: make([]float32, CubeVoxels), Valid: make([]bool, CubeVoxels)}
	mask := make([]bool, CubeVoxels)
	for i := range cube.HU {
		cube.HU[i], cube.Valid[i], mask[i] = float32((i*7+seed)%3000)-1500.25, i%11 != seed%11, i%97 == seed
	}
	s := NewSample(cube, mask)
	s.Patient, s.Nodule, s.SeriesUID = "site-ä", "n1", "series"
	s.PositionLPS, s.HasPosition = dicomio.Vec{1.5, -2.25, float64(seed)}, true
	s.DiameterMM, s.Malignancy, s.Readers = 7.25, 1+seed%5, seed%3
	s.Label = LabelOf(s.Malignancy)
	s.Ratings = map[string]int{"rating_1": seed % 3}
	return s
}

// What is written is read again, to the last voxel, and the same samples give
// the same bytes.
func TestSaveNPZ(t *testing.T) {
	dir := t.TempDir()
	samples := []Sample{written(1), written(2), written(3)}
	samples[2].Nodule = "a longer name"
	for _, name := range []string{"a.npz", "b.npz"} {
		if err := SaveNPZ(filepath.Join(dir, name), samples); err != nil {
			t.Fatal(err)
		}
	}
	ds, err := LoadNPZ(filepath.Join(dir, "a.npz"))
	if err != nil || ds.Layout != "full-32mm" || len(ds.Samples) != 3 || ds.Notes() != nil {
		t.Fatalf("%v: %+v", err, ds)
	}
	for i := range samples {
		got, want := ds.Samples[i], samples[i]
		if !slices.Equal(got.hu, want.hu) || !slices.Equal(got.Mask(), want.Mask()) || !slices.Equal(got.Cube().Valid, want.Cube().Valid) || got.Inside != want.Inside {
			t.Errorf("row %d: other voxels", i)
		}
		if got.Patient != want.Patient || got.Nodule != want.Nodule || got.SeriesUID != want.SeriesUID || got.PositionLPS != want.PositionLPS ||
			got.DiameterMM != want.DiameterMM || got.Label != want.Label || got.Readers != want.Readers || got.Ratings["rating_1"] != want.Ratings["rating_1"] || got.MaskVolume != want.MaskVolume {
			t.Errorf("row %d: %+v", i, got)
		}
	}
	for _, pair := range [][2]string{{"a.npz", "b.npz"}, {"a_masks.npz", "b_masks.npz"}} {
		one, err1 := os.ReadFile(filepath.Join(dir, pair[0]))
		two, err2 := os.ReadFile(filepath.Join(dir, pair[1]))
		if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
			t.Errorf("%v differ: %v, %v", pair, err1, err2)
		}
	}
}

// A file that could not be read again is not written.
func TestLimited(t *testing.T) {
	var b bytes.Buffer
	w := &limited{&b, 3}
	if _, err := w.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	_, err := w.Write([]byte("d"))
	wantCode(t, err, CodeDatasetInvalid)
	if b.String() != "abc" {
		t.Errorf("%q", b.String())
	}
}

func TestSaveNPZRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	nobody, unrated := written(1), written(2)
	nobody.Patient, unrated.Malignancy = "", 0
	for _, samples := range [][]Sample{nil, {{Patient: "p", Malignancy: 1}}, {nobody}, {unrated}} {
		wantCode(t, SaveNPZ(path, samples), CodeDatasetInvalid)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}
