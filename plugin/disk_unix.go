//go:build linux || darwin

package plugin

import "golang.org/x/sys/unix"

// freeBytes is what this process may still write on the disk of a folder.
func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:gosec // no disk has 2^63 bytes
}
