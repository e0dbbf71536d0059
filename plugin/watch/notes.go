package watch

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/nodule"
)

// maxNoteBytes bounds a file with candidates.
const maxNoteBytes = 32 << 20

// errNoNote says that a file brings no candidates and is none of ours.
var errNoNote = errors.New("no candidates in it")

// table is a file with rows of many series, as LUNA16's annotations.csv.
type table struct {
	text   []byte
	series map[string]bool
}

// readNote reads the candidates in a file, whose kind is told by its content:
// a structured report, a table (CSV), or JSON: a job as it goes over the bus,
// or {"series_uid": …, "nodules": […]}. errNoNote where it is none of these, or
// a report of this program.
func readNote(file []byte) (note, error) {
	sum := sha256.Sum256(file)
	n := note{Digest: hex.EncodeToString(sum[:])}
	text := bytes.TrimSpace(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")))
	switch {
	case len(file) > 132 && string(file[128:132]) == "DICM":
		return readReport(n, file)
	case len(text) > 0 && text[0] == '{':
		return readJSON(n, text)
	case len(text) > 0 && (text[0] == 's' || text[0] == 'S' || text[0] == '"'):
		return readTable(n, text)
	}
	return n, errNoNote
}

// readReport reads a report that marks nodules.
func readReport(n note, file []byte) (note, error) {
	id, err := dicomio.Identify(file)
	if err != nil || !sr.IsReport(id.SOPClassUID) || sr.IsOwn(file) {
		return n, errNoNote
	}
	n.StudyUID = id.StudyUID
	n.Report, err = sr.Candidates(bytes.NewReader(file))
	return n, err
}

func readTable(n note, text []byte) (note, error) {
	rows := csv.NewReader(bytes.NewReader(text))
	rows.ReuseRecord, rows.TrimLeadingSpace = true, true
	head, err := rows.Read()
	if err != nil {
		return n, fmt.Errorf("%w: no row with the names of the columns", errNoNote)
	}
	column := -1
	for i, name := range head {
		if strings.EqualFold(strings.TrimSpace(name), "seriesuid") {
			column = i
		}
	}
	if column < 0 {
		return n, errNoNote
	}
	n.table = &table{text: text, series: map[string]bool{}}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, &nodule.Error{Code: nodule.CodeCandidateFileInvalid, Op: "read table", Hint: "a row is not as long as the first, or its quotes are wrong"}
		}
		n.table.series[strings.TrimSpace(row[column])] = true
	}
	return n, nil
}

func readJSON(n note, text []byte) (note, error) {
	var kind struct {
		SpecVersion string `json:"specversion"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return n, &nodule.Error{Code: nodule.CodeCandidateFileInvalid, Op: "read candidates", Hint: "the file is not JSON"}
	}
	if kind.SpecVersion != "" {
		env, job, err := bus.DecodeJob(text)
		if err != nil {
			return n, err
		}
		return heldJob(env, job), nil
	}
	var about struct {
		StudyUID  string `json:"study_uid"`
		SeriesUID string `json:"series_uid"`
		Frame     string `json:"frame_of_reference_uid"`
		Priority  string `json:"priority"`
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return n, &nodule.Error{Code: nodule.CodeCandidateFileInvalid, Op: "read candidates", Hint: "series_uid, study_uid, frame_of_reference_uid and priority are texts"}
	}
	candidates, err := nodule.ParseJSON(bytes.NewReader(text))
	if err != nil {
		return n, err
	}
	n.StudyUID, n.SeriesUID, n.Frame, n.Priority = about.StudyUID, about.SeriesUID, about.Frame, about.Priority
	n.Nodules = jobNodules(candidates)
	return n, nil
}

// heldJob is a job that came before its series.
func heldJob(env bus.Envelope, job bus.Job) note {
	return note{
		Digest: digest("job", env.Source, env.ID), StudyUID: job.StudyUID, SeriesUID: job.SeriesUID, Frame: job.FrameOfReferenceUID,
		Nodules: job.Nodules, Source: env.Source, ID: env.ID, Priority: job.Priority, Deadline: job.Deadline,
	}
}

// nodules are those of a series, in LPS mm; none where the note has nothing
// for it.
func (n *note) nodules(s *dicomio.Series) ([]bus.JobNodule, error) {
	switch {
	case n.StudyUID != "" && n.StudyUID != s.StudyUID || n.Frame != "" && n.Frame != s.FrameOfReferenceUID:
		return nil, nil
	case n.table != nil:
		found, err := nodule.ParseLUNA16(bytes.NewReader(n.table.text), s.SeriesUID)
		if nodule.CodeOf(err) == string(nodule.CodeNoCandidates) {
			return nil, nil
		}
		return jobNodules(found), err
	case len(n.Report) > 0:
		var list []bus.JobNodule
		for _, c := range n.Report {
			if at, err := c.Place(s); err == nil {
				list = append(list, bus.JobNodule{ID: c.ID, PositionLPS: at, DiameterMM: c.DiameterMM, Confidence: c.Confidence})
			}
		}
		return list, nil
	}
	return n.Nodules, nil
}

func jobNodules(candidates []nodule.Candidate) []bus.JobNodule {
	list := make([]bus.JobNodule, len(candidates))
	for i, c := range candidates {
		list[i] = bus.JobNodule{ID: c.ID, PositionLPS: c.PositionLPS, DiameterMM: c.DiameterMM, Confidence: c.Confidence}
	}
	return list
}

// digest names a list of texts.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
