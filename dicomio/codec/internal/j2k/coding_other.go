//go:build !amd64

package j2k

// assembly says that there is none for this machine.
func (b *blockDecoder) assembly(*stripe, int, int) bool { return false }
