package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/nodule"
)

// CandidateFile is the name of the description in a candidate's folder.
const CandidateFile = "candidate.json"

// CandidateSchema is that of candidate.json; Schema is that of manifests and of lists
// of promotions.
const (
	CandidateSchema = "nodulescope-candidate/1"
	Schema          = 1
)

// Roles of a candidate's files. Files of other roles are kept and not used.
const (
	RoleDetector = "detector" // a checkpoint with its calibration
	RoleRungs    = "rungs"
	RoleOutline  = "outline"        // a network for outlines
	RoleTissue   = "outline-tissue" // what outlines of that network are refused
	// RoleReference is what the data of the training were like, see package drift.
	RoleReference = "reference"
	// RoleReportData is what a training says of itself, for programs; RoleCard is the card
	// of the data set. Neither is needed.
	RoleReportData = "report-data"
	RoleCard       = "data-card"

	roleCandidate = "candidate" // candidate.json itself
)

// scoringRoles are those of what a score follows from, in the order of a set.
var scoringRoles = []string{RoleDetector, RoleRungs, RoleOutline, RoleTissue}

// scores tells whether a score follows from files of a role.
func scores(role string) bool { return slices.Contains(scoringRoles, role) }

// Limits of what is read.
const (
	maxDescription = 1 << 20
	maxFiles       = 64
	maxFileBytes   = 256 << 20
)

// Candidate is what the store reads of candidate.json, in which a training says what
// it made and of what. The file is kept whole beside the others.
type Candidate struct {
	Schema        string    `json:"schema"`
	Created       time.Time `json:"created"`
	Kind          string    `json:"kind"`             // "retrain" or "recalibrate"
	Parent        string    `json:"parent,omitempty"` // digest of the set that it began with, see Set.Digest
	Software      string    `json:"software"`
	Preprocessing []string  `json:"preprocessing"` // of patches, and of cubes for outlines
	Data          Data      `json:"data"`
	Mode          string    `json:"mode,omitempty"`
	Start         string    `json:"start,omitempty"` // from scratch, or from the parent's weights
	Seed          uint64    `json:"seed"`
	Files         []File    `json:"files"`
}

// Data is what a candidate was trained on.
type Data struct {
	Digest string `json:"digest,omitempty"`
}

// File is one of a candidate or a version.
type File struct {
	Name   string `json:"name"` // without a folder
	Role   string `json:"role"`
	SHA256 string `json:"sha256"` // "sha256:" and 64 hex digits
	Bytes  int64  `json:"bytes"`
	From   string `json:"from,omitempty"` // "shipped": taken from the binary, for the candidate has none
}

var (
	plainName   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)
	plainWord   = regexp.MustCompile(`^[a-z][a-z-]{0,30}$`)
	plainDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// check names the first thing that no candidate has.
func (c *Candidate) check() error {
	switch {
	case c.Schema != CandidateSchema:
		return fmt.Errorf("schema %.40q, and this program reads %s", c.Schema, CandidateSchema)
	case c.Created.IsZero() || c.Created.Year() < 2000 || c.Created.Year() > 9999:
		return errors.New("no time of its making")
	case !plainWord.MatchString(c.Kind):
		return errors.New("no kind, such as retrain")
	case len(c.Files) == 0 || len(c.Files) > maxFiles:
		return fmt.Errorf("%d files: 1 to %d are possible", len(c.Files), maxFiles)
	case len(c.Software) > 200 || len(c.Preprocessing) > 10 || len(strings.Join(c.Preprocessing, "")) > 1000 || len(c.Mode) > 200 || len(c.Start) > 200:
		return errors.New("a text or a list is too long")
	case c.Parent != "" && !plainDigest.MatchString(c.Parent), c.Data.Digest != "" && !plainDigest.MatchString(c.Data.Digest):
		return errors.New("what it comes from is no digest")
	}
	names, roles := map[string]bool{}, map[string]int{}
	for _, f := range c.Files {
		switch {
		case !plainName.MatchString(f.Name) || f.Name == SignatureFile || (f.Name == CandidateFile) != (f.Role == roleCandidate) || names[f.Name]:
			return errors.New("the name of a file is missing, given twice, or none that this program writes")
		case !plainWord.MatchString(f.Role) || !plainDigest.MatchString(f.SHA256) || f.Bytes < 0 || f.Bytes > maxFileBytes:
			return fmt.Errorf("%s has no role, no digest or no size that is possible", f.Name)
		}
		names[f.Name] = true
		roles[f.Role]++
	}
	if roles[RoleDetector]+roles[RoleRungs] == 0 || roles[RoleRungs] > 1 || roles[RoleOutline] > 1 || roles[RoleTissue] > 1 || roles[RoleTissue] > roles[RoleOutline] {
		return errors.New("it needs a detector or rungs, and has at most one file of rungs, of a network for outlines, and of the tissue of that network")
	}
	return nil
}

// readCandidate reads the description of a folder.
func readCandidate(folder string) (c Candidate, err error) {
	refuse := func(hint string, cause error) (Candidate, error) {
		return Candidate{}, &coded.Error{Code: CodeCandidate, Op: "read candidate", Path: folder, Hint: hint, Err: cause}
	}
	text, err := smallfile.Read(filepath.Join(folder, CandidateFile), maxDescription)
	if err != nil {
		return refuse("name a folder that 'nodulescope retrain' or 'nodulescope models export' wrote, with "+CandidateFile, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&c); err != nil || d.More() {
		return refuse("its description is not JSON of a candidate", err)
	}
	for i := range c.Files { // either way of writing a digest
		c.Files[i].SHA256, c.Files[i].From = digest.Prefix+strings.TrimPrefix(c.Files[i].SHA256, digest.Prefix), ""
	}
	if err := c.check(); err != nil {
		return refuse("its description is not that of a candidate", err)
	}
	if err := c.checkPreprocessing(); err != nil {
		return c, err
	}
	c.Files = append(c.Files, File{Name: CandidateFile, Role: roleCandidate, SHA256: digest.Of(text), Bytes: int64(len(text))})
	return c, nil
}

// checkPreprocessing refuses, with CodePreprocessing, what was trained on patches of
// another kind than this program makes.
func (c *Candidate) checkPreprocessing() error {
	ours := append(nodule.PatchVersions(), nodule.WholeVersion)
	for _, p := range append([]string{nodule.PreprocessingVersion}, c.Preprocessing...) {
		if !slices.Contains(ours, p) || !nodule.KnowsPatches(c.Preprocessing) {
			return coded.New(CodePreprocessing, "load models", fmt.Sprintf("they were trained with the preprocessing %.100q and this program has %q: train them again with this program", strings.Join(c.Preprocessing, ", "), strings.Join(ours, ", ")), nil)
		}
	}
	return nil
}

// readFile reads a file of a candidate, which must be as the description says. A
// link is none: what it leads to may change.
func readFile(folder string, f *File) ([]byte, error) {
	refuse := func(hint string, cause error) ([]byte, error) {
		return nil, &coded.Error{Code: CodeCandidate, Op: "read candidate", Path: filepath.Join(folder, f.Name), Hint: hint, Err: cause}
	}
	path := filepath.Join(folder, f.Name)
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return refuse("the file is missing, or is none", err)
	}
	b, err := smallfile.Read(path, maxFileBytes)
	if err != nil {
		return refuse("it cannot be read", err)
	}
	if digest.Of(b) != f.SHA256 || f.Bytes != 0 && f.Bytes != int64(len(b)) {
		return refuse("it is not the file that the description lists: it was cut or altered; make the candidate again", nil)
	}
	f.Bytes = int64(len(b))
	return b, nil
}
