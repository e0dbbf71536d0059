// Package filelock locks files in a way that the system lets go when the process
// ends, however it ends.
package filelock

import (
	"errors"
	"os"
	"time"
)

// Take locks a file, which it makes where it is missing, until the file that it
// returns is closed. It does not wait for another process that has the lock.
func Take(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // of the caller
	if err != nil {
		return nil, err
	}
	const looks = 5 // one who asks whether it is held may hold it for a moment
	for n := 1; ; n++ {
		if err = exclusive(f); err == nil || n == looks {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Held tells whether a process has locked a file. One that is not there, or cannot
// be asked for, nobody has.
func Held(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // of the caller
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return isHeld(shared(f))
}
