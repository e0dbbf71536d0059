package dicomio_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

// medium writes a CD of two series of six and four slices, with a DICOMDIR that
// dcmtk makes.
func medium(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("dcmmkdir")
	if err != nil {
		t.Skip("dcmmkdir is not installed (Debian: dcmtk)")
	}
	dir := t.TempDir()
	for folder, spec := range map[string]dicomtest.Spec{"A": {Slices: 6, SeriesUID: "1.2.3.1"}, "B": {Slices: 4, SeriesUID: "1.2.3.2"}} {
		spec.ScanOrder = true
		spec.Edit = func(_ int, e dicomtest.Elements) {
			e[0x00100020] = dicomtest.Element{VR: "LO", Value: "X1"} // a medium tells its patients apart by it
			e[0x00200010] = dicomtest.Element{VR: "SH", Value: "1"}
		}
		place := filepath.Join(dir, "IMAGES", folder)
		if err := dicomtest.WriteSeries(place, spec); err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join(place, "*.dcm"))
		if err != nil || len(found) != spec.Slices {
			t.Fatal(found, err)
		}
		for _, path := range found { // names of a medium
			name := "I" + strings.TrimSuffix(filepath.Base(path), "-0.dcm")
			if err := os.Rename(path, filepath.Join(place, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command(tool, "--general-purpose", "--invent", "--recurse", "--input-directory", dir, "--output-file", filepath.Join(dir, "DICOMDIR"), "IMAGES") //nolint:gosec // this test
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

func warningsOf(s *dicomio.Series) (codes string) {
	for _, w := range s.Warnings {
		codes += string(w.Code) + " "
	}
	return strings.TrimSpace(codes)
}

func remove(t *testing.T, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if err := os.RemoveAll(p); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDICOMDIR: what a DICOMDIR lists and is not there is told by name, and only
// that; the rest is read whether it is listed or not.
func TestDICOMDIR(t *testing.T) {
	dir := medium(t)
	index := filepath.Join(dir, "DICOMDIR")
	look := func(place string, opts dicomio.Options) *dicomio.Survey {
		t.Helper()
		s, err := dicomio.Look(t.Context(), place, opts)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, place := range []string{dir, index} {
		s := look(place, dicomio.Options{})
		if len(s.Series) != 2 || len(s.Files) != 0 || warningsOf(s.Series[0])+warningsOf(s.Series[1]) != "" {
			t.Errorf("a whole medium: %v, %v", s.Series, s.Files)
		}
	}
	// Renamed as copying does, and one more that is not listed: nothing is missing.
	a := filepath.Join(dir, "IMAGES", "A")
	if err := os.Rename(filepath.Join(a, "I00001"), filepath.Join(a, "copy.dcm")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(a, filepath.Join(dir, "IMAGES", "elsewhere")); err != nil {
		t.Fatal(err)
	}
	a = filepath.Join(dir, "IMAGES", "elsewhere")
	if err := dicomtest.WriteSeries(filepath.Join(dir, "C"), dicomtest.Spec{Slices: 5, SeriesUID: "1.2.3.3"}); err != nil {
		t.Fatal(err)
	}
	if s := look(dir, dicomio.Options{}); len(s.Series) != 3 || len(s.Files) != 0 {
		t.Errorf("renamed files: %v, %v", s.Series, s.Files)
	}
	// Above the limit of files, those that are listed are read.
	if s := look(dir, dicomio.Options{MaxFiles: 12}); len(s.Series) != 1 || warningsOf(s.Series[0]) != "limit_exceeded" || s.Series[0].SeriesUID != "1.2.3.2" {
		t.Errorf("more files than the limit: %v", s.Series)
	}
	remove(t, filepath.Join(dir, "C"), filepath.Join(a, "I00002"), filepath.Join(dir, "IMAGES", "B"))
	save(t, filepath.Join(a, "I00005"), nil)
	s := look(dir, dicomio.Options{})
	if len(s.Series) != 1 || warningsOf(s.Series[0]) != "missing_slices file_truncated file_missing" || !s.Series[0].Cut() {
		t.Fatalf("one absent, one empty: %v, %v", warningsOf(s.Series[0]), s.Files)
	}
	var names []string
	for _, e := range s.Files {
		if e.Code == dicomio.CodeTruncated { // the one that is empty, besides
			continue
		}
		names = append(names, filepath.Base(e.Path))
		if e.Code != dicomio.CodeFileMissing {
			t.Error(e)
		}
	}
	slices.Sort(names[:2])
	slices.Sort(names[2:])
	if got := strings.Join(names, " "); got != "I00002 I00005 I00000 I00001 I00002 I00003" {
		t.Errorf("named as absent: %s", got)
	}
	if len(s.Refused) != 1 || s.Refused[0].SeriesUID != "1.2.3.2" || s.Refused[0].Err.Code != dicomio.CodeFileMissing {
		t.Errorf("a series of which nothing is there: %v", s.Refused)
	}
	if _, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{}); err != nil {
		t.Errorf("the one series that is there: %v", err)
	}
	if _, err := dicomio.OpenSeries(t.Context(), dir, "1.2.3.2", dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeFileMissing {
		t.Errorf("the series that is not there: %v", err)
	}
}

// TestDICOMDIRInZip: a medium in an archive is compared, too.
func TestDICOMDIRInZip(t *testing.T) {
	dir := medium(t)
	files := map[string][]byte{}
	for _, name := range []string{"DICOMDIR", "IMAGES/A/I00000", "IMAGES/A/I00001", "IMAGES/A/I00002", "IMAGES/A/I00003", "IMAGES/A/I00004"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files["CD1/"+strings.ToLower(name)] = b
	}
	path := filepath.Join(t.TempDir(), "cd.zip")
	save(t, path, zipped(t, zip.Deflate, files))
	s, err := dicomio.OpenSeries(t.Context(), path, "1.2.3.1", dicomio.Options{})
	if err != nil || warningsOf(s) != "file_missing" || len(s.Slices) != 5 {
		t.Errorf("%v, %v", s, err)
	}
}

// TestDICOMDIRBroken: records in a circle, that lead nowhere, or cut short: the
// files are read, with a warning.
func TestDICOMDIRBroken(t *testing.T) {
	dir := medium(t)
	index := filepath.Join(dir, "DICOMDIR")
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.Index(whole, []byte("\x04\x00\x00\x12UL\x04\x00")) + 8
	next := bytes.Index(whole, []byte("\x04\x00\x00\x14UL\x04\x00")) + 8
	lower := bytes.Index(whole, []byte("\x04\x00\x20\x14UL\x04\x00")) + 8
	set := func(at int, v uint32) []byte {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	root := binary.LittleEndian.Uint32(whole[first:])
	for name, content := range map[string][]byte{
		"a circle":         set(next, root),
		"a circle below":   set(lower, root),
		"nowhere":          set(next, 0xFFFFFF00),
		"inside a record":  set(first, root+8),
		"cut short":        whole[:len(whole)-100],
		"cut in its links": whole[:next+2],
	} {
		save(t, index, content)
		s, err := dicomio.Look(t.Context(), dir, dicomio.Options{})
		if err != nil || len(s.Series) != 2 || warningsOf(s.Series[0]) != "dicomdir_unusable" || len(s.Files) != 1 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	save(t, index, set(first, 0)) // nothing is linked: the records in their order
	remove(t, filepath.Join(dir, "IMAGES", "B", "I00003"))
	s, err := dicomio.OpenSeries(t.Context(), dir, "1.2.3.2", dicomio.Options{})
	if err != nil || warningsOf(s) != "file_missing" {
		t.Errorf("without links: %v, %v", s, err)
	}
}

// TestDICOMDIRBrokenIsNoReason: where there is no volume, what is wrong with the
// images is told, and not that the DICOMDIR beside them is damaged.
func TestDICOMDIRBrokenIsNoReason(t *testing.T) {
	dir := medium(t)
	index := filepath.Join(dir, "DICOMDIR")
	whole, err := os.ReadFile(index)
	checktest.Must(t, err)
	one := func(edit func(int, dicomtest.Elements)) []byte {
		b, err := dicomtest.Encode(dicomtest.Spec{Edit: edit}, 0)
		checktest.Must(t, err)
		return b
	}
	image := one(nil)
	for name, c := range map[string]struct {
		file []byte
		want dicomio.Code
	}{
		"cut before its series": {image[:300], dicomio.CodeTruncated},
		"no CT":                 {one(func(_ int, e dicomtest.Elements) { e.Set(0x00080060, "CS", "MR") }), dicomio.CodeNotCT},
		"no CT, no series": {one(func(_ int, e dicomtest.Elements) {
			e.Set(0x00080060, "CS", "MR")
			delete(e, 0x0020000E)
		}), dicomio.CodeNotCT},
		"nothing else": {nil, dicomio.CodeIndex},
	} {
		place := t.TempDir()
		save(t, filepath.Join(place, "DICOMDIR"), whole[:len(whole)-100])
		if c.file != nil {
			save(t, filepath.Join(place, "b"), c.file)
		}
		if _, err := dicomio.Open(t.Context(), place, dicomio.Options{}); dicomio.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
