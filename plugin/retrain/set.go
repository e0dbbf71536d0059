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
	RoleReference  = "reference" // what the data were like, see package drift
	RoleCard       = "data-card" // of the site's data set, without the names of nodules
)

const (
	rungsFile  = "rungs.json"
	maxNetwork = 256 << 20
	shippedSet = "shipped" // as the store calls the set in the binary
)

// Set are models that score together.
type Set struct {
	From      string // the version that it is; "": there are files that were named
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

// SetFiles name the files of a set; what is empty is that of Base.
type SetFiles struct {
	Detectors []string
	Rungs     string
	Outline   string // the tissue that it refuses lies beside it, or nowhere
	Base      *Base  // nil: the binary
}

// Base is a version of the model store, read.
type Base struct {
	Version   string // its name
	Detectors []detector.Detector
	Rungs     *rungs.Rungs
	Outliner  *outline.Outliner
	Outline   map[string][]byte // files of the network for outlines, by role: RoleOutline, RoleTissue
}

// LoadSet reads a set. Rungs of the outlines of another network are refused with
// CodeIncumbent, and so is a version without rungs or outlines where no file is named
// for them; detectors of another preprocessing with CodePreprocessing.
func LoadSet(f SetFiles) (*Set, error) {
	s := &Set{From: shippedSet}
	if f.Base != nil {
		s.From = f.Base.Version
	}
	if len(f.Detectors) > 0 || f.Rungs != "" || f.Outline != "" {
		s.From = ""
	}
	var err error
	if s.Detectors, err = f.detectors(); err != nil {
		return nil, err
	}
	switch {
	case f.Rungs != "":
		s.Rungs, err = rungs.Load(f.Rungs)
	case f.Base != nil:
		s.Rungs = f.Base.Rungs
	default:
		s.Rungs, err = rungs.Pretrained()
	}
	if err != nil {
		return nil, err
	}
	if f.Outline == "" && f.Base != nil {
		s.takeOutline(f.Base)
	} else if err := s.loadOutline(f.Outline); err != nil {
		return nil, err
	}
	if s.Rungs == nil || s.Outliner == nil {
		return nil, refuse(CodeIncumbent, "load models", "the version has no rungs or no network for outlines, which are part of a candidate; name them with --rungs and --outline", nil)
	}
	return s, s.check()
}

func (f *SetFiles) detectors() (list []detector.Detector, err error) {
	switch {
	case len(f.Detectors) == 0 && f.Base != nil:
		list = slices.Clone(f.Base.Detectors)
	case len(f.Detectors) == 0:
		list, err = detector.PretrainedAll()
	}
	for _, path := range f.Detectors {
		d, e := detector.Load(path)
		if err = errors.Join(err, e); e == nil {
			list = append(list, d)
		}
	}
	if errors.Is(err, detector.ErrPreprocessing) {
		return nil, refuse(CodePreprocessing, "load models", "a detector is of another preprocessing than this program: its weights cannot be used; train from scratch with the program that is in use", err)
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range list {
		if slices.Contains(names, d.Name()) {
			return nil, refuse(CodeIncumbent, "load models", "there are two detectors "+d.Name()+"; name one of each", nil)
		}
		names = append(names, d.Name())
	}
	return list, nil
}

// takeOutline takes the network for outlines of a version.
func (s *Set) takeOutline(b *Base) {
	s.Outliner = b.Outliner
	for _, c := range outlineNames() {
		if c.bytes = b.Outline[c.role]; c.bytes != nil {
			s.outlineFiles = append(s.outlineFiles, c)
		}
	}
}

// outlineNames are the files of a network for outlines as a candidate calls them.
func outlineNames() [2]content {
	name := weights.Name(outline.Name)
	return [2]content{{name: name, role: RoleOutline}, {name: outline.TissueFile(name), role: RoleTissue}}
}

// names are those of detectors and rungs.
func (s *Set) names() (list []string) {
	for _, d := range s.Detectors {
		list = append(list, d.Name())
	}
	for _, name := range rungs.Names() {
		list = append(list, string(name))
	}
	return list
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
	for i, c := range outlineNames() {
		if c.bytes, err = read([2]string{path, outline.TissueFile(path)}[i]); errors.Is(err, fs.ErrNotExist) && c.role == RoleTissue {
			continue
		}
		if err != nil {
			return fmt.Errorf("load outlines: %w", err)
		}
		s.outlineFiles = append(s.outlineFiles, c)
	}
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
