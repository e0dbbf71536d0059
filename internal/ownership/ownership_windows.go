package ownership

import "io/fs"

// Adopt does nothing: what an administrator writes has the permissions of the folder.
func Adopt(_, _ string) error { return nil }

// Like does nothing, likewise.
func Like(string, fs.FileInfo) error { return nil }
