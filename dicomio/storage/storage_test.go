//go:build unix

package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// A FIFO that nobody writes to does not answer: opening it hangs in the system
// as a file of a dead mount does.
func pipe(t *testing.T, dir string) (path string, answer func()) {
	t.Helper()
	path = filepath.Join(dir, "pipe")
	checktest.Must(t, unix.Mkfifo(path, 0o600))
	return path, func() {
		w, err := os.OpenFile(path, os.O_RDWR, 0)
		checktest.Must(t, err)
		until(t, func() bool { return Hung().Now == 0 })
		checktest.Must(t, w.Close())
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen in time")
		}
	}
}

func short(t *testing.T) {
	t.Helper()
	patience = 100 * time.Millisecond
	t.Cleanup(func() { patience = Patience })
}

// What does not answer is left behind and counted; where several hang, further
// ones are refused at once, and other places are read on. When it answers, it
// is read again.
func TestLeftBehind(t *testing.T) {
	short(t)
	ctx := checktest.Context(t)
	// The place is the mount, or the first two parts: these are two places.
	dead, err := os.MkdirTemp("/dev/shm", "storage")
	if err != nil {
		t.Skip("no second mount on this system: ", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dead) })
	alive := checktest.WriteFile(t, "a", []byte("abc"))
	if place(dead) == place(alive) {
		t.Skip("no second mount on this system")
	}
	path, answer := pipe(t, dead)
	before := Hung().Total
	for range perPlace {
		if _, err := Open(ctx, path); coded.CodeOf(err) != CodeSilent {
			t.Fatalf("%v", err)
		}
	}
	if h := Hung(); h.Now != perPlace || h.Places != 1 || h.Total != before+perPlace {
		t.Errorf("%+v", h)
	}
	if _, err := Open(ctx, path); coded.CodeOf(err) != CodeSilent || Hung().Now != perPlace || !strings.Contains(err.Error(), "already") {
		t.Errorf("one more was made: %v, %+v", err, Hung())
	}
	if f, err := Open(ctx, alive); err != nil || f.Size() != 3 || f.Close() != nil {
		t.Errorf("another place is held up: %v", err)
	}
	answer()
	if _, err := Stat(ctx, path); err != nil {
		t.Errorf("it answers again: %v", err)
	}
}

// The end of its context ends the wait, too.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	path, answer := pipe(t, t.TempDir())
	if _, err := Open(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	answer()
	if _, err := Stat(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call was made for nobody: %v", err)
	}
}

func TestWalkDir(t *testing.T) {
	dir := t.TempDir()
	checktest.Must(t, os.MkdirAll(filepath.Join(dir, "b", "c"), 0o700))
	for _, name := range []string{"a", "b/c/d", "b/a", "z"} {
		checktest.Must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	checktest.Must(t, os.Symlink(dir, filepath.Join(dir, "loop")))
	walk := func(walk func(fn fs.WalkDirFunc) error) (seen []string) {
		checktest.Must(t, walk(func(path string, d fs.DirEntry, err error) error {
			seen = append(seen, path+" "+d.Type().String())
			return err
		}))
		return seen
	}
	got := walk(func(fn fs.WalkDirFunc) error { return WalkDir(t.Context(), dir, fn) })
	want := walk(func(fn fs.WalkDirFunc) error { return filepath.WalkDir(dir, fn) })
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
	err := WalkDir(t.Context(), filepath.Join(dir, "none"), func(_ string, _ fs.DirEntry, err error) error { return err })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestCallerGoes: a caller that gives up in the middle of reads says nothing of the
// storage: others read on. What then does not come back in time counts.
func TestCallerGoes(t *testing.T) {
	short(t)
	path, answer := pipe(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(patience/10, cancel)
	done := make(chan error)
	for range perPlace {
		go func() {
			_, err := Open(ctx, path)
			done <- err
		}()
	}
	for range perPlace {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	if h := Hung(); h.Now != 0 {
		t.Errorf("a caller that went is counted as a storage that hangs: %+v", h)
	}
	beside := filepath.Join(filepath.Dir(path), "a")
	checktest.Must(t, os.WriteFile(beside, []byte("abc"), 0o600))
	if _, err := Stat(t.Context(), beside); err != nil {
		t.Errorf("others are refused: %v", err)
	}
	until(t, func() bool { return Hung().Now == perPlace })
	answer()
}

// TestLargeFolder: all names of a folder come, in order, also in several parts.
func TestLargeFolder(t *testing.T) {
	dir := t.TempDir()
	for i := range 2*listedAtOnce + 3 {
		checktest.Must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d", i)), nil, 0o600))
	}
	n := 0
	checktest.Must(t, WalkDir(t.Context(), dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if d.Name() != fmt.Sprintf("%04d", n) {
				t.Errorf("%s is number %d", d.Name(), n)
			}
			n++
		}
		return err
	}))
	if n != 2*listedAtOnce+3 {
		t.Errorf("%d names", n)
	}
}
