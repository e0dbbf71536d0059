package dataset

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// A disk that is full while a data set is written leaves the former one as it was,
// and nothing beside it.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("only root may mount a small disk: ", err)
	}
	t.Cleanup(func() { plugintest.Must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	s := newSite(t)
	s.add(ann, "1", [3]float64{})
	path := filepath.Join(dir, "site.npz")
	plugintest.Must(t, s.build().Save(path))
	before, err := os.ReadFile(path)
	plugintest.Must(t, err)
	names := len(plugintest.Files(t, dir))
	for size := 64 << 10; size >= 4<<10; { // all but less than the archive needs
		f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		plugintest.Must(t, err)
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
		plugintest.Must(t, f.Close())
	}
	for i, p := range []patient{bob, carol} {
		s.add(p, string(rune('2'+i)), [3]float64{})
	}
	if err := s.build().Save(path); err == nil {
		t.Fatal("there was room")
	}
	plugintest.Must(t, os.Remove(filepath.Join(dir, "filler")))
	entries, err := os.ReadDir(dir)
	plugintest.Must(t, err)
	after, err := os.ReadFile(path)
	plugintest.Must(t, err)
	if d, err := Check(path, nil); err != nil || d.Any() || len(entries) != names || !bytes.Equal(before, after) {
		t.Errorf("%d files, %+v, %v", len(entries), d, err)
	}
}
