package accounts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/ownership"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Limits of a file of users.
const (
	maxUsersBytes = 4 << 20
	maxUsers      = 4096
)

// Decode reads a file of users of at most 4 MiB and 4096 entries.
func Decode(r io.Reader) ([]User, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxUsersBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	var file struct {
		Users []User `json:"users"`
	}
	if len(text) > maxUsersBytes {
		return nil, fmt.Errorf("%w: the file is larger than %d bytes", ErrFile, maxUsersBytes)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%w: the file is not what 'nodulescope users' writes", ErrFile)
	}
	if len(file.Users) > maxUsers {
		return nil, fmt.Errorf("%w: the file has more than %d entries", ErrFile, maxUsers)
	}
	seen := map[string]bool{}
	for i, u := range file.Users {
		if err := Check(u); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if seen[Fold(u.Name)] {
			return nil, fmt.Errorf("%w: entry %d has the name of another", ErrFile, i+1)
		}
		seen[Fold(u.Name)] = true
	}
	return file.Users, nil
}

// Load reads a file of users. One that is not there holds none.
func Load(path string) ([]User, error) {
	f, err := smallfile.Open(path) //nolint:gosec // a setting names it
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer f.Close()
	return Decode(f)
}

// Save writes a file of users so that a crash leaves the old or the new.
// Only its owner may read it, who stays its owner where root writes.
func Save(path string, users []User) error {
	text, err := json.MarshalIndent(map[string]any{"users": users}, "", " ")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	former, missing := os.Stat(path)
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = atomicfile.WriteBytes(path, 0o600, append(text, '\n'))
	}
	if err == nil && missing == nil {
		err = ownership.Like(path, former)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	return nil
}

// File is a file of users that is read again when it changes. It is safe for
// concurrent use.
type File struct {
	Path string // empty: no file, and no users

	mu    sync.Mutex
	size  int64
	mod   time.Time
	users []User
}

// Find returns the entry of a name. A file that cannot be read now is an
// error: nobody is let in on what it held before.
func (f *File) Find(name string) (User, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		f.users, f.size = nil, 0
		return User{}, false, nil
	}
	if err != nil {
		return User{}, false, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if f.users == nil || info.Size() != f.size || !info.ModTime().Equal(f.mod) {
		users, err := Load(f.Path)
		if err != nil {
			f.users = nil
			return User{}, false, err
		}
		f.users, f.size, f.mod = users, info.Size(), info.ModTime()
	}
	if i := Find(f.users, name); i >= 0 {
		return f.users[i], true, nil
	}
	return User{}, false, nil
}
