package backup

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// sample is a manifest with its files in a folder.
func sample(t testing.TB) (m Manifest, at map[string]string) {
	t.Helper()
	dir := t.TempDir()
	m, at = Manifest{Format: Format, Time: time.Unix(1, 0).UTC(), Site: "local"}, map[string]string{}
	for _, name := range []string{LedgerFile, AuditFile, "users.json"} {
		f, err := Create(dir, name, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "this is %s\n", name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		m.Files, at[name] = append(m.Files, f), dir
	}
	return m, at
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	m, at := sample(t)
	for _, name := range []string{"folder", "file.tar"} {
		target, into := filepath.Join(t.TempDir(), name), t.TempDir()
		if err := Write(target, m, at); err != nil {
			t.Fatal(err)
		}
		got, err := Unpack(target, into)
		if err != nil || len(got.Files) != 3 || got.Bytes() != m.Bytes() || !got.Time.Equal(m.Time) {
			t.Fatalf("%s: %+v %v", name, got, err)
		}
		for _, f := range m.Files {
			text, err := os.ReadFile(filepath.Join(into, f.Name))
			if err != nil || string(text) != "this is "+f.Name+"\n" {
				t.Errorf("%s: %q %v", f.Name, text, err)
			}
		}
	}
}

// A source that is not what its manifest says becomes no backup.
func TestWriteRefusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"folder", "file.tar"} {
		m, at := sample(t)
		m.Files[1].SHA256 = m.Files[0].SHA256
		dir := t.TempDir()
		if err := Write(filepath.Join(dir, name), m, at); coded.CodeOf(err) != CodeDamaged {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %v are left", name, left)
		}
	}
}

func TestManifestsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Manifest){
		"format":    func(m *Manifest) { m.Format++ },
		"site":      func(m *Manifest) { m.Site = "../x" },
		"name":      func(m *Manifest) { m.Files[2].Name = "../users.json" },
		"hidden":    func(m *Manifest) { m.Files[2].Name = ".restoring" },
		"twice":     func(m *Manifest) { m.Files[2].Name = m.Files[1].Name },
		"manifest":  func(m *Manifest) { m.Files[2].Name = ManifestFile },
		"length":    func(m *Manifest) { m.Files[2].Bytes = -1 },
		"no ledger": func(m *Manifest) { m.Files = m.Files[1:] },
	} {
		m, _ := sample(t)
		change(&m)
		if _, err := m.encode(); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

// FuzzUnpack: whatever a tar file holds, nothing is written but what its manifest
// names, into the folder alone.
func FuzzUnpack(f *testing.F) {
	m, at := sample(f)
	whole := filepath.Join(f.TempDir(), "whole.tar")
	if err := Write(whole, m, at); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(whole)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	var other bytes.Buffer
	w := tar.NewWriter(&other)
	if err := w.WriteHeader(&tar.Header{Name: ManifestFile, Size: 2}); err != nil {
		f.Fatal(err)
	}
	_, _ = w.Write([]byte("{}"))
	_ = w.Close()
	f.Add(other.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		source, into := filepath.Join(dir, "a.tar"), filepath.Join(dir, "into")
		if err := os.WriteFile(source, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(into, 0o700); err != nil {
			t.Fatal(err)
		}
		m, err := Unpack(source, into)
		if err != nil && coded.CodeOf(err) != CodeDamaged {
			t.Fatal(err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 2 {
			t.Fatal("it wrote elsewhere")
		}
		entries, _ := os.ReadDir(into)
		if len(entries) > len(m.Files) {
			t.Fatal("it wrote what the manifest does not name")
		}
	})
}
