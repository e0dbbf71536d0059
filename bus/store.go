package bus

import (
	"os"
	"path/filepath"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// lockStore creates the folder and locks it: two servers on one store would
// each write over the other's files.
func lockStore(op, dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, coded.New(CodeSettings, op, "store folder", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "bus.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, coded.New(CodeSettings, op, "store folder must be writable", err)
	}
	if err := lockExclusive(f); err != nil {
		_ = f.Close()
		return nil, coded.New(CodeStoreLocked, op,
			"another process uses this store folder: connect to it, stop it, or name another folder", err)
	}
	return f, nil
}
