//go:build linux || darwin

package disk

import "golang.org/x/sys/unix"

// Free is what this process may still write on the disk of a folder.
func Free(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:gosec // no disk has 2^63 bytes
}
