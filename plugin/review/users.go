package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Role is what a user may do. Each includes those before it.
type Role string

// Roles.
const (
	RoleView   Role = "view"   // sees the work list and the images
	RoleReview Role = "review" // decides and exports
	RoleAdmin  Role = "admin"
)

var roles = []Role{RoleView, RoleReview, RoleAdmin}

// Allows tells whether a role includes another.
func (r Role) Allows(needed Role) bool {
	have := slices.Index(roles, r)
	return have >= 0 && have >= slices.Index(roles, needed)
}

// User is one entry of the file of users.
type User struct {
	Name        string    `json:"name"` // signs decisions
	DisplayName string    `json:"display_name,omitempty"`
	Role        Role      `json:"role"`
	Hash        string    `json:"hash"` // argon2id, PHC string
	Created     time.Time `json:"created"`
}

// Limits of a file of users.
const (
	maxUsersBytes = 4 << 20
	maxUsers      = 4096
	maxNameChars  = 64
)

// ErrUsers says that a file of users or a change of it cannot be used.
var ErrUsers = errors.New("users")

// CheckUser says what is wrong with an entry.
func CheckUser(u User) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrUsers, fmt.Sprintf(format, args...))
	}
	switch n := utf8.RuneCountInString(u.Name); {
	case n < 1 || n > maxNameChars || !utf8.ValidString(u.Name) || strings.ContainsFunc(u.Name, notInName):
		return bad("a name is 1 to %d letters, digits and . _ - @", maxNameChars)
	case !slices.Contains(roles, u.Role):
		return bad("a role is view, review or admin")
	case utf8.RuneCountInString(u.DisplayName) > maxNameChars || !utf8.ValidString(u.DisplayName) || strings.ContainsFunc(u.DisplayName, unicode.IsControl):
		return bad("a display name is at most %d printable characters", maxNameChars)
	}
	if _, err := parseHash(u.Hash); err != nil {
		return bad("%v", err)
	}
	return nil
}

func notInName(c rune) bool {
	return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("._-@", c)
}

// DecodeUsers reads a file of users of at most 4 MiB and 4096 entries.
func DecodeUsers(r io.Reader) ([]User, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxUsersBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsers, err)
	}
	var file struct {
		Users []User `json:"users"`
	}
	if len(text) > maxUsersBytes {
		return nil, fmt.Errorf("%w: the file is larger than %d bytes", ErrUsers, maxUsersBytes)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%w: the file is not what 'nodulescope users' writes", ErrUsers)
	}
	if len(file.Users) > maxUsers {
		return nil, fmt.Errorf("%w: the file has more than %d entries", ErrUsers, maxUsers)
	}
	seen := map[string]bool{}
	for i, u := range file.Users {
		if err := CheckUser(u); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if seen[foldName(u.Name)] {
			return nil, fmt.Errorf("%w: entry %d has the name of another", ErrUsers, i+1)
		}
		seen[foldName(u.Name)] = true
	}
	return file.Users, nil
}

// foldName is what names are compared by.
func foldName(name string) string { return strings.ToLower(name) }

// FindUser returns the place of a name, upper and lower case being the same,
// and -1 where it is not there.
func FindUser(users []User, name string) int {
	return slices.IndexFunc(users, func(u User) bool { return foldName(u.Name) == foldName(name) })
}

// LoadUsers reads a file of users. One that is not there holds none.
func LoadUsers(path string) ([]User, error) {
	f, err := os.Open(path) //nolint:gosec // a setting names it
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsers, err)
	}
	defer f.Close()
	return DecodeUsers(f)
}

// SaveUsers writes a file of users so that a crash leaves the old or the new.
// Only its owner may read it.
func SaveUsers(path string, users []User) error {
	text, err := json.MarshalIndent(map[string]any{"users": users}, "", " ")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsers, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrUsers, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".users-*")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsers, err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsers, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// userFile is a file of users that is read again when it changes.
type userFile struct {
	path string

	mu    sync.Mutex
	size  int64
	mod   time.Time
	users []User
}

// find returns the entry of a name. A file that cannot be read now is an
// error: nobody is let in on what it held before.
func (f *userFile) find(name string) (User, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.users, f.size = nil, 0
		return User{}, false, nil
	}
	if err != nil {
		return User{}, false, fmt.Errorf("%w: %w", ErrUsers, err)
	}
	if f.users == nil || info.Size() != f.size || !info.ModTime().Equal(f.mod) {
		users, err := LoadUsers(f.path)
		if err != nil {
			f.users = nil
			return User{}, false, err
		}
		f.users, f.size, f.mod = users, info.Size(), info.ModTime()
	}
	if i := FindUser(f.users, name); i >= 0 {
		return f.users[i], true, nil
	}
	return User{}, false, nil
}
