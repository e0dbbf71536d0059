package dicomio_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// classic encodes every slice of a series.
func classic(t testing.TB, spec dicomtest.Spec) (images [][]byte) {
	t.Helper()
	for z := range max(spec.Slices, 1) {
		b, err := dicomtest.Encode(spec, z)
		checktest.Must(t, err)
		images = append(images, b)
	}
	return images
}

// enhanced writes images as multi-frame ones and gives the folder.
func enhanced(t testing.TB, images [][]byte, e dicomtest.Enhanced) string {
	t.Helper()
	dir := t.TempDir()
	files, err := dicomtest.MakeEnhanced(images, e)
	checktest.Must(t, err)
	for i, b := range files {
		checktest.Must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(9-i)), b, 0o600))
	}
	return dir
}

// shuffled puts images in an order that has nothing to do with their places.
func shuffled(images [][]byte) [][]byte {
	out := slices.Clone(images)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func openAt(t testing.TB, dir string) *dicomio.Series {
	t.Helper()
	s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
	checktest.Must(t, err)
	return s
}

// sameVolume compares geometry and every voxel, to the bit.
func sameVolume(t *testing.T, name string, want, got *dicomio.Series) {
	t.Helper()
	a, b := want.Geometry, got.Geometry
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%s: geometry %+v, want %+v", name, b, a)
		return
	}
	x, err := want.HU(t.Context(), 0, a.Slices)
	checktest.Must(t, err)
	y, err := got.HU(t.Context(), 0, b.Slices)
	if err != nil || !slices.Equal(x.HU, y.HU) || !slices.Equal(x.Padding, y.Padding) {
		t.Errorf("%s: voxels differ (%v)", name, err)
	}
}

var phantomSpec = dicomtest.Spec{
	Slices: 24, Rows: 32, Cols: 40, Unsigned: true, Intercept: -1024, Bits: 12, Origin: [3]float64{-12, -10, -100},
	Stored: func(z, y, x int) int { return (z*397 + y*y*3 + x*29 + x*y) % 4096 },
	Edit: func(z int, set dicomtest.Elements) {
		set.Set(0x00181210, "SH", "B30f")
		set.Set(0x00281052, "DS", fmt.Sprint(-1024-z)) // of each slice its own
	},
}

// TestEnhancedIsTheClassicSeries: the same voxels, whatever way frames are kept.
func TestEnhancedIsTheClassicSeries(t *testing.T) {
	images := classic(t, phantomSpec)
	want := open(t, phantomSpec)
	for name, c := range map[string]struct {
		images [][]byte
		e      dicomtest.Enhanced
	}{
		"in order":           {images, dicomtest.Enhanced{}},
		"shuffled":           {shuffled(images), dicomtest.Enhanced{}},
		"legacy":             {shuffled(images), dicomtest.Enhanced{Legacy: true}},
		"concatenation of 3": {shuffled(images), dicomtest.Enhanced{Parts: 3}},
	} {
		got := openAt(t, enhanced(t, c.images, c.e))
		sameVolume(t, name, want, got)
		if len(got.Warnings) > 0 || got.Volumes[0].Kernel != "B30F" {
			t.Errorf("%s: %v, volume %+v", name, got.Warnings, got.Volumes)
		}
	}
}

// TestEnhancedStacks: stacks are volumes where they lie at the same positions, and
// one volume where one goes on behind the other.
func TestEnhancedStacks(t *testing.T) {
	images := classic(t, phantomSpec)
	want := open(t, phantomSpec)
	twice, stack, times := slices.Concat(images, images), make([]int, 48), make([]int, 48)
	behind := make([]int, 24)
	for i := range 48 {
		stack[i], times[i] = 1+i/24, 1+i/24
	}
	for i := range 24 {
		behind[i] = 1 + i/12
	}
	order := rand.New(rand.NewPCG(3, 4)).Perm(48)
	mix := func(list []int) (out []int) {
		for _, k := range order {
			out = append(out, list[k])
		}
		return out
	}
	mixed := make([][]byte, 48)
	for i, k := range order {
		mixed[i] = twice[k]
	}
	for name, c := range map[string]struct {
		images  [][]byte
		e       dicomtest.Enhanced
		volumes int
	}{
		"stacks at the same positions":         {mixed, dicomtest.Enhanced{Stack: mix(stack)}, 2},
		"stacks over a concatenation":          {mixed, dicomtest.Enhanced{Stack: mix(stack), Parts: 3}, 2},
		"times at the same positions":          {mixed, dicomtest.Enhanced{Times: mix(times)}, 2},
		"stacks one behind the other":          {images, dicomtest.Enhanced{Stack: behind}, 1},
		"a stack for every frame, which is no": {images, dicomtest.Enhanced{Stack: order[:24]}, 1},
	} {
		got := openAt(t, enhanced(t, c.images, c.e))
		sameVolume(t, name, want, got)
		if len(got.Volumes) != c.volumes {
			t.Errorf("%s: %d volumes, want %d: %v", name, len(got.Volumes), c.volumes, got.Warnings)
		}
		if c.volumes == 2 && (len(got.Warnings) != 1 || got.Warnings[0].Code != dicomio.CodeSeveralVolumes) {
			t.Errorf("%s: warnings %v", name, got.Warnings)
		}
	}
}

// TestEnhancedSyntaxes: frames in transfer syntaxes that others write, with and
// without an offset table, in one fragment each and in many.
func TestEnhancedSyntaxes(t *testing.T) {
	images := classic(t, phantomSpec)
	want := open(t, phantomSpec)
	dir := enhanced(t, shuffled(images), dicomtest.Enhanced{})
	in := filepath.Join(dir, "9")
	for name, c := range map[string][]string{
		"implicit":                        {"dcmconv", "+ti"},
		"big endian":                      {"dcmconv", "+tb"},
		"undefined lengths":               {"dcmconv", "-e"},
		"deflated":                        {"dcmconv", "+td"},
		"RLE":                             {"dcmcrle"},
		"RLE without a table":             {"dcmcrle", "-ot"},
		"JPEG lossless":                   {"dcmcjpeg", "+e1"},
		"JPEG lossless without a table":   {"dcmcjpeg", "-ot"},
		"JPEG lossless in fragments":      {"dcmcjpeg", "+fs", "1"},
		"the same without a table":        {"dcmcjpeg", "+fs", "1", "-ot"},
		"JPEG-LS":                         {"dcmcjpls"},
		"JPEG-LS in fragments":            {"dcmcjpls", "+fs", "1"},
		"JPEG-LS fragments without table": {"dcmcjpls", "+fs", "1", "-ot"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			dicomtest.Tool(t, c[0], append(slices.Clone(c[1:]), in, out)...)
			sameVolume(t, name, want, openAt(t, filepath.Dir(out)))
		})
	}
}

// TestEnhancedIsValid: others find nothing wrong with the images that these tests
// are made on.
func TestEnhancedIsValid(t *testing.T) {
	images := classic(t, phantomSpec)
	for _, e := range []dicomtest.Enhanced{{}, {Legacy: true}, {Parts: 3}, {Stack: make([]int, 24), Times: make([]int, 24)}} {
		for i := range e.Stack {
			e.Stack[i], e.Times[i] = 1, 1+i
		}
		dir := enhanced(t, images, e)
		for i := range max(e.Parts, 1) {
			if list := dicomtest.Complaints(dicomtest.Tool(t, "dciodvfy", filepath.Join(dir, fmt.Sprint(9-i)))); len(list) > 0 {
				t.Errorf("%+v: %v", e, list)
			}
		}
	}
}

// TestEnhancedPart: a part of a concatenation that is not there is told, and what
// names its frames does not mean others.
func TestEnhancedPart(t *testing.T) {
	dir := enhanced(t, classic(t, phantomSpec), dicomtest.Enhanced{Parts: 3})
	whole := openAt(t, dir)
	checktest.Must(t, os.Remove(filepath.Join(dir, "7"))) // the last
	s := openAt(t, dir)
	if len(s.Slices) != 16 || len(s.Warnings) != 1 || s.Warnings[0].Code != dicomio.CodeTruncated || !s.Cut() {
		t.Errorf("%d slices, %v", len(s.Slices), s.Warnings)
	}
	if s.InstanceDigest() == whole.InstanceDigest() {
		t.Error("the digest does not change with the part")
	}
	for z, slice := range whole.Slices {
		if slice.Frame != z%8 || slice.InstanceNumber != z+1 || !dicomio.MultiFrame(slice.SOPClassUID) {
			t.Fatalf("slice %d is %+v", z, slice)
		}
		p := whole.Geometry.ToLPS([3]float64{float64(z), 3, 4})
		at, ok := whole.OnImage(p)
		if !ok || at.SOPInstanceUID != slice.SOPInstanceUID || at.Frame != slice.Frame {
			t.Errorf("slice %d is found as %+v", z, at)
		}
		if back, ok := whole.InPatient(at); !ok || !near(back, p) {
			t.Errorf("slice %d: %v became %v", z, p, back)
		}
	}
}

// TestEnhancedDoubles: a frame at the position of another is left out and still
// means its place.
func TestEnhancedDoubles(t *testing.T) {
	images := classic(t, phantomSpec)
	s := openAt(t, enhanced(t, append(images, images[5]), dicomtest.Enhanced{}))
	if len(s.Slices) != 24 || len(s.Doubles) != 1 {
		t.Fatalf("%d slices, doubles %v", len(s.Slices), s.Doubles)
	}
	for ref, z := range s.Doubles {
		p, ok := s.InPatient(dicomio.ImagePoint{SOPInstanceUID: ref.SOPInstanceUID, Frame: ref.Frame, Column: 4.5, Row: 3.5})
		if want := s.Geometry.ToLPS([3]float64{5, 3, 4}); !ok || z != 5 || !near(p, want) {
			t.Errorf("%v of slice %d lies at %v, want %v", ref, z, p, want)
		}
	}
}

// TestEnhancedPacked: multi-frame files that are gzipped, in a zip, or deflated
// are read, and inflated once for all their frames.
func TestEnhancedPacked(t *testing.T) {
	want := open(t, phantomSpec)
	files, err := dicomtest.MakeEnhanced(shuffled(classic(t, phantomSpec)), dicomtest.Enhanced{Parts: 2})
	checktest.Must(t, err)
	zipped, gzipped, stored := t.TempDir(), t.TempDir(), t.TempDir()
	var b, plain bytes.Buffer
	z, p := zip.NewWriter(&b), zip.NewWriter(&plain)
	for i, file := range files {
		w, err := z.Create(fmt.Sprint(i))
		checktest.Must(t, err)
		_, err = w.Write(file)
		checktest.Must(t, err)
		w, err = p.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Store})
		checktest.Must(t, err)
		_, err = w.Write(file)
		checktest.Must(t, err)
		var packed bytes.Buffer
		g := gzip.NewWriter(&packed)
		_, err = g.Write(file)
		checktest.Must(t, err)
		checktest.Must(t, g.Close())
		checktest.Must(t, os.WriteFile(filepath.Join(gzipped, fmt.Sprint(i)), packed.Bytes(), 0o600))
	}
	checktest.Must(t, z.Close())
	checktest.Must(t, os.WriteFile(filepath.Join(zipped, "a.zip"), b.Bytes(), 0o600))
	checktest.Must(t, p.Close())
	checktest.Must(t, os.WriteFile(filepath.Join(stored, "a.zip"), plain.Bytes(), 0o600))
	for name, dir := range map[string]string{"zip": zipped, "gzip": gzipped, "stored in a zip": stored} {
		sameVolume(t, name, want, openAt(t, dir))
	}
	damaged := plain.Bytes()
	at := bytes.Index(damaged, files[0]) + len(files[0]) - 5 // in the pixels
	damaged[at] ^= 1
	checktest.Must(t, os.WriteFile(filepath.Join(stored, "a.zip"), damaged, 0o600))
	s, err := dicomio.OpenSeries(t.Context(), stored, "", dicomio.Options{})
	if err == nil {
		_, err = s.HU(t.Context(), 0, len(s.Slices))
	}
	if dicomio.CodeOf(err) != dicomio.CodeUnreadable {
		t.Errorf("a damaged zip is read: %v", err)
	}
}
