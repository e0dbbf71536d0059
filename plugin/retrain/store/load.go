package store

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/detector/weights"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/nodule"
)

// Set is a version that was loaded.
type Set struct {
	Version   string
	Digest    string // of all that scores: files with names and roles
	Detectors []detector.Detector
	Outliner  *outline.Outliner // nil: the version has none
	Rungs     *rungs.Rungs      // nil: the version has none
}

// setDigest names what scores of a list of files.
func setDigest(files []File) string {
	set := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return !scores(f.Role) })
	slices.SortFunc(set, func(a, b File) int {
		return cmp.Or(slices.Index(scoringRoles, a.Role)-slices.Index(scoringRoles, b.Role), quickness(a.Name)-quickness(b.Name), cmp.Compare(a.Name, b.Name))
	})
	h := digest.New()
	h.Count(len(set))
	for _, f := range set {
		h.Text(f.Role, f.Name, f.SHA256)
	}
	return h.Digest()
}

// quickness orders detectors as the binary's are ordered, the quickest first.
func quickness(name string) int {
	return slices.IndexFunc(shippedNames, func(n shippedName) bool { return n.name == name })
}

type shippedName struct{ name, role string }

// shippedNames are the files in the binary, with their roles. A binary may lack
// some of them.
var shippedNames = []shippedName{
	{weights.Name(detector.VAEName), RoleDetector},
	{weights.Name(detector.GANName), RoleDetector},
	{"rungs.json", RoleRungs},
	{weights.Name(outline.Name), RoleOutline},
	{outline.TissueFile(weights.Name(outline.Name)), RoleTissue},
}

// shippedFiles are those of the binary. They are hashed once.
var shippedFiles = sync.OnceValues(func() (files []File, err error) {
	for _, n := range shippedNames {
		f, err := weights.Files.Open(n.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("store: read weights: %w", err)
		}
		h := sha256.New()
		bytes, err := io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("store: read weights: %w", err)
		}
		files = append(files, File{Name: n.name, Role: n.role, SHA256: digest.Sum(h), Bytes: bytes})
	}
	return files, nil
})

// shipped is the manifest of what the binary holds.
func shipped() (Manifest, error) {
	files, err := shippedFiles()
	if err != nil {
		return Manifest{}, err
	}
	return Manifest{
		Schema: Schema, Version: Shipped, Set: setDigest(files),
		Candidate: Candidate{Schema: CandidateSchema, Kind: Shipped, Preprocessing: []string{nodule.PreprocessingVersion, nodule.WholeVersion}, Files: slices.Clone(files)},
	}, nil
}

// ShippedDigest names the set in the binary.
func ShippedDigest() (string, error) {
	m, err := shipped()
	return m.Set, err
}

// Load reads a version by its name, see [Store.Find]. What is cut, altered, not
// signed by the site, or of another preprocessing than this program's is refused
// with CodeDamaged, CodeUntrusted or CodePreprocessing.
func (s *Store) Load(name string) (Set, error) {
	m, err := s.Find(name)
	if err != nil {
		return Set{}, err
	}
	return s.load(m)
}

func (s *Store) load(m Manifest) (Set, error) {
	return loadSet(m, func(f File) ([]byte, error) { return s.content(m, f) })
}

// content reads a file of a version.
func (s *Store) content(m Manifest, f File) ([]byte, error) {
	if m.Version != Shipped {
		return s.object(f)
	}
	return weights.Files.ReadFile(f.Name)
}

// File is the content of the first file of a version with a role; nil: it has none.
func (s *Store) File(m Manifest, role string) ([]byte, error) {
	for _, f := range m.Candidate.Files {
		if f.Role == role {
			return s.content(m, f)
		}
	}
	return nil, nil
}

// object reads a file of the store and checks that it is whole.
func (s *Store) object(f File) ([]byte, error) {
	fail := func(cause error) ([]byte, error) {
		return nil, coded.New(CodeDamaged, "read model", f.Name+" is missing, cut or altered in the store: import the version again, or take another one", cause)
	}
	b, err := smallfile.Read(s.objectFile(f.SHA256), f.Bytes)
	if err != nil {
		return fail(err)
	}
	if digest.Of(b) != f.SHA256 {
		return fail(nil)
	}
	return b, nil
}

// loadSet makes detectors of the files of a manifest.
func loadSet(m Manifest, read func(File) ([]byte, error)) (Set, error) {
	const op = "load models"
	if err := m.Candidate.checkPreprocessing(); err != nil {
		return Set{}, err
	}
	set := Set{Version: m.Version, Digest: m.Set}
	if set.Digest != setDigest(m.Candidate.Files) {
		return Set{}, coded.New(CodeDamaged, op, "the files of the version are not those that its digest names", nil)
	}
	content := map[string][]byte{} // by role, of those that are there once
	names := map[string]bool{}
	for _, f := range m.Candidate.Files {
		if !scores(f.Role) {
			continue
		}
		b, err := read(f)
		if err != nil {
			return Set{}, err
		}
		if f.Role != RoleDetector {
			content[f.Role] = b
			continue
		}
		d, err := detector.Decode(b)
		if err != nil {
			return Set{}, unusable(f.Name, err)
		}
		if names[d.Name()] {
			return Set{}, unusable(f.Name, fmt.Errorf("a second %s", d.Name()))
		}
		names[d.Name()] = true
		set.Detectors = append(set.Detectors, d)
	}
	slices.SortStableFunc(set.Detectors, func(a, b detector.Detector) int {
		return quickness(weights.Name(a.Name())) - quickness(weights.Name(b.Name()))
	})
	var err error
	if b := content[RoleOutline]; b != nil {
		if set.Outliner, err = outline.Decode(b, content[RoleTissue]); err != nil {
			return Set{}, unusable(RoleOutline, err)
		}
	}
	if b := content[RoleRungs]; b != nil {
		if set.Rungs, err = rungs.Decode(b); err != nil {
			return Set{}, unusable(RoleRungs, err)
		}
	}
	if r := set.Rungs; r != nil && r.Network != "" && (set.Outliner == nil || !set.Outliner.Outlines(r.Network)) {
		return Set{}, unusable(RoleRungs, errors.New("they were trained on outlines of another network than that of the set: train both"))
	}
	return set, nil
}

// unusable says that a file is whole and still cannot be used.
func unusable(name string, cause error) error {
	const op = "load models"
	if errors.Is(cause, detector.ErrPreprocessing) {
		return coded.New(CodePreprocessing, op, name+" was trained with another preprocessing: train it again with this program", cause)
	}
	return coded.New(CodeDamaged, op, name+" is no file of this kind that this program can use", cause)
}
