package nodule

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
)

// fullArrays is a 32 mm set of three nodules with readers, and things that are
// not used.
func fullArrays() map[string][]byte {
	a := voiArrays()
	a["readers"] = npyBytes("|i1", "3,", []int8{4, 3, 1})
	a["rating_1"] = npyBytes("|i1", "3,", []int8{5, 3, 1})
	a["rating_2"] = npyBytes("<i8", "3,", []int64{4, 2, 0})
	a["embedding"] = npyBytes("<f4", "3, 2", []float32{1, 2, 3, 4, 5, 6})
	a["kernel"] = npyBytes("<U2", "3,", []string{"a", "b", "c"})
	a["large"] = npyBytes("<i4", "3,", []int32{1, 2, 101})
	a["scalar"] = npyBytes("<f8", "", []float64{1})
	a["objects"] = []byte("not an array")
	return a
}

func maskArrays() map[string][]byte {
	mask := make([]uint8, 3*CubeVoxels)
	for i := range 100 {
		mask[CubeVoxels+5*1024+7*32+i%32+i/32*32] = 1
	}
	return map[string][]byte{
		"mask":    npyBytes("|u1", "3, 32, 32, 32", mask),
		"patient": npyBytes("<U4", "3,", []string{"P-1", "P-2", "P-2"}),
		"nodule":  npyBytes("<U2", "3,", []string{"1", "1", "2"}),
		"texture": npyBytes("|u1", "1,", []uint8{1}),
	}
}

func TestLoadFull(t *testing.T) {
	ds, err := loadBytes(t, npzBytes(fullArrays()))
	if err != nil {
		t.Fatal(err)
	}
	s := &ds.Samples[1]
	if ds.Layout != "full-32mm" || s.Readers != 3 || s.Ratings["rating_1"] != 3 || s.Ratings["rating_2"] != 2 || s.Ratings["spiculation"] != 2 || s.Mask() != nil {
		t.Errorf("layout %s, %d readers, ratings %v", ds.Layout, s.Readers, s.Ratings)
	}
	want := []string{`The data set holds what is not used: "embedding", "kernel", "large", "objects", "scalar".`}
	if got := ds.Notes(); !slices.Equal(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
	if _, ok := s.Ratings["large"]; ok {
		t.Error("a rating beyond the limit was kept")
	}
	three, err := ds.MinReaders(3)
	if err != nil || len(three.Samples) != 2 || three.Digest() != ds.Digest() || !slices.Equal(three.Notes(), want) {
		t.Errorf("three readers or more: %v, %v", three, err)
	}
	if all, err := ds.MinReaders(0); err != nil || all != ds {
		t.Errorf("no least number: %v, %v", all, err)
	}
	_, err = ds.MinReaders(5)
	wantCode(t, err, CodeDatasetInvalid)
	without, err := loadBytes(t, npzBytes(voiArrays()))
	if err != nil || without.Notes() != nil {
		t.Fatalf("%v, notes %q", err, without.Notes())
	}
	if _, err = without.MinReaders(1); CodeOf(err) != CodeDatasetInvalid || !strings.Contains(err.Error(), "no array readers") {
		t.Errorf("a file without readers: %v", err)
	}
}

func TestCutRatingIsRefused(t *testing.T) {
	a := fullArrays()
	a["rating_1"] = a["rating_1"][:len(a["rating_1"])-1]
	_, err := loadBytes(t, npzBytes(a))
	wantCode(t, err, CodeDatasetInvalid)
}

func TestMasks(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, a map[string][]byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, npzBytes(a), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write("set.npz", voiArrays())
	write("set_masks.npz", maskArrays())
	ds, err := LoadNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &ds.Samples[1]
	if s.MaskVolume != 100 || s.DiameterMM != 8 || s.DiameterOfMask || !closeTo(s.MaskDiameterMM(), 5.7588, 1e-3) || ds.Samples[0].MaskVolume != 0 {
		t.Errorf("volume %g, diameters %g and %g", s.MaskVolume, s.DiameterMM, s.MaskDiameterMM())
	}
	if m := s.Mask(); !m[5*1024+7*32] || !m[5*1024+7*32+99] || m[5*1024+7*32+100] || m[5*1024+7*32-1] {
		t.Error("the mask is not that of the file")
	}
	if n := ds.Notes(); len(n) != 1 || !strings.Contains(n[0], `"texture"`) {
		t.Errorf("notes %q", n)
	}
	for name, c := range map[string]struct {
		change func(map[string][]byte)
		says   string
	}{
		"no mask":       {func(a map[string][]byte) { delete(a, "mask") }, "array mask: missing"},
		"other order":   {func(a map[string][]byte) { a["nodule"] = npyBytes("<U2", "3,", []string{"1", "2", "1"}) }, "row 1 is not that of the cubes"},
		"other patient": {func(a map[string][]byte) { a["patient"] = npyBytes("<U4", "3,", []string{"P-1", "P-2", "P-3"}) }, "row 2 is not that of the cubes"},
		"fewer rows":    {func(a map[string][]byte) { a["mask"] = npyBytes("|u1", "2, 32, 32, 32", make([]uint8, 2*CubeVoxels)) }, "2 rows, but the cubes have 3"},
		"a mask of 3":   {func(a map[string][]byte) { a["mask"][200] = 3 }, "neither 0 nor 1"},
	} {
		a := maskArrays()
		c.change(a)
		err := ds.LoadMasks(write("bad.npz", a))
		if CodeOf(err) != CodeDatasetInvalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
		if s.MaskVolume != 100 {
			t.Errorf("%s: masks that were refused are used", name)
		}
	}
	write("set_masks.npz", map[string][]byte{})
	_, err = LoadNPZ(path)
	wantCode(t, err, CodeDatasetInvalid)
	small, err := loadBytes(t, npzBytes(cubes51Arrays()))
	if err != nil {
		t.Fatal(err)
	}
	if m := small.Samples[0].Mask(); len(m) != CubeVoxels || slices.Contains(m, true) {
		t.Error("a mask in the corner of 51 mm is within its 32 mm")
	}
	wantCode(t, small.LoadMasks(filepath.Join(dir, "bad.npz")), CodeDatasetInvalid)
}

func FuzzMasks(f *testing.F) {
	data := npzBytes(voiArrays())
	f.Add(npzBytes(maskArrays()))
	f.Add(npzBytes(map[string][]byte{"mask": npyBytes("|u1", "3, 32, 32, 32", []uint8{})}))
	f.Add([]byte("PK\x05\x06"))
	ds, err := readNPZ(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := *ds
		d.Samples = slices.Clone(ds.Samples)
		err := d.readMasks(bytes.NewReader(data), int64(len(data)))
		for i := range d.Samples {
			if m := d.Samples[i].Mask(); (m == nil) != (err != nil) || m != nil && len(m) != CubeVoxels {
				t.Fatalf("error %v, but nodule %d has a mask of %d voxels", err, i, len(m))
			}
		}
	})
}

func TestRealFullSet(t *testing.T) {
	ds, err := LoadNPZ(checktest.Data(t, "lidc_full_32mm.npz"))
	if err != nil {
		t.Fatal(err)
	}
	if ds.Layout != "full-32mm" || len(ds.Notes()) != 0 {
		t.Errorf("layout %s, notes %q", ds.Layout, ds.Notes())
	}
	three, err := ds.MinReaders(3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ds   *Dataset
		want [3]int // indeterminate, normal, anomaly
	}{{ds, [3]int{713, 437, 171}}, {three, [3]int{382, 182, 137}}} {
		var count [3]int
		for i := range c.ds.Samples {
			count[c.ds.Samples[i].Label]++
		}
		if count != c.want {
			t.Errorf("%d nodules: labels %v, want %v", len(c.ds.Samples), count, c.want)
		}
	}
	patients, cut, disagree := map[string]bool{}, 0, 0
	var off []float64 // mm from the diameter, of whole masks
	for i := range ds.Samples {
		s := &ds.Samples[i]
		patients[s.Patient] = true
		if touchesBorder(s.Mask()) {
			cut++
		} else {
			off = append(off, math.Abs(s.MaskDiameterMM()-s.DiameterMM))
		}
		var n, sum int
		for _, name := range []string{"rating_1", "rating_2", "rating_3", "rating_4"} {
			if r := s.Ratings[name]; r > 0 {
				n, sum = n+1, sum+r
			}
		}
		mean := float64(sum) / float64(max(n, 1))
		if n != s.Readers || (s.Label == Normal) != (mean < 2.5) || (s.Label == Anomaly) != (mean > 3.5) {
			disagree++
		}
	}
	if len(ds.Samples) != 1321 || len(patients) != 421 || disagree > 0 {
		t.Errorf("%d nodules of %d patients, %d ratings that do not agree", len(ds.Samples), len(patients), disagree)
	}
	// The file's diameter is that of the mask on the scan's own slices: the mask
	// on voxels of 1 mm has its volume but for the interpolation, and one that
	// reaches the border is cut there.
	slices.Sort(off)
	median, nearly, most := off[len(off)/2], off[len(off)*98/100], off[len(off)-1]
	t.Logf("%d masks reach the border; spheres of the others are %.2f mm from the diameter (median), 98 %% within %.2f, all within %.2f", cut, median, nearly, most)
	if cut != 40 || median > 0.11 || nearly > 0.55 || most > 1.5 {
		t.Error("the masks are not those of the nodules")
	}
	for _, p := range HeldOutPatients() {
		if patients[p] {
			t.Error("a held-out patient is in the set")
		}
	}
}

func touchesBorder(mask []bool) bool {
	for i, in := range mask {
		z, y, x := i/1024, i/32%32, i%32
		if in && (min(z, y, x) == 0 || max(z, y, x) == CubeSize-1) {
			return true
		}
	}
	return false
}
