package accounts

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// Shown is the name that a page shows.
func (u User) Shown() string { return cmp.Or(u.DisplayName, u.Name) }

// MaxName is how many characters a name has at most.
const MaxName = 64

// ErrFile says that a file of users or a change of it cannot be used.
var ErrFile = errors.New("users")

// Check says what is wrong with an entry.
func Check(u User) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrFile, fmt.Sprintf(format, args...))
	}
	switch n := utf8.RuneCountInString(u.Name); {
	case n < 1 || n > MaxName || !utf8.ValidString(u.Name) || strings.ContainsFunc(u.Name, NotInName):
		return bad("a name is 1 to %d letters, digits and . _ - @", MaxName)
	case !slices.Contains(roles, u.Role):
		return bad("a role is view, review or admin")
	case utf8.RuneCountInString(u.DisplayName) > MaxName || !utf8.ValidString(u.DisplayName) || strings.ContainsFunc(u.DisplayName, unicode.IsControl):
		return bad("a display name is at most %d printable characters", MaxName)
	}
	if err := checkHash(u.Hash); err != nil {
		return bad("%v", err)
	}
	return nil
}

// NotInName tells characters that a name must not have.
func NotInName(c rune) bool {
	return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("._-@", c)
}

// Fold is what names are compared by.
func Fold(name string) string { return strings.ToLower(name) }

// Find returns the place of a name, upper and lower case being the same,
// and -1 where it is not there.
func Find(users []User, name string) int {
	return slices.IndexFunc(users, func(u User) bool { return Fold(u.Name) == Fold(name) })
}
