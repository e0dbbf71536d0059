//go:build !windows

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Adopt gives what root has written to the owner of the data folder, the service
// account, which could not read it otherwise. Files are opened below the folder alone,
// following no link out of it, and one with a second name is left as it is: it may be a
// file of another place.
func (s *Store) Adopt() error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(s.dir))
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // read only
	var errs []error
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || d.Type().IsRegular() {
			errs = append(errs, give(root, path, int(owner.Uid), int(owner.Gid)))
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// give changes the owner of a file or folder that is root's.
func give(root *os.Root, path string, uid, gid int) error {
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok || at.Uid != 0 || !info.IsDir() && (at.Nlink != 1 || !info.Mode().IsRegular()) {
		return nil
	}
	return f.Chown(uid, gid)
}
