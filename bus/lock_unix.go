//go:build !windows

package bus

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockExclusive takes a lock that the system lets go when the process ends,
// however it ends.
func lockExclusive(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}
