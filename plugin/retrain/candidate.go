package retrain

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/detector/rungs"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/digest"
)

// Schema is that of candidate.json.
const Schema = "nodulescope-candidate/1"

// CandidateFile is the name of the file that describes a candidate; it is written
// last.
const CandidateFile = "candidate.json"

// Kinds of a candidate.
const (
	KindRetrain     = "retrain"
	KindRecalibrate = "recalibrate"
)

// Candidate says what a folder holds and where it comes from. It names no patient.
type Candidate struct {
	Schema        string    `json:"schema"`
	Created       time.Time `json:"created"` // when its retraining was first started, UTC
	Kind          string    `json:"kind"`
	Parent        string    `json:"parent"` // digest of the set that it comes from
	ParentVersion string    `json:"parent_version,omitempty"`
	Software      string    `json:"software"`
	Preprocessing []string  `json:"preprocessing"`
	Data          DataFacts `json:"data"`
	Mode          Mode      `json:"mode"`
	Start         string    `json:"start"` // StartContinued or StartScratch
	Settings      Settings  `json:"settings"`
	Seed          uint64    `json:"seed"`
	Parts         []Made    `json:"parts"`
	Files         []File    `json:"files"`
}

// DataFacts say what a candidate has learned from.
type DataFacts struct {
	Digest    string     `json:"digest"` // over all sets
	Sets      []SetFacts `json:"sets"`
	SplitSeed uint64     `json:"split_seed"`
	HeldBack  string     `json:"held_back"` // the side that was not looked at
	Sides     []Side     `json:"sides"`
	Twice     int        `json:"twice"` // nodules in more than one set
}

// Made is one model of a candidate.
type Made struct {
	Name      string         `json:"name"`
	Did       string         `json:"did"`
	Was       string         `json:"was,omitempty"` // digest of the incumbent's file
	Choices   []Choice       `json:"choices,omitempty"`
	Normals   int            `json:"calibration_normals"`
	Anomalies int            `json:"calibration_anomalies"`
	Threshold [2]float64     `json:"threshold"` // of the incumbent, and now
	Rungs     []rungs.Change `json:"rungs,omitempty"`
}

// Choice is a setting that was tried on the validation side.
type Choice struct {
	About  string  `json:"about"`
	Loss   float64 `json:"loss"` // on the validation side
	Chosen bool    `json:"chosen"`
}

// File is one file of a candidate.
type File struct {
	Name   string `json:"name"`
	Role   string `json:"role"`
	SHA256 string `json:"sha256"` // "sha256:<hex>"
}

// vacant refuses the place of a candidate where something is.
func vacant(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return refuse(CodeWrite, "write candidate", "its folder is there already; name another --out", nil)
	}
	return nil
}

// write makes the folder of a candidate, whole or not at all. Another one of that
// name is not replaced.
func (c *Candidate) write(dir string, files []content) (err error) {
	if err := vacant(dir); err != nil {
		return err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // models are no secret
		return writeError("write candidate", err)
	}
	made, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".tmp-*")
	if err != nil {
		return writeError("write candidate", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(made) // what is left is never read
			err = writeError("write candidate", err)
		}
	}()
	c.Files = nil
	for _, f := range files {
		if err := atomicfile.WriteBytes(filepath.Join(made, f.name), 0o644, f.bytes); err != nil {
			return err
		}
		c.Files = append(c.Files, File{f.name, f.role, digest.Of(f.bytes)})
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(made, CandidateFile), 0o644, append(b, '\n')); err != nil {
		return err
	}
	if err := os.Chmod(made, 0o755); err != nil { //nolint:gosec // as its files
		return err
	}
	return atomicfile.Rename(made, dir)
}
