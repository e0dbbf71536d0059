package bus

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/filelock"
)

// lockStore creates the folder and locks it: two servers on one store would
// each write over the other's files.
func lockStore(op, dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, coded.New(CodeSettings, op, "store folder", err)
	}
	f, err := filelock.Take(filepath.Join(dir, "bus.lock"))
	switch {
	case errors.As(err, new(*fs.PathError)):
		return nil, coded.New(CodeSettings, op, "store folder must be writable", err)
	case err != nil:
		return nil, coded.New(CodeStoreLocked, op,
			"another process uses this store folder: connect to it, stop it, or name another folder", err)
	}
	return f, nil
}

// SyncStore syncs every file and folder of a store that no server has open.
func SyncStore(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() && !e.IsDir() || e.IsDir() && runtime.GOOS == "windows" { // which syncs no folders
			return err
		}
		how := os.O_RDWR // some systems sync no file that is open for reading alone
		if e.IsDir() {
			how = os.O_RDONLY
		}
		f, err := os.OpenFile(path, how, 0) //nolint:gosec // of the store
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
