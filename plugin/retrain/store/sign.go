package store

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

const keyPrefix = "ed25519:"

// PublicKey names who signed: "ed25519:" and the key in base64 without padding.
type PublicKey string

func publicKey(k ed25519.PrivateKey) PublicKey {
	return PublicKey(keyPrefix + base64.RawURLEncoding.EncodeToString(k.Public().(ed25519.PublicKey)))
}

// ParsePublicKey reads a key as it is printed; what is none is refused with CodeKey.
func ParsePublicKey(text string) (PublicKey, error) {
	k := PublicKey(strings.TrimSpace(text))
	if k.bytes() == nil {
		return "", coded.New(CodeKey, "read public key", "a key is "+keyPrefix+" and 43 letters, as 'nodulescope models list' prints it", nil)
	}
	return k, nil
}

func (k PublicKey) bytes() ed25519.PublicKey {
	text, found := strings.CutPrefix(string(k), keyPrefix)
	b, err := base64.RawURLEncoding.DecodeString(text)
	if !found || err != nil || len(b) != ed25519.PublicKeySize {
		return nil
	}
	return b
}

// What a signature is for stands before the bytes that are signed, so that one kind
// of file is not taken for another.
const (
	forManifest   = "nodulescope model manifest 1\n"
	forPromotions = "nodulescope model promotions 1\n"
	forReport     = "nodulescope model comparison 1\n"
)

// signed is a file of the store.
type signed struct {
	Content   json.RawMessage `json:"content"`
	Key       PublicKey       `json:"key"`
	Signature []byte          `json:"signature"`
}

func seal(key ed25519.PrivateKey, purpose string, v any) ([]byte, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(signed{content, publicKey(key), ed25519.Sign(key, append([]byte(purpose), content...))})
	return append(text, '\n'), err
}

// unseal reads what a key of those given has signed.
func unseal(text []byte, purpose string, into any, keys ...PublicKey) (by PublicKey, err error) {
	const op = "check signature"
	var s signed
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&s); err != nil || d.More() {
		return "", coded.New(CodeDamaged, op, "a file of the store is cut or altered", err)
	}
	public := s.Key.bytes()
	if public == nil || !ed25519.Verify(public, append([]byte(purpose), s.Content...), s.Signature) {
		return "", coded.New(CodeDamaged, op, "a file of the store was altered: its signature does not fit", nil)
	}
	known := false
	for _, k := range keys {
		known = known || bytes.Equal(k.bytes(), public)
	}
	if !known {
		return s.Key, coded.New(CodeUntrusted, op, "it was signed by "+string(s.Key)+", which is no key of this site: name it with --trust if it is one", nil)
	}
	if err := json.Unmarshal(s.Content, into); err != nil {
		return s.Key, coded.New(CodeDamaged, op, "a file of the store holds something else than it should", err)
	}
	return s.Key, nil
}

func keyError(path, hint string, cause error) error {
	return &coded.Error{Code: CodeKey, Op: "read signing key", Path: path, Hint: hint, Err: cause}
}

// readKey reads the signing key. One that others may read is refused.
func readKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, keyError(path, "it is missing; put it back from a copy of the folder, or remove the folder of models and import them again", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, keyError(path, "others may read it; give it the permissions 0600, and ask who has read it", nil)
	}
	text, err := smallfile.Read(path, 256)
	if err != nil {
		return nil, keyError(path, "it is no key", err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, keyError(path, "it is no key: put it back from a copy of the folder, or remove the folder of models and import them again", nil)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// makeKey reads the key, which is made where there is none.
func makeKey(path string) (ed25519.PrivateKey, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return readKey(path)
	}
	seed := make([]byte, ed25519.SeedSize)
	_, err := rand.Read(seed)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = writeFile(path, []byte(base64.RawURLEncoding.EncodeToString(seed)+"\n"))
	}
	if err != nil {
		return nil, keyError(path, "it cannot be written", err)
	}
	return readKey(path)
}
