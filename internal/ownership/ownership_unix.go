//go:build !windows

package ownership

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Adopt gives what root has written at path below a folder ("." for all of it), and
// below that, to the owner of the folder. Files are opened below the folder alone,
// following no link out of it, and one with a second name is left as it is: it may be a
// file of another place. For anybody but root, and in root's own folder, it does nothing.
func Adopt(folder, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // read only
	var errs []error
	err = fs.WalkDir(root.FS(), path, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a service that runs has removed it
		}
		if err != nil {
			return err
		}
		if info, err := d.Info(); err == nil && (d.IsDir() || d.Type().IsRegular()) && of(info, 0) {
			errs = append(errs, give(root, path, int(owner.Uid), int(owner.Gid)))
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// of tells whether a file is of a user.
func of(info fs.FileInfo, uid uint32) bool {
	at, ok := info.Sys().(*syscall.Stat_t)
	return ok && at.Uid == uid
}

// give changes the owner of a file or folder that is root's.
func give(root *os.Root, path string, uid, gid int) error {
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
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

// Like gives the file at path, which root has written in the place of another one,
// to the owner of that one.
func Like(path string, former fs.FileInfo) error {
	at, ok := former.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || at.Uid == 0 {
		return nil
	}
	return os.Lchown(path, int(at.Uid), int(at.Gid))
}
