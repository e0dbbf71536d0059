package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// counter counts and digests what is written through it.
type counter struct {
	to    io.Writer
	bytes int64
	sum   hash.Hash
}

func newCounter(to io.Writer) *counter { return &counter{to: to, sum: sha256.New()} }

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.bytes += int64(n)
	c.sum.Write(p[:n])
	return n, err
}

func (c *counter) file(name string) File {
	return File{Name: name, Bytes: c.bytes, SHA256: hex.EncodeToString(c.sum.Sum(nil))}
}

// Packed tells whether the name of a backup is that of a tar file.
func Packed(name string) bool { return strings.HasSuffix(name, ".tar") }

// Write makes a backup at target of the files of a manifest, which lie in
// folders by their names. It takes its name when all of it is on disk; what was
// there before is refused. A file that is not what the manifest says is refused
// with CodeDamaged.
func Write(target string, m Manifest, at map[string]string) (err error) {
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s is there already: name another one", target)
	}
	text, err := m.encode()
	if err != nil {
		return err
	}
	if Packed(target) {
		return atomicfile.Write(target, 0o600, func(w io.Writer) error { return pack(w, m, text, at) })
	}
	temp, err := os.MkdirTemp(filepath.Dir(target), filepath.Base(target)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	for _, f := range m.Files {
		if err := copyFile(filepath.Join(at[f.Name], f.Name), temp, f); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteBytes(filepath.Join(temp, ManifestFile), 0o600, text); err != nil {
		return err
	}
	return atomicfile.Rename(temp, target)
}

// pack writes a tar file.
func pack(w io.Writer, m Manifest, manifest []byte, at map[string]string) error {
	t := tar.NewWriter(w)
	put := func(name string, size int64, r io.Reader) error {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: m.Time}); err != nil {
			return err
		}
		_, err := io.Copy(t, r)
		return err
	}
	if err := put(ManifestFile, int64(len(manifest)), bytes.NewReader(manifest)); err != nil {
		return err
	}
	for _, f := range m.Files {
		err := read(filepath.Join(at[f.Name], f.Name), f, func(r io.Reader) error { return put(f.Name, f.Bytes, r) })
		if err != nil {
			return err
		}
	}
	return t.Close()
}

// copyFile copies a file into a folder, and refuses one that is not what the
// manifest says.
func copyFile(path, folder string, want File) error {
	return read(path, want, func(r io.Reader) error {
		_, err := Create(folder, want.Name, func(w io.Writer) error {
			_, err := io.Copy(w, r)
			return err
		})
		return err
	})
}

// read gives the content of a file to use, and refuses one that is not what the
// manifest says.
func read(path string, want File, use func(io.Reader) error) error {
	f, err := smallfile.Open(path) //nolint:gosec // of a backup
	switch {
	case errors.Is(err, os.ErrNotExist):
		return damaged(path, "a file is missing", nil)
	case errors.Is(err, smallfile.ErrNotRegular):
		return damaged(path, "it is no file", err)
	case err != nil:
		return err
	}
	defer f.Close()
	return same(path, want, f, use)
}

func same(path string, want File, r io.Reader, use func(io.Reader) error) error {
	counted := newCounter(io.Discard)
	if err := use(io.TeeReader(io.LimitReader(r, want.Bytes+1), counted)); err != nil && counted.bytes == want.Bytes {
		return err
	}
	if got := counted.file(want.Name); got != want {
		return damaged(path, "a file is not what the manifest says: it was changed, or cut short", nil)
	}
	return nil
}

// Unpack copies a backup into an empty folder and checks every file against the
// manifest, which it returns. Code: backup_damaged.
func Unpack(source, folder string) (m Manifest, err error) {
	if info, err := os.Stat(source); err != nil {
		return m, err
	} else if !info.IsDir() {
		return unpackTar(source, folder)
	}
	if m, err = ReadManifest(source); err != nil {
		return m, err
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return m, err
	}
	for _, e := range entries {
		if e.Name() != ManifestFile && !slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == e.Name() }) {
			return m, damaged(filepath.Join(source, e.Name()), "the manifest does not name this file", nil)
		}
	}
	for _, f := range m.Files {
		if err := copyFile(filepath.Join(source, f.Name), folder, f); err != nil {
			return m, err
		}
	}
	return m, nil
}

func unpackTar(source, folder string) (m Manifest, err error) {
	file, err := smallfile.Open(source) //nolint:gosec // the user names it
	if err != nil {
		return m, err
	}
	defer file.Close()
	t := tar.NewReader(file)
	header, err := t.Next()
	if err != nil || header.Name != ManifestFile || header.Size > maxManifestBytes {
		return m, damaged(source, "it is no backup", err)
	}
	text, err := io.ReadAll(io.LimitReader(t, maxManifestBytes))
	if err != nil {
		return m, damaged(source, "it is cut short", err)
	}
	if m, err = decode(source, text); err != nil {
		return m, err
	}
	for _, f := range m.Files { // in this order they were written
		header, err := t.Next()
		if err != nil || header.Name != f.Name || header.Typeflag != tar.TypeReg {
			return m, damaged(source, "a file is missing", err)
		}
		err = same(source, f, t, func(r io.Reader) error {
			_, err := Create(folder, f.Name, func(w io.Writer) error {
				_, err := io.Copy(w, r)
				return err
			})
			return err
		})
		if err != nil {
			return m, err
		}
	}
	if _, err := t.Next(); !errors.Is(err, io.EOF) {
		return m, damaged(source, "the manifest does not name all of its files", err)
	}
	return m, nil
}
