package store

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// stillWait is how long another process that writes the store is waited for.
const stillWait = 30 * time.Second

// Still calls do while nobody writes to the store. pack writes all of it as a tar file,
// the signing key included, which [Store.Unpack] takes; it is nil where there is no
// store. Codes: CodeLocked where another process writes it for longer than 30 s,
// CodeFailed.
func (s *Store) Still(ctx context.Context, do func(pack func(io.Writer) error) error) error {
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return do(nil)
	}
	unlock, err := s.lockPatiently(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return do(s.pack)
}

// lockPatiently is lock where another process may be writing, for 30 s.
func (s *Store) lockPatiently(ctx context.Context) (unlock func(), err error) {
	for begin := time.Now(); ; {
		unlock, err = s.lock()
		if coded.CodeOf(err) != CodeLocked || time.Since(begin) > stillWait || backoff.Wait(ctx, time.Second/4) != nil {
			return unlock, err
		}
	}
}

// packed tells names of files of the store, below its folder, from what a crash left.
var packed = regexp.MustCompile(`^(site-signing\.key|promoted\.json|consent\.json|objects/[0-9a-f]{64}|versions/[0-9A-Za-z.-]+\.json)$`)

func (s *Store) pack(w io.Writer) error {
	t := tar.NewWriter(w)
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(s.dir, path)
		if name = filepath.ToSlash(name); err != nil || !packed.MatchString(name) {
			return err
		}
		f, err := os.Open(path) //nolint:gosec // of the store
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err == nil {
			err = t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()})
		}
		if err == nil {
			_, err = io.Copy(t, f)
		}
		return err
	})
	if err == nil {
		err = t.Close()
	}
	if err != nil {
		return coded.New(CodeFailed, "copy model store", "a file cannot be copied; is the disk full?", err)
	}
	return nil
}

// Unpack makes a store of what [Store.Still] packed; there must be none yet. Its bytes
// must be known to be whole: a name that no store has is refused, and no version is
// loaded. Code: CodeFailed.
func (s *Store) Unpack(r io.Reader) error {
	fail := func(err error) error {
		return coded.New(CodeFailed, "restore model store", "its copy cannot be read, or the folder not written", err)
	}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return fail(err)
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fail(err)
		}
		if h.Typeflag != tar.TypeReg || !packed.MatchString(h.Name) {
			return fail(fmt.Errorf("it holds %q", strings.ToValidUTF8(h.Name, "?")))
		}
		path := filepath.Join(s.dir, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fail(err)
		}
		err = atomicfile.Write(path, 0o600, func(w io.Writer) error {
			_, err := io.Copy(w, t)
			return err
		})
		if err != nil {
			return fail(err)
		}
	}
}
