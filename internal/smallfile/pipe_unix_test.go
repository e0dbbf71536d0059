//go:build unix

package smallfile_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// TestNotRegular: none of these is opened, which would wait or read for ever.
func TestNotRegular(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("secret"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := smallfile.Read(fmt.Sprintf("/dev/fd/%d", r.Fd()), 9); err != nil || string(b) != "secret" {
		t.Errorf("a pipe that is open: %q, %v", b, err)
	}
	for _, path := range []string{pipe, socket, dir, "/dev/zero", "/dev/null"} {
		if _, err := smallfile.Read(path, 9); !errors.Is(err, smallfile.ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := smallfile.Open(path); !errors.Is(err, smallfile.ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
