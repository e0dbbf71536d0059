package store

import (
	"cmp"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/filelock"
	"github.com/nodulescope/nodulescope/internal/ownership"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Shipped is the version in the binary; Promoted stands for the one that scores.
const (
	Shipped  = "shipped"
	Promoted = "promoted"
)

// maxVersions bounds what a folder of versions is read for.
const maxVersions = 10_000

// Manifest is a version: what it holds and where it comes from.
type Manifest struct {
	Schema    int       `json:"schema"`
	Version   string    `json:"version"`
	Set       string    `json:"set"` // digest of what scores, see Set.Digest
	Imported  time.Time `json:"imported"`
	Signer    PublicKey `json:"signer,omitempty"` // who signed it before it came here; empty: made here
	Candidate Candidate `json:"candidate"`        // its files are those of the whole set
}

// Store is the folder of models in a data folder. Its methods may be called by
// several processes at once.
type Store struct {
	dir string
	now func() time.Time
}

// Open names the store of a data folder, and makes nothing.
func Open(dataDir string) *Store { return &Store{filepath.Join(dataDir, "models"), time.Now} }

func (s *Store) keyFile() string      { return filepath.Join(s.dir, "site-signing.key") }
func (s *Store) promotedFile() string { return filepath.Join(s.dir, "promoted.json") }
func (s *Store) versionFile(v string) string {
	return filepath.Join(s.dir, "versions", v+".json")
}

// objectFile is where content with a digest lies.
func (s *Store) objectFile(sum string) string {
	return filepath.Join(s.dir, "objects", strings.TrimPrefix(sum, digest.Prefix))
}

// Key is the public key of the site; empty before anything was imported.
func (s *Store) Key() (PublicKey, error) {
	if _, err := os.Stat(s.keyFile()); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	key, err := readKey(s.keyFile())
	if err != nil {
		return "", err
	}
	return publicKey(key), nil
}

// Adopt gives what root has written in the store to the owner of the data folder, the
// service account.
func (s *Store) Adopt() error { return ownership.Adopt(filepath.Dir(s.dir), filepath.Base(s.dir)) }

// lock keeps other processes from writing until the function that it returns is
// called.
func (s *Store) lock() (unlock func(), err error) {
	const op = "open model store"
	for _, dir := range []string{s.dir, filepath.Join(s.dir, "objects"), filepath.Join(s.dir, "versions")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, coded.New(CodeFailed, op, "its folder cannot be made", err)
		}
	}
	f, err := filelock.Take(filepath.Join(s.dir, "lock"))
	if err != nil {
		return nil, coded.New(CodeLocked, op, "another process writes it: try again when that has ended", err)
	}
	return func() {
		_ = s.Adopt() // what stays root's is told by who cannot read it
		_ = f.Close()
	}, nil
}

// writeFile writes a file of the store, for its owner alone.
func writeFile(path string, content []byte) error {
	if err := atomicfile.WriteBytes(path, 0o600, content); err != nil {
		return coded.New(CodeFailed, "write model store", "the file cannot be written; is the disk full?", err)
	}
	return nil
}

// List returns all versions, the newest first, without the shipped one. One that
// is damaged is an error beside the others.
func (s *Store) List() (list []Manifest, err error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "versions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, coded.New(CodeFailed, "list models", "the folder of versions cannot be read", err)
	}
	var errs []error
	for _, e := range entries[:min(len(entries), maxVersions)] {
		name, isVersion := strings.CutSuffix(e.Name(), ".json")
		if !isVersion || !versionName(name) {
			continue // what a crash left, or somebody put there
		}
		m, err := s.manifest(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Manifest) int {
		return cmp.Or(b.Candidate.Created.Compare(a.Candidate.Created), cmp.Compare(a.Version, b.Version))
	})
	return list, errors.Join(errs...)
}

// versionName tells names of versions: a day and eight hex digits.
func versionName(name string) bool {
	day, sum, found := strings.Cut(name, "-")
	_, err := time.Parse("20060102", day)
	_, notHex := hex.DecodeString(sum)
	return found && err == nil && notHex == nil && len(sum) == 8
}

// manifest reads a version's, with its signature.
func (s *Store) manifest(name string) (m Manifest, err error) {
	const op = "read model"
	fail := func(cause error) (Manifest, error) {
		return Manifest{}, coded.New(CodeDamaged, op, "the version "+name+" cannot be used: import it again, or take another one", cause)
	}
	text, err := smallfile.Read(s.versionFile(name), maxDescription)
	if errors.Is(err, fs.ErrNotExist) {
		return m, unknown(name)
	}
	if err != nil {
		return fail(err)
	}
	key, err := s.Key()
	if err != nil {
		return m, err
	}
	if _, err = unseal(text, forManifest, &m, key); err != nil {
		return fail(err)
	}
	if m.Schema != Schema || m.Version != name || m.Candidate.check() != nil {
		return fail(errors.New("its content does not belong to its name"))
	}
	return m, nil
}

func unknown(name string) error {
	return coded.New(CodeUnknown, "find model", fmt.Sprintf("there is no version %.40q: see 'nodulescope models list'", name), nil)
}

// Find is the version of a name, of the beginning of one, or the promoted one.
// What is not there is refused with CodeUnknown.
func (s *Store) Find(name string) (Manifest, error) {
	if name == Promoted {
		now, err := s.Current()
		if err != nil {
			return Manifest{}, err
		}
		name = now.Version
	}
	if name == Shipped {
		return shipped()
	}
	if versionName(name) {
		return s.manifest(name)
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, "versions"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, coded.New(CodeFailed, "find model", "the folder of versions cannot be read", err)
	}
	var found []string
	for _, e := range entries {
		if v, ok := strings.CutSuffix(e.Name(), ".json"); ok && versionName(v) && len(name) >= 4 && (strings.HasPrefix(v, name) || strings.HasPrefix(v[9:], name)) {
			found = append(found, v)
		}
	}
	if len(found) != 1 {
		return Manifest{}, unknown(name)
	}
	return s.manifest(found[0])
}

// signingKey is the site's key, which is made where there is none and nothing was
// signed yet: another one would make all that the lost one has signed worthless. The
// store is locked.
func (s *Store) signingKey() (ed25519.PrivateKey, error) {
	signed := false
	for _, file := range []string{s.promotedFile(), s.consentFile()} {
		_, err := os.Stat(file)
		signed = signed || !errors.Is(err, fs.ErrNotExist)
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, "versions"))
	for _, e := range entries {
		signed = signed || filepath.Ext(e.Name()) == ".json"
	}
	if signed || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return readKey(s.keyFile())
	}
	return makeKey(s.keyFile())
}

// Scoring are the files of a version that a score follows from.
func (m *Manifest) Scoring() (files []File) {
	for _, f := range m.Candidate.Files {
		if scores(f.Role) {
			files = append(files, f)
		}
	}
	return files
}

// Details are what the training said of a version: its candidate.json, as it was
// written. There is none of the shipped one.
func (s *Store) Details(m Manifest) (json.RawMessage, error) {
	for _, f := range m.Candidate.Files {
		if f.Role == roleCandidate {
			return s.object(f)
		}
	}
	return nil, nil
}
