package dicomio

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio/codec"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

func openReal(t testing.TB, parts ...string) *Series {
	t.Helper()
	s, err := OpenSeries(context.Background(), checktest.Data(t, parts...), "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRealChestGeometry(t *testing.T) {
	for name, c := range map[string]struct {
		slices   int
		padding  float64 // share outside the field of view
		min, max float32
	}{
		"LIDC-IDRI-0001": {133, 0.2127, -2048, 4000},
		"LIDC-IDRI-0003": {140, 0.2127, -2048, 4000},
	} {
		s := openReal(t, "ct", name)
		g := s.Geometry
		if g.Slices != c.slices || math.Abs(g.SpacingMM[0]-2.5) > 1e-6 || g.TiltDeg > 1e-6 || len(g.Missing) > 0 || len(s.Warnings) > 0 {
			t.Errorf("%s: %d slices, spacing %v, tilt %v, missing %v, warnings %v", name, g.Slices, g.SpacingMM, g.TiltDeg, g.Missing, s.Warnings)
		}
		b, err := s.HU(context.Background(), 60, 3)
		if err != nil {
			t.Fatal(err)
		}
		pad := 0
		for i, v := range b.HU {
			if v < c.min || v > c.max {
				t.Fatalf("%s: %v HU", name, v)
			}
			if b.Padding[i] {
				pad++
				if v != -2048 {
					t.Fatalf("%s: %v HU is taken for padding", name, v)
				}
			}
		}
		if share := float64(pad) / float64(len(b.HU)); math.Abs(share-c.padding) > 0.001 {
			t.Errorf("%s: %.4f of the voxels are padding, want %.4f", name, share, c.padding)
		}
	}
}

// TestRealTilt: 18.5 degrees, and a change of spacing from 4.22 to 7.38 mm
// along the table, which is no integer multiple, where the scan goes on with
// slices of 7 mm instead of 4.
func TestRealTilt(t *testing.T) {
	s := openReal(t, "awkward", "gantry_tilt_ge")
	g := s.Geometry
	if g.Slices != 28 || math.Abs(g.TiltDeg-18.5) > 0.01 || len(g.Missing) != 0 || !g.Line.near(Vec{0, 0, 1}, 1e-6) {
		t.Errorf("%d slices, tilt %v, missing %v, line %v", g.Slices, g.TiltDeg, g.Missing, g.Line)
	}
	for z, sl := range s.Slices {
		if p := g.ToLPS([3]float64{float64(z), 0, 0}); p.Sub(Vec(sl.Origin)).Norm() > 1e-3 {
			t.Errorf("slice %d lies at %v, its file says %v", z, p, sl.Origin)
		}
	}
	var codes []Code
	for _, w := range s.Warnings {
		codes = append(codes, w.Code)
	}
	if len(codes) != 3 || codes[0] != CodeSeveralVolumes || codes[1] != CodeGantryTilt || codes[2] != CodeIrregularSpacing {
		t.Errorf("warnings %v", s.Warnings)
	}
}

func TestRealGaps(t *testing.T) {
	for parts, want := range map[string]Gap{
		"dicom2nifti_failing/sliceincrement/001": {2, 1},
		"dicom2nifti_failing/sliceincrement/002": {2, 1},
		"pydicom/dicomdir_CT":                    {0, 161},
	} {
		s := openReal(t, "awkward", parts)
		if m := s.Geometry.Missing; len(m) != 1 || m[0] != want {
			t.Errorf("%s: missing %v, want %v", parts, m, want)
		}
	}
	dir := checktest.Data(t, "awkward", "dicom2nifti_failing/notavolume")
	if _, err := Open(context.Background(), dir, Options{}); CodeOf(err) != CodeTooFewSlices {
		t.Errorf("one position: %v", err)
	}
}

// TestRealAwkwardFiles: every file on its own is read or refused with the code
// that is named here.
func TestRealAwkwardFiles(t *testing.T) {
	root := checktest.Data(t, "awkward")
	foreign := []string{".53.dcm", ".55.dcm"}
	wantCode := func(path string) Code {
		has := func(parts ...string) bool {
			for _, p := range parts {
				if strings.Contains(path, p) {
					return true
				}
			}
			return false
		}
		switch {
		case has("fragmented_no_bot", "eCT_Supplemental"):
			return CodePixelFormat // maps of perfusion in colours, which are no HU
		case has("MR_truncated", "ExplVR_BigEnd", "rtplan", "slicecount", "sliceorientation", "image_dfl", "no-pixel-data", "no-pixel-spacing", "nested_priv_SQ", "no_meta_group_length"):
			return CodeNotCT
		case has("no_meta.dcm"):
			return "ignored"
		case has(foreign...):
			return CodeTransferSyntax
		}
		return ""
	}
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(d.Name(), "LICENSE") || strings.HasSuffix(path, ".md") {
			return err
		}
		seen++
		one := scanFile(t.Context(), entry{path: path}, Options{}.withDefaults())
		h, err := &header{}, one.err
		if err == nil {
			h = one.images[0]
		}
		got := CodeOf(err)
		if errors.Is(err, errNotDICOM) {
			got = "ignored"
		}
		if rel := strings.TrimPrefix(path, root); got != wantCode(rel) {
			t.Errorf("%s: %v, want code %q", rel, err, wantCode(rel))
		}
		if err == nil {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			// A file that is read must have pixels, also where they are compressed.
			if _, ok := pixelsOf(b); !ok {
				t.Errorf("%s (%s): the pixels are not decoded", path, h.format.syntax.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 60 {
		t.Errorf("only %d files seen", seen)
	}
}

// TestRealSyntaxesAreIdentical: the same slice in every syntax that is read.
func TestRealSyntaxesAreIdentical(t *testing.T) {
	dir := checktest.Data(t, "awkward", "cornerstone_same_slice_all_syntaxes")
	read := func(path string) ([]float32, *header) {
		one := scanFile(t.Context(), entry{path: path}, Options{}.withDefaults())
		if one.err != nil {
			t.Fatal(one.err)
		}
		h := one.images[0]
		n := h.format.Rows * h.format.Cols
		hu := make([]float32, n)
		var r frameReader
		if err := r.slice(t.Context(), h, &unpackedFile{}, hu, make([]bool, n)); err != nil {
			t.Fatal(err)
		}
		return hu, h
	}
	want, _ := read(filepath.Join(dir, "CTImage.dcm"))
	seen := 0
	for _, uid := range []string{codec.ImplicitLittle, codec.ExplicitLittle, codec.BigEndian, codec.Deflated, codec.RLE, codec.JPEGLossless, codec.JPEGSV1, codec.JPEGLS, codec.JPEG2000} {
		files, _ := filepath.Glob(filepath.Join(dir, "*_"+uid+".dcm"))
		for _, path := range files {
			got, h := read(path)
			if h.format.syntax.UID != uid {
				t.Errorf("%s is read as %s", uid, h.format.syntax.UID)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s: pixel %d is %v, want %v", uid, i, got[i], want[i])
					break
				}
			}
			seen++
		}
	}
	if seen != 9 {
		t.Errorf("%d syntaxes compared, want 9", seen)
	}
}

// TestPydicomHU compares every slice of a real series with what pydicom reads;
// see testdata/pydicom_hu.py.
func TestPydicomHU(t *testing.T) {
	dir := checktest.Data(t, "ct", "LIDC-IDRI-0001")
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pydicom, numpy").Run(); err != nil {
		t.Skip("no python3-pydicom here")
	}
	out, err := exec.Command(python, "testdata/pydicom_hu.py", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if uid, digest, ok := strings.Cut(lines.Text(), " "); ok {
			want[uid] = digest
		}
	}
	s := openReal(t, "ct", "LIDC-IDRI-0001")
	if len(want) != len(s.Slices) {
		t.Fatalf("pydicom reads %d slices, dicomio %d", len(want), len(s.Slices))
	}
	var b Block
	for i, sl := range s.Slices {
		if err := s.HUInto(context.Background(), i, 1, &b); err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		if err := binary.Write(sum, binary.LittleEndian, b.HU); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != want[sl.SOPInstanceUID] {
			t.Errorf("slice %d differs from pydicom", i)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := checktest.Data(b, "ct", "LIDC-IDRI-0001")
	for b.Loop() {
		if _, err := OpenSeries(context.Background(), dir, "", Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHU(b *testing.B) {
	s := openReal(b, "ct", "LIDC-IDRI-0001")
	var block Block
	b.SetBytes(20 * 512 * 512 * 2)
	for b.Loop() {
		if err := s.HUInto(context.Background(), 50, 20, &block); err != nil {
			b.Fatal(err)
		}
	}
}
