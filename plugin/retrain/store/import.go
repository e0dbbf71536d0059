package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/detector/weights"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// SignatureFile lies beside the files of a version that was exported: its manifest
// as the site signed it.
const SignatureFile = "signature.json"

// Import takes in the folder of a candidate, or one that [Store.Export] wrote, and
// returns its version; known says that it was there already. The folder stays as it
// is. Files that are not as the description says are refused with CodeCandidate,
// models that cannot be used with CodeDamaged or CodePreprocessing. A signature that
// lies in the folder must be this site's, or one of the keys in trust; a folder
// without one is vouched for by who imports it.
func (s *Store) Import(folder string, trust ...PublicKey) (m Manifest, known bool, err error) {
	unlock, err := s.lock()
	if err != nil {
		return m, false, err
	}
	defer unlock()
	text, err := smallfile.Read(filepath.Join(folder, SignatureFile), maxDescription)
	if err == nil {
		return s.receive(text, func(f File) ([]byte, error) { return readFile(folder, &f) }, trust)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return m, false, &coded.Error{Code: CodeCandidate, Op: "import models", Path: folder, Hint: "its signature cannot be read", Err: err}
	}
	c, err := readCandidate(folder)
	if err != nil {
		return m, false, err
	}
	content := map[string][]byte{}
	for i := range c.Files {
		b, err := readFile(folder, &c.Files[i])
		if err != nil {
			return m, false, err
		}
		content[c.Files[i].SHA256] = b
	}
	if err := complete(&c, content); err != nil {
		return m, false, err
	}
	if m, err = newManifest(c); err != nil {
		return m, false, err
	}
	return s.add(m, func(f File) ([]byte, error) { return content[f.SHA256], nil })
}

// Receive is Import of a version that another workstation signed: manifest is the
// signed text, and read returns the content of its files.
func (s *Store) Receive(manifest []byte, read func(File) ([]byte, error), trust ...PublicKey) (m Manifest, known bool, err error) {
	unlock, err := s.lock()
	if err != nil {
		return m, false, err
	}
	defer unlock()
	return s.receive(manifest, read, trust)
}

func (s *Store) receive(manifest []byte, read func(File) ([]byte, error), trust []PublicKey) (m Manifest, known bool, err error) {
	own, err := s.Key()
	if err != nil {
		return m, false, err
	}
	signer, err := unseal(manifest, forManifest, &m, append(slices.Clone(trust), own)...)
	if err != nil {
		return m, false, err
	}
	if m.Schema != Schema || !versionName(m.Version) || m.Candidate.check() != nil {
		return m, false, coded.New(CodeCandidate, "import models", "the signed description is not that of a version", nil)
	}
	if signer != own {
		m.Signer = signer
	}
	return s.add(m, func(f File) ([]byte, error) {
		b, err := read(f)
		if err == nil && (digest.Of(b) != f.SHA256 || int64(len(b)) != f.Bytes) {
			err = coded.New(CodeCandidate, "import models", f.Name+" is not the file that the description lists: it was cut or altered", nil)
		}
		return b, err
	})
}

// complete adds to a candidate what it lacks of a set, from the binary: a version
// does not change when the program does.
func complete(c *Candidate, content map[string][]byte) error {
	has := func(match func(File) bool) bool { return slices.ContainsFunc(c.Files, match) }
	own := slices.Clone(c.Files)
	role := func(r string) bool { return slices.ContainsFunc(own, func(f File) bool { return f.Role == r }) }
	files, err := shippedFiles()
	if err != nil {
		return err
	}
	for _, f := range files {
		lacks := !role(f.Role)
		if f.Role == RoleTissue {
			lacks = !role(RoleOutline) // that of another network is of no use
		}
		if !lacks || has(func(g File) bool { return g.Name == f.Name }) {
			continue
		}
		b, err := weights.Files.ReadFile(f.Name)
		if err != nil {
			return err
		}
		f.From = Shipped
		c.Files, content[f.SHA256] = append(c.Files, f), b
	}
	return nil
}

// newManifest names a version after what its candidate says and holds.
func newManifest(c Candidate) (Manifest, error) {
	c.Created = c.Created.UTC()
	text, err := json.Marshal(c)
	if err != nil {
		return Manifest{}, coded.New(CodeCandidate, "import models", "its description cannot be written", err)
	}
	sum := digest.Of(text)[len(digest.Prefix):]
	return Manifest{
		Schema: Schema, Version: c.Created.Format("20060102") + "-" + sum[:8], Set: setDigest(c.Files), Imported: time.Now().UTC().Truncate(time.Second), Candidate: c,
	}, nil
}

// add writes the files of a version, then its manifest. The store is locked.
func (s *Store) add(m Manifest, read func(File) ([]byte, error)) (Manifest, bool, error) {
	key, err := s.signingKey()
	if err != nil {
		return m, false, err
	}
	there, err := s.manifest(m.Version)
	switch {
	case err == nil && there.Set != m.Set:
		return m, false, coded.New(CodeCandidate, "import models", "another version has the name "+m.Version+" already", nil)
	case err == nil: // its files may be damaged: they are written again
		m = there
	case coded.CodeOf(err) != CodeUnknown && coded.CodeOf(err) != CodeDamaged:
		return m, false, err
	}
	known := err == nil
	content := map[string][]byte{}
	cached := func(f File) ([]byte, error) {
		if b, ok := content[f.SHA256]; ok {
			return b, nil
		}
		b, err := read(f)
		content[f.SHA256] = b
		return b, err
	}
	if _, err := loadSet(m, cached); err != nil { // what does not load is not taken in
		return m, false, err
	}
	for _, f := range m.Candidate.Files {
		b, err := cached(f)
		if err != nil {
			return m, false, err
		}
		if _, err := s.object(f); err == nil {
			continue
		}
		if err := writeFile(s.objectFile(f.SHA256), b); err != nil {
			return m, false, err
		}
	}
	if known {
		return m, true, nil
	}
	text, err := seal(key, forManifest, m)
	if err != nil {
		return m, false, coded.New(CodeFailed, "import models", "the manifest cannot be written", err)
	}
	return m, false, writeFile(s.versionFile(m.Version), text)
}

// Export writes a version into a folder that does not exist yet: its files,
// candidate.json, and the manifest as this site signed it. It returns what it
// wrote.
func (s *Store) Export(name, folder string) (m Manifest, err error) {
	const op = "export models"
	if m, err = s.Find(name); err != nil {
		return m, err
	}
	if m.Version == Shipped {
		return m, coded.New(CodeUnknown, op, "the shipped set is in every binary", nil)
	}
	signature, err := smallfile.Read(s.versionFile(m.Version), maxDescription)
	if err != nil {
		return m, coded.New(CodeDamaged, op, "its manifest cannot be read", err)
	}
	fail := func(cause error) (Manifest, error) {
		return m, &coded.Error{Code: CodeFailed, Op: op, Path: folder, Hint: "the folder cannot be written; name one that does not exist yet", Err: cause}
	}
	folder = filepath.Clean(folder)
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return fail(errors.Join(errors.New("it is there already"), err))
	}
	dir, err := os.MkdirTemp(filepath.Dir(folder), ".models-export-*")
	if err != nil {
		return fail(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, f := range m.Candidate.Files {
		b, err := s.object(f)
		if err != nil {
			return m, err
		}
		if err := writeFile(filepath.Join(dir, f.Name), b); err != nil {
			return m, err
		}
	}
	if err := writeFile(filepath.Join(dir, SignatureFile), signature); err != nil {
		return m, err
	}
	if err := os.Rename(dir, folder); err != nil {
		return fail(err)
	}
	return m, nil
}
