package bus

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockExclusive takes a lock that the system lets go when the process ends,
// however it ends.
func lockExclusive(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
}
