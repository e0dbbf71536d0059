package dicomtest_test

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// TestAnotherParserReadsIt: each syntax with the general parser, which shares
// no code with the writer.
func TestAnotherParserReadsIt(t *testing.T) {
	for _, syntax := range []string{dicomtest.Implicit, dicomtest.Explicit, dicomtest.BigEndian, dicomtest.Deflated, dicomtest.RLE} {
		b, err := dicomtest.Encode(dicomtest.Spec{Syntax: syntax, Unsigned: true, Rows: 6, Cols: 5}, 2)
		if err != nil {
			t.Fatal(err)
		}
		set, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			t.Fatalf("%s: %v", syntax, err)
		}
		pos, err := set.FindElementByTag(tag.ImagePositionPatient)
		if err != nil || strings.Join(dicom.MustGetStrings(pos.Value), " ") != "0 0 5" {
			t.Errorf("%s: position %v (%v)", syntax, pos, err)
		}
		pixels, err := set.FindElementByTag(tag.PixelData)
		if err != nil {
			t.Fatalf("%s: %v", syntax, err)
		}
		info := dicom.MustGetPixelDataInfo(pixels.Value)
		if syntax == dicomtest.RLE {
			if len(info.Frames) != 1 || !info.IsEncapsulated {
				t.Errorf("RLE: %d fragments", len(info.Frames))
			}
			continue
		}
		native, err := info.Frames[0].GetNativeFrame()
		if err != nil {
			t.Fatal(err)
		}
		v, err := native.GetPixel(3, 4)
		if err != nil || v[0] != 500+200+40+3 {
			t.Errorf("%s: pixel is %v (%v)", syntax, v, err)
		}
	}
}

// TestDcmtkReadsIt: no complaint from dcmdump, and RLE that dcmdrle decodes.
func TestDcmtkReadsIt(t *testing.T) {
	if _, err := exec.LookPath("dcmdrle"); err != nil {
		t.Skip("no dcmtk here")
	}
	dir := t.TempDir()
	if err := dicomtest.WriteSeries(dir, dicomtest.Spec{Slices: 1, Syntax: dicomtest.RLE, ScanOrder: true}); err != nil {
		t.Fatal(err)
	}
	in, out := filepath.Join(dir, "00000-0.dcm"), filepath.Join(dir, "out.dcm")
	for _, c := range [][]string{{"dcmdump", in}, {"dcmdrle", in, out}} {
		if text, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil || strings.Contains(string(text), "W:") {
			t.Errorf("%v: %v\n%s", c, err, text)
		}
	}
}

func TestWriteSeries(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := dicomtest.WriteSeries(dir, dicomtest.Spec{Slices: 5, Skip: []int{1}, Double: []int{2}, Truncate: []int{0}, NoPixels: []int{4}}); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if len(files) != 5 {
		t.Fatalf("%d files, want 5", len(files))
	}
	var sizes []int64
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	slices.Sort(sizes)
	if sizes[1]-sizes[0] < 300 || sizes[2]-sizes[1] < 100 || sizes[4]-sizes[2] > 10 {
		t.Errorf("sizes %v are not those of an empty, a cut and three whole images", sizes)
	}
}

func TestPosition(t *testing.T) {
	s := dicomtest.Spec{TiltDeg: 20, Origin: [3]float64{1, 2, 3}, Jitter: map[int]float64{2: 0.5}}
	if p := s.Position(2); math.Abs(p[2]-8.5) > 1e-12 || p[0] != 1 || p[1] != 2 {
		t.Errorf("slice 2 of a tilted series lies at %v", p)
	}
	s = dicomtest.Spec{RowDir: [3]float64{0, 1, 0}, ColDir: [3]float64{0, 0, -1}}
	if p := s.Position(1); p != [3]float64{-2.5, 0, 0} {
		t.Errorf("slice 1 of a sagittal series lies at %v", p)
	}
}

func TestUnknownValueIsAnError(t *testing.T) {
	_, err := dicomtest.Encode(dicomtest.Spec{Edit: func(_ int, set dicomtest.Elements) { set[0x00100010] = dicomtest.Element{VR: "PN", Value: 3} }}, 0)
	if err == nil {
		t.Error("an int is written as PN")
	}
}
