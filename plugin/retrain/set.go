package retrain

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/detector/weights"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Roles of the files of a set and a candidate.
const (
	RoleDetector   = "detector"
	RoleRungs      = "rungs"
	RoleOutline    = "outline"
	RoleTissue     = "outline-tissue"
	RoleReport     = "report"
	RoleReportData = "report-data"
)

const (
	rungsFile  = "rungs.json"
	maxNetwork = 256 << 20
)

// Set are models that score together.
type Set struct {
	Detectors []detector.Detector
	Rungs     *rungs.Rungs
	Outliner  *outline.Outliner

	outlineFiles []content // as they were read
}

// content is a file.
type content struct {
	name, role string
	bytes      []byte
}

// SetFiles name the files of a set; what is empty is that of the binary.
type SetFiles struct {
	Detectors []string
	Rungs     string
	Outline   string // the tissue that it refuses lies beside it, or nowhere
}

// LoadSet reads a set. Rungs of the outlines of another network are refused with
// CodeIncumbent, detectors of another preprocessing with CodePreprocessing.
func LoadSet(f SetFiles) (*Set, error) {
	s := &Set{}
	var err error
	if len(f.Detectors) == 0 {
		s.Detectors, err = detector.PretrainedAll()
	}
	for _, path := range f.Detectors {
		d, e := detector.Load(path)
		if err = errors.Join(err, e); e == nil {
			s.Detectors = append(s.Detectors, d)
		}
	}
	if errors.Is(err, detector.ErrPreprocessing) {
		return nil, refuse(CodePreprocessing, "load models", "a detector is of another preprocessing than this program: its weights cannot be used; train from scratch with the program that is in use", err)
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range s.Detectors {
		if slices.Contains(names, d.Name()) {
			return nil, refuse(CodeIncumbent, "load models", "there are two detectors "+d.Name()+"; name one of each", nil)
		}
		names = append(names, d.Name())
	}
	if s.Rungs, err = rungs.Pretrained(); f.Rungs != "" {
		s.Rungs, err = rungs.Load(f.Rungs)
	}
	if err != nil {
		return nil, err
	}
	if err := s.loadOutline(f.Outline); err != nil {
		return nil, err
	}
	return s, s.check()
}

func (s *Set) check() error {
	if s.Rungs.Outline != rungs.OutlineNetwork || s.Rungs.Network != "" && !s.Outliner.Outlines(s.Rungs.Network) {
		return refuse(CodeIncumbent, "load models", "the rungs were trained on outlines of another network; name rungs and --outline that belong together", nil)
	}
	return nil
}

func (s *Set) loadOutline(path string) (err error) {
	read := func(name string) ([]byte, error) { return smallfile.Read(name, maxNetwork) }
	if path == "" {
		path, read = weights.Name(outline.Name), weights.Files.ReadFile
		s.Outliner, err = outline.Pretrained()
	} else {
		s.Outliner, err = outline.Load(path)
	}
	if err != nil {
		return err
	}
	for name, c := range map[string]content{
		path:                     {name: weights.Name(outline.Name), role: RoleOutline},
		outline.TissueFile(path): {name: outline.TissueFile(weights.Name(outline.Name)), role: RoleTissue},
	} {
		if c.bytes, err = read(name); errors.Is(err, fs.ErrNotExist) && c.role == RoleTissue {
			continue
		}
		if err != nil {
			return fmt.Errorf("load outlines: %w", err)
		}
		s.outlineFiles = append(s.outlineFiles, c)
	}
	slices.SortFunc(s.outlineFiles, func(a, b content) int { return len(a.role) - len(b.role) })
	return nil
}

// files are those of the set under the names that a candidate gives them.
func (s *Set) files() ([]content, error) {
	var out []content
	for _, d := range s.Detectors {
		e, ok := d.(interface{ Encode() ([]byte, error) })
		if !ok {
			return nil, fmt.Errorf("retrain: %s cannot be written", d.Name())
		}
		b, err := e.Encode()
		if err != nil {
			return nil, err
		}
		out = append(out, content{weights.Name(d.Name()), RoleDetector, b})
	}
	b, err := s.Rungs.Encode()
	if err != nil {
		return nil, err
	}
	return append(append(out, content{rungsFile, RoleRungs, b}), s.outlineFiles...), nil
}

// Digest is over the digests of all files of the set.
func (s *Set) Digest() (string, error) {
	files, err := s.files()
	if err != nil {
		return "", err
	}
	d := digest.New()
	d.Count(len(files))
	for _, f := range files {
		d.Text(f.role, f.name, digest.Of(f.bytes))
	}
	return d.Digest(), nil
}

// shipped tells whether a detector is that of the binary, which has learned from no
// patient of any site.
func shipped(d detector.Detector) bool {
	b, err := weights.Files.ReadFile(weights.Name(d.Name()))
	return err == nil && digest.Of(b) == d.Digest()
}
