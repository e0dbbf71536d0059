package accounts

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// cost of a new hash: RFC 9106, section 4, second recommendation, with two
// lanes. Memory is in KiB.
var cost = argon2id.Params{Memory: 64 << 10, Iterations: 3, Parallelism: 2, SaltLength: 16, KeyLength: 32}

// What a hash in a file may ask for.
const (
	maxHashChars  = 512
	maxHashMemory = 512 << 10 // KiB
	maxHashTime   = 16
	maxHashLanes  = 16
)

// Length of a password: in characters where one is chosen, in bytes where one is
// compared.
const (
	MinPassword      = 12
	maxPassword      = 256
	MaxPasswordBytes = 4 * maxPassword
)

// CheckPassword says what is wrong with a new password.
func CheckPassword(password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return errors.New("the password is not UTF-8 text")
	case n < MinPassword || n > maxPassword:
		return fmt.Errorf("the password has %d characters; %d to %d are needed, a sentence is fine", n, MinPassword, maxPassword)
	}
	return nil
}

// HashPassword returns the argon2id hash of a password as a PHC string.
func HashPassword(password string) (string, error) {
	hash, err := argon2id.CreateHash(password, &cost)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// Decoy returns a hash that no known password has, and that takes as long to
// compare as that of [HashPassword]. Nothing is computed for it: salt and key are
// drawn.
func Decoy() string {
	draw := func(n uint32) string {
		b := make([]byte, n)
		rand.Read(b) // never fails
		return base64.RawStdEncoding.EncodeToString(b)
	}
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", cost.Memory, cost.Iterations, cost.Parallelism, draw(cost.SaltLength), draw(cost.KeyLength))
}

// VerifyPassword tells whether a password has a hash. A hash that cannot be
// read, or asks for more than is allowed here, is an error.
func VerifyPassword(hash, password string) (bool, error) {
	if err := checkHash(hash); err != nil {
		return false, err
	}
	if len(password) > MaxPasswordBytes {
		return false, nil
	}
	return argon2id.ComparePasswordAndHash(password, hash)
}

// checkHash bounds what computing a hash may take.
func checkHash(hash string) error {
	bad := errors.New("the hash of a password is not argon2id as 'nodulescope users' writes it")
	if len(hash) > maxHashChars || !strings.HasPrefix(hash, "$argon2id$v=19$") {
		return bad
	}
	p, salt, key, err := argon2id.DecodeHash(hash)
	switch {
	case err != nil, p.Memory < 8, p.Memory > maxHashMemory, p.Iterations < 1, p.Iterations > maxHashTime,
		p.Parallelism < 1, p.Parallelism > maxHashLanes, len(salt) < 8, len(key) < 16, len(key) > 64:
		return bad
	}
	return nil
}

// Fingerprint names a hash, so that a session ends where it changes.
func Fingerprint(hash string) [32]byte { return sha256.Sum256([]byte(hash)) }
