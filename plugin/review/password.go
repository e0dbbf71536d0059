package review

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Cost of a password's hash (RFC 9106, section 4, second recommendation, with
// two lanes), and what a file of users may ask for.
const (
	hashTime      = 3
	hashMemory    = 64 << 10 // KiB
	hashThreads   = 2
	saltBytes     = 16
	keyBytes      = 32
	maxHashMemory = 512 << 10
	maxHashTime   = 16
)

// Length of a password in characters.
const (
	MinPassword = 12
	maxPassword = 256
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
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hashWith(password, salt, hashTime, hashMemory, hashThreads), nil
}

func hashWith(password string, salt []byte, time, memory uint32, threads uint8) string {
	key := argon2.IDKey([]byte(password), salt, time, memory, threads, keyBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, time, threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// verifyPassword tells whether a password has a hash. A hash that cannot be
// read is an error.
func verifyPassword(hash, password string) (bool, error) {
	h, err := parseHash(hash)
	if err != nil {
		return false, err
	}
	if len(password) > 4*maxPassword {
		return false, nil
	}
	got := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1, nil
}

type parsedHash struct {
	time, memory uint32
	threads      uint8
	salt, key    []byte
}

func parseHash(hash string) (h parsedHash, err error) {
	bad := errors.New("the hash of a password is not argon2id as 'nodulescope users' writes it")
	parts := strings.Split(hash, "$")
	if len(hash) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, bad
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil || n != 3 {
		return h, bad
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return h, bad
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return h, bad
	}
	if h.memory < 8 || h.memory > maxHashMemory || h.time < 1 || h.time > maxHashTime || h.threads < 1 || h.threads > 16 ||
		len(h.salt) < 8 || len(h.key) < 16 || len(h.key) > 64 {
		return h, bad
	}
	return h, nil
}

// fingerprint names a hash, so that a session ends where it changes.
func fingerprint(hash string) [32]byte { return sha256.Sum256([]byte(hash)) }
