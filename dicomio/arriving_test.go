package dicomio_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// TestBlankFiles: a file of which nothing is there yet, named like the images, is one
// that is cut short; marks of other programs are not.
func TestBlankFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		size int
		cut  bool
	}{
		"empty":               {"9.dcm", 0, true},
		"in the preamble":     {"9.dcm", 100, true},
		"room was made":       {"9.dcm", 500_000, true},
		"in another case":     {"9.DCM", 0, true},
		"a copy in progress":  {"9.dcm.part", 0, true},
		"a mark":              {"COMPLETE", 0, false},
		"a mark with a point": {".done", 0, false},
		"a note":              {"series.txt", 0, false},
	} {
		dir := write(t, "", dicomtest.Spec{})
		save(t, filepath.Join(dir, c.file), make([]byte, c.size))
		s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		if s.Cut() != c.cut || (warned(s, dicomio.CodeTruncated) != "") != c.cut {
			t.Errorf("%s: cut %v, %v", name, s.Cut(), s.Warnings)
		}
	}
}

// TestFoldersLeftOut: what a folder below could not give is told.
func TestFoldersLeftOut(t *testing.T) {
	elsewhere := write(t, "", dicomtest.Spec{SeriesUID: "1.2.9"})
	dir := write(t, "", dicomtest.Spec{})
	if err := os.Symlink(elsewhere, filepath.Join(dir, "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := warned(s, dicomio.CodeUnreadable); !strings.HasPrefix(d, "1 file") || !strings.Contains(d, "links to folders are not followed") {
		t.Errorf("%q", d)
	}
	if os.Getuid() == 0 {
		t.Skip("root may read every folder")
	}
	shut := filepath.Join(write(t, "", dicomtest.Spec{}), "shut")
	write(t, shut, dicomtest.Spec{SeriesUID: "1.2.9"})
	if err := os.Chmod(shut, 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(shut, 0o755) }() //nolint:gosec // a folder
	if s, err = dicomio.OpenSeries(t.Context(), filepath.Dir(shut), "", dicomio.Options{}); err != nil {
		t.Fatal(err)
	}
	if d := warned(s, dicomio.CodeUnreadable); !strings.Contains(d, "permissions") {
		t.Errorf("%q", d)
	}
}

// TestSignIsTold: without Pixel Representation, or with another value than 0 and 1,
// it is not known what the pixels are.
func TestSignIsTold(t *testing.T) {
	for name, edit := range map[string]func(int, dicomtest.Elements){
		"missing": func(_ int, set dicomtest.Elements) { delete(set, 0x00280103) },
		"two":     func(_ int, set dicomtest.Elements) { set[0x00280103] = dicomtest.Element{VR: "US", Value: []uint16{2}} },
	} {
		_, err := dicomio.OpenSeries(t.Context(), write(t, "", dicomtest.Spec{Edit: edit}), "", dicomio.Options{})
		if dicomio.CodeOf(err) != dicomio.CodePixelFormat {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRepeatedUID: images that share a SOP Instance UID are one image, or refused;
// the names of files decide nothing.
func TestRepeatedUID(t *testing.T) {
	copyOf := func(dir, as string) {
		b, err := os.ReadFile(filepath.Join(dir, firstFile(t, dir)))
		if err != nil {
			t.Fatal(err)
		}
		save(t, filepath.Join(dir, as), b)
	}
	same := write(t, "", dicomtest.Spec{})
	copyOf(same, "again.dcm")
	s, err := dicomio.OpenSeries(t.Context(), same, "", dicomio.Options{})
	if err != nil || warned(s, dicomio.CodeDuplicatePosition) == "" || len(s.Slices) != 4 {
		t.Fatalf("the same file twice: %v, %+v", err, s)
	}

	for _, name := range []string{"0-before.dcm", "zz-behind.dcm"} {
		other := write(t, "", dicomtest.Spec{})
		copyOf(other, name)
		path := filepath.Join(other, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-9] ^= 1 // a pixel
		save(t, path, b)
		if _, err := dicomio.OpenSeries(t.Context(), other, "", dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeUIDRepeated {
			t.Errorf("other pixels, %s: %v", name, err)
		}
	}

	for name, edit := range map[string]func(int, dicomtest.Elements){
		"all": func(_ int, set dicomtest.Elements) { set.Set(0x00080018, "UI", "1.2.3") },
		"two of it": func(i int, set dicomtest.Elements) {
			set.Set(0x00080018, "UI", []string{"1.2.3", "1.2.3", "1.2.4", "1.2.5"}[i])
		},
	} {
		if _, err := dicomio.OpenSeries(t.Context(), write(t, "", dicomtest.Spec{Edit: edit}), "", dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeUIDRepeated {
			t.Errorf("%s at several places: %v", name, err)
		}
	}
}

func firstFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	return files[0].Name()
}

// TestGzipBounds: a gzipped file is bounded as one in a zip is, and what lies behind
// an image does not hide what follows it.
func TestGzipBounds(t *testing.T) {
	for name, c := range map[string]struct {
		more int
		code dicomio.Code
	}{
		"as it is": {0, ""}, "5 MiB of zeros behind": {5 << 20, dicomio.CodeLimit}, "100 MiB": {100 << 20, dicomio.CodeLimit},
	} {
		dir := write(t, "", dicomtest.Spec{})
		for file, b := range contents(t, dir, "") {
			save(t, filepath.Join(dir, file), gzipped(t, append(bytes.Clone(b), make([]byte, c.more)...)))
		}
		if _, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{}); dicomio.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A wrong checksum is told where the file is longer than its image, too.
	dir := write(t, "", dicomtest.Spec{})
	for file, b := range contents(t, dir, "") {
		z := gzipped(t, b)
		z[len(z)-6] ^= 1
		save(t, filepath.Join(dir, file), z)
	}
	if _, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeUnreadable {
		t.Errorf("a wrong checksum: %v", err)
	}
}
