//go:build !windows

package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// What root does in the data folder of a service account is that account's; a file
// that has a second name elsewhere stays root's.
func TestRootWritesForTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const account = 65534
	data, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	s := Open(data)
	if err := os.Chown(data, account, account); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Import(plugintest.Candidate(t, 1, nil)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(elsewhere, filepath.Join(data, "models", "objects", "linked")); err != nil {
		t.Skip(err)
	}
	if _, err := s.Collect(9, true, Shipped); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(data, "models"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		files++
		want := uint32(account)
		if d.Name() == "linked" {
			want = 0
		}
		if at := info.Sys().(*syscall.Stat_t); at.Uid != want {
			t.Errorf("%s is of %d, want %d", d.Name(), at.Uid, want)
		}
		return nil
	})
	if err != nil || files < 8 {
		t.Errorf("%d files, %v", files, err)
	}
}

// Who may not read the store is told so, and not that it is damaged.
func TestStoreOfAnother(t *testing.T) {
	data := t.TempDir()
	dir := filepath.Join(data, "models")
	if err := os.Mkdir(dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) //nolint:gosec // a folder
	if os.Geteuid() == 0 {
		t.Skip("root may read all")
	}
	if _, err := Open(data).Current(); coded.CodeOf(err) != CodeFailed {
		t.Error(err)
	}
}
