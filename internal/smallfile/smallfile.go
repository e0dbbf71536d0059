// Package smallfile reads small files of others up to a limit.
package smallfile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrTooLarge says that there is more than the limit.
var ErrTooLarge = errors.New("larger than the limit")

// Read returns the content of a file. One of more than limit bytes gives
// ErrTooLarge; no more than that is read of it, whatever its size is said to be.
func Read(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the caller names it
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is %w of %d bytes", path, ErrTooLarge, limit)
	}
	return b, nil
}
