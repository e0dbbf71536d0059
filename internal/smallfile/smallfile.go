// Package smallfile opens files that others name, and reads small ones up to a
// limit.
package smallfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// What is refused.
var (
	ErrTooLarge   = errors.New("larger than the limit")
	ErrNotRegular = errors.New("not a regular file: name the file itself, no folder, named pipe or device")
)

// Open opens a file for reading. What is no regular file gives ErrNotRegular
// before it is opened: that of a named pipe waits for a writer, for good. A pipe
// that a shell has opened for this process, as <(...) and /dev/stdin are, is read.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && (info.Mode().Type() != fs.ModeNamedPipe || !isOpen(path)) {
		return nil, fmt.Errorf("%s is %w", path, ErrNotRegular)
	}
	return os.Open(path) //nolint:gosec // the caller names it
}

// isOpen tells the name of a file that this process holds open.
func isOpen(path string) bool {
	return path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}

// Read returns the content of a file that [Open] takes. One of more than limit
// bytes gives ErrTooLarge; no more than that is read of it, whatever its size is
// said to be.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
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
