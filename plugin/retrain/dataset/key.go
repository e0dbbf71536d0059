package dataset

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/nodule"
)

const (
	keyBytes  = 32
	nameBytes = 12 // of a pseudonym: two of a million names meet with a chance of 10⁻¹⁷
)

// Key makes pseudonyms. It is a secret of the site: who has it can tell whether a
// pseudonym is that of a patient whose id is known.
type Key struct{ secret []byte }

// String hides the key.
func (Key) String() string { return "key of the site" }

// Fingerprint tells keys apart and says nothing of what they are.
func (k Key) Fingerprint() string { return k.name("key") }

// name is a pseudonym: what it is for, and 24 hex digits.
func (k Key) name(kind string, parts ...string) string {
	h := hmac.New(sha256.New, k.secret)
	for _, p := range append([]string{"nodulescope data set 1", kind}, parts...) {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return kind + "-" + hex.EncodeToString(h.Sum(nil)[:nameBytes])
}

// patient is the pseudonym of a patient, which nodule.FoldOf knows as one.
func (k Key) patient(id string) string {
	return nodule.SitePatient + strings.TrimPrefix(k.name("patient", id), "patient-")
}

// LoadKey is ReadKey of a file that is made where there is none: a new key, which
// only its owner may read.
func LoadKey(path string) (key Key, made bool, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return Key{}, false, keyError(path, "no key could be made; name a file in a folder that can be written", err)
		}
		made = true
	}
	key, err = ReadKey(path)
	return key, made, err
}

func keyError(path, hint string, cause error) error {
	return &coded.Error{Code: CodeKey, Op: "read the key of the site", Path: path, Hint: hint, Err: cause}
}

// ReadKey reads the key of a site. A file that is no key, or that others may read,
// is refused with CodeKey.
func ReadKey(path string) (key Key, err error) {
	fail := func(hint string, cause error) (Key, error) { return Key{}, keyError(path, hint, cause) }
	info, err := os.Stat(path)
	if err != nil {
		return fail("name the file of the key that the data set was built with", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fail("others may read it; give it the permissions 0600, and ask who has read it", nil)
	}
	text, err := smallfile.Read(path, 4*keyBytes)
	if err != nil {
		return fail("it is no key", err)
	}
	if key.secret, err = hex.DecodeString(strings.TrimSpace(string(text))); err != nil || len(key.secret) != keyBytes {
		return fail("it is no key: a line of 64 hex digits; where it was lost, make another and build anew", nil)
	}
	return key, nil
}

// makeKey writes a key, and never over another.
func makeKey(path string) error {
	secret := make([]byte, keyBytes)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the user names it
	if err != nil {
		return err
	}
	_, err = f.WriteString(hex.EncodeToString(secret) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
