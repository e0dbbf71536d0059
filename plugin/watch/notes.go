package watch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/nodule"
)

// maxNoteBytes bounds a file with candidates.
const maxNoteBytes = 32 << 20

// What a file is that brings no candidates.
var (
	errNoNote = errors.New("no candidates in it")
	errOwn    = errors.New("a report of this program")
)

// readNote reads the candidates in a file: a job as it goes over the bus, or a
// file of candidates of any kind ([nodule.ReadCandidates]). errNoNote where it
// is none of these, errOwn where it is a report of this program.
func readNote(file []byte) (note, error) {
	sum := sha256.Sum256(file)
	n := note{Digest: hex.EncodeToString(sum[:])}
	var about struct {
		SpecVersion string `json:"specversion"`
		Priority    string `json:"priority"`
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")))
	if len(text) > 0 && text[0] == '{' {
		if err := json.Unmarshal(text, &about); err != nil {
			return n, &nodule.Error{Code: nodule.CodeCandidateFileInvalid, Op: "read candidates", Hint: "the file is not JSON, or its priority is not a string"}
		}
	}
	if about.SpecVersion != "" {
		env, job, err := bus.DecodeJob(text)
		if err != nil {
			return n, err
		}
		return heldJob(env, job), nil
	}
	found, err := nodule.ReadCandidates(bytes.NewReader(file))
	switch {
	case errors.Is(err, nodule.ErrNotCandidates):
		return n, fmt.Errorf("%w: %w", errNoNote, err)
	case err != nil:
		return n, err
	case found.Own:
		return n, errOwn
	}
	n.StudyUID, n.Frame, n.Priority, n.file = found.StudyUID, found.FrameOfReferenceUID, about.Priority, found
	if len(found.SeriesUIDs) == 1 {
		n.SeriesUID = found.SeriesUIDs[0]
	}
	return n, nil
}

// heldJob is a job that came before its series.
func heldJob(env bus.Envelope, job bus.Job) note {
	return note{
		Digest: digest.Texts("job", env.Source, env.ID), StudyUID: job.StudyUID, SeriesUID: job.SeriesUID, Frame: job.FrameOfReferenceUID,
		Nodules: job.Nodules, Source: env.Source, ID: env.ID, Priority: job.Priority, Deadline: job.Deadline,
	}
}

// nodules are those of a series, in LPS mm, and what was left out beside them; none
// where the note has nothing for it.
func (n *note) nodules(s *dicomio.Series) ([]bus.JobNodule, []nodule.Skipped, error) {
	if n.StudyUID != "" && n.StudyUID != s.StudyUID || n.Frame != "" && n.Frame != s.FrameOfReferenceUID {
		return nil, nil, nil
	}
	file := n.file
	if file == nil && len(n.Report) > 0 { // kept since it came
		file = &nodule.CandidateFile{Kind: nodule.KindReport, Marks: n.Report}
	}
	if file == nil {
		return n.Nodules, nil, nil
	}
	found, skipped, err := file.In(s)
	if code := nodule.CodeOf(err); code == nodule.CodeNoCandidates || code == nodule.CodeCandidateElsewhere {
		return nil, nil, nil
	}
	return jobNodules(found), skipped, err
}

func jobNodules(candidates []nodule.Candidate) []bus.JobNodule {
	list := make([]bus.JobNodule, len(candidates))
	for i, c := range candidates {
		list[i] = bus.JobNodule{ID: c.ID, PositionLPS: c.PositionLPS, DiameterMM: c.DiameterMM, Confidence: c.Confidence}
	}
	return list
}
