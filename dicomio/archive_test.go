package dicomio_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
)

// zipped writes files into a zip: name to content.
func zipped(t *testing.T, method uint16, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func contents(t *testing.T, dir, prefix string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	found, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[prefix+filepath.Base(path)] = b
	}
	return files
}

func save(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestArchives: a series in a zip or of gzipped files is the same as its files
// are, and nothing is unpacked.
func TestArchives(t *testing.T) {
	for _, syntax := range []string{dicomtest.Explicit, dicomtest.Deflated, dicomtest.RLE} {
		plain := write(t, "", dicomtest.Spec{Syntax: syntax, Slices: 6})
		want, err := dicomio.OpenSeries(t.Context(), plain, "", dicomio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		pixels, err := want.LookAtPixels(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		first, err := want.File(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		base := t.TempDir()
		places := map[string]string{"stored": "s.zip", "deflated": "d.zip", "beside": "folder", "gzip": "gz"}
		for _, name := range []string{"folder", "gz"} {
			if err := os.Mkdir(filepath.Join(base, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		files := contents(t, plain, "../../DICOM/PAT1/")
		files["README.TXT"] = []byte("a viewer is beside the images")
		files[""] = []byte("a file without a name")
		save(t, filepath.Join(base, "s.zip"), zipped(t, zip.Store, files))
		save(t, filepath.Join(base, "d.zip"), zipped(t, zip.Deflate, files))
		save(t, filepath.Join(base, "folder", "export"), zipped(t, zip.Deflate, files))
		for name, content := range contents(t, plain, "") {
			save(t, filepath.Join(base, "gz", name+".gz"), gzipped(t, content))
		}
		for name, place := range places {
			s, err := dicomio.OpenSeries(t.Context(), filepath.Join(base, place), "", dicomio.Options{})
			if err != nil {
				t.Errorf("%s, %s: %v", name, syntax, err)
				continue
			}
			got, err := s.LookAtPixels(t.Context(), false)
			if err != nil || got.Digest != pixels.Digest || s.InstanceDigest() != want.InstanceDigest() || len(s.Warnings) > 0 || s.Modified.IsZero() {
				t.Errorf("%s, %s: %v, %v, %v", name, syntax, got, s.Warnings, err)
			}
			if b, err := s.File(t.Context(), 0); err != nil || !bytes.Equal(b, first) {
				t.Errorf("%s, %s: its first file is not that of the series: %v", name, syntax, err)
			}
		}
		if found, err := filepath.Glob(filepath.Join(base, "*")); err != nil || len(found) != 4 {
			t.Errorf("%s: reading left %v, %v", syntax, found, err)
		}
	}
}

// TestArchivesRefused: what is no archive of a study is refused with a code, at
// once and without much memory.
func TestArchivesRefused(t *testing.T) {
	plain := write(t, "", dicomtest.Spec{})
	files := contents(t, plain, "")
	var image []byte
	for _, b := range files {
		image = b
	}
	whole := zipped(t, zip.Deflate, files)
	// Bytes that no file holds: 1 GiB of zeros behind the start of a header that
	// claims them as a value that is stepped over.
	bomb := bytes.NewBuffer(append(bytes.Clone(image[:132]), "\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00\x08\x00\x05\x00UN\x00\x00\xff\xff\xff\x3f"...))
	bomb.Write(make([]byte, 64<<20))
	locked := bytes.Clone(whole)
	for at := bytes.Index(locked, []byte("PK\x01\x02")); at >= 0; {
		locked[at+8] |= 1
		next := bytes.Index(locked[at+4:], []byte("PK\x01\x02"))
		if next < 0 {
			break
		}
		at += 4 + next
	}
	many := map[string][]byte{}
	for _, n := range strings.Split(strings.Repeat("x", 60), "") {
		many[strings.Repeat(n, len(many)+1)] = []byte("no image")
	}
	for name, c := range map[string]struct {
		content []byte
		code    dicomio.Code
	}{
		"zip in a zip":      {zipped(t, zip.Store, map[string][]byte{"in.zip": whole}), dicomio.CodeArchive},
		"gzip in a zip":     {zipped(t, zip.Store, map[string][]byte{"in.gz": gzipped(t, image)}), dicomio.CodeArchive},
		"zip in a gzip":     {gzipped(t, whole), dicomio.CodeArchive},
		"tar in a gzip":     {gzipped(t, append(make([]byte, 257), "ustar\x0000............"...)), dicomio.CodeArchive},
		"encrypted":         {locked, dicomio.CodeArchive},
		"7z":                {append([]byte("7z\xbc\xaf\x27\x1c"), make([]byte, 400)...), dicomio.CodeArchive},
		"cut zip":           {whole[:len(whole)-30], dicomio.CodeTruncated},
		"cut gzip":          {gzipped(t, image)[:200], dicomio.CodeTruncated},
		"gzip without data": {[]byte("\x1f\x8b\x08"), dicomio.CodeTruncated},
		"bomb in a zip":     {zipped(t, zip.Deflate, map[string][]byte{"a": bomb.Bytes()}), dicomio.CodeLimit},
		"bomb in a gzip":    {gzipped(t, bomb.Bytes()), dicomio.CodeLimit},
		"too many files":    {zipped(t, zip.Store, many), dicomio.CodeLimit},
	} {
		path := filepath.Join(t.TempDir(), "file")
		save(t, path, c.content)
		if _, err := dicomio.Open(t.Context(), path, dicomio.Options{MaxFiles: 40}); dicomio.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	path := filepath.Join(plain, "more.zip")
	save(t, path, whole[:len(whole)-30])
	s, err := dicomio.OpenSeries(t.Context(), plain, "", dicomio.Options{})
	if err != nil || !s.Cut() {
		t.Errorf("a zip that is still coming beside a series: %v, %v", s, err)
	}
	save(t, path, []byte("PK\x05\x06"+strings.Repeat("\x00", 18)))
	if _, err := dicomio.OpenSeries(t.Context(), plain, "", dicomio.Options{}); err != nil {
		t.Errorf("an empty zip beside a series: %v", err)
	}
	if _, err := dicomio.Open(t.Context(), filepath.Join(plain, filepath.Base(firstName(files))), dicomio.Options{}); dicomio.CodeOf(err) != dicomio.CodeFolderMissing {
		t.Errorf("a file that is no archive: %v", err)
	}
}

// TestChecksums: a bit that changed in an archive is found where the image is read,
// in the pixels as well as behind them.
func TestChecksums(t *testing.T) {
	files := contents(t, write(t, "", dicomtest.Spec{}), "")
	at := 0
	for name, b := range files {
		files[name] = append(b, "\xfc\xff\xfc\xffOB\x00\x00\x08\x00\x00\x00behind.."...) // Data Set Trailing Padding
		at = len(b)
	}
	for name, c := range map[string]struct {
		content []byte
		change  int // from the start of a file in it; 0: none
	}{
		"whole":             {zipped(t, zip.Store, files), 0},
		"pixels":            {zipped(t, zip.Store, files), at - 100},
		"behind the pixels": {zipped(t, zip.Store, files), at + 14},
	} {
		if c.change != 0 {
			c.content[bytes.Index(c.content, []byte("DICM"))-128+c.change] ^= 1
		}
		path := filepath.Join(t.TempDir(), "a.zip")
		save(t, path, c.content)
		s, err := dicomio.OpenSeries(t.Context(), path, "", dicomio.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		want := dicomio.Code("")
		if c.change != 0 {
			want = dicomio.CodeUnreadable
		}
		if _, err = s.HU(t.Context(), 0, len(s.Slices)); dicomio.CodeOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
		var failed error
		for z := range s.Slices {
			if _, err := s.File(t.Context(), z); err != nil {
				failed = err
			}
		}
		if dicomio.CodeOf(failed) != want {
			t.Errorf("%s, as a file: %v", name, failed)
		}
	}
	// A gzip file is unpacked and compared when its header is read.
	dir, spoiled := t.TempDir(), firstName(files)
	for name, b := range files {
		z := gzipped(t, b)
		if name == spoiled {
			z[len(z)-8] ^= 1 // of its CRC
		}
		save(t, filepath.Join(dir, name+".gz"), z)
	}
	s, err := dicomio.OpenSeries(t.Context(), dir, "", dicomio.Options{})
	if err != nil || !s.Cut() || len(s.Slices) != len(files)-1 {
		t.Errorf("a gzip file with a wrong checksum: %v, %v", s, err)
	}
}

func firstName(files map[string][]byte) string {
	for name := range files {
		return name
	}
	return ""
}
