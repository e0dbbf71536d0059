package watch

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/atomicfile"
)

// Waiting is one line of the list of what waits.
type Waiting struct {
	Number    uint64    `json:"number,omitempty"` // in the log; series, candidates and files are counted apart
	What      string    `json:"what"`             // series, candidates, folder or file
	Since     time.Time `json:"since"`
	Late      bool      `json:"late,omitempty"` // for longer than the timeout
	Missing   string    `json:"missing"`        // see the constants
	Detail    string    `json:"detail"`
	StudyUID  string    `json:"study_uid,omitempty"`
	SeriesUID string    `json:"series_uid,omitempty"`
	Path      string    `json:"path,omitempty"`
}

// What may be missing.
const (
	MissingImages     = "images_missing"     // images still come, or slices are missing
	MissingCandidates = "candidates_missing" // the series is complete
	MissingSeries     = "series_missing"     // candidates are there
	MissingNothing    = "unusable"           // the series or the file cannot be read; nothing that comes would help
	NotCandidates     = "not_candidates"     // a file that was looked at and is none of candidates
)

// waits says what an entry waits for; ok is false where it has its job.
func (e *entry) waits() (l Waiting, ok bool) {
	l = Waiting{Number: e.Number, What: "series", Since: e.Seen, StudyUID: e.StudyUID, SeriesUID: e.SeriesUID}
	switch {
	case e.answered():
		return l, false
	case !e.Stable:
		l.Missing, l.Detail = MissingImages, "images still come, or the source has not said yet that they are all there"
	case e.Problem == string(dicomio.CodeTruncated) || e.Problem == string(dicomio.CodeUnreadable):
		l.Missing, l.Detail = MissingImages, "an image is cut short or cannot be read ("+e.Problem+")"
	case e.Missing > 0 && e.Problem != "":
		l.Missing, l.Detail = MissingImages, fmt.Sprintf("%d slices are missing", e.Missing)
	case e.Problem != "":
		l.Missing, l.Detail = MissingNothing, "the series cannot be used ("+e.Problem+")"
	case !e.Checked:
		l.Missing, l.Detail = MissingImages, "the series was not read yet"
	default:
		l.Missing, l.Detail = MissingCandidates, "the images are complete; no report, table or job has candidates for them"
	}
	return l, true
}

// tell says once what is late, and lists all that waits.
func (w *Watcher) tell(files []*note) error {
	series, notes, err := w.state.all()
	if err != nil {
		return wrapState(err)
	}
	now := w.opts.Now()
	var list []Waiting
	var late []*entry
	var lateNotes []*note
	for _, e := range series {
		l, ok := e.waits()
		if !ok {
			continue
		}
		l.Late = now.Sub(l.Since) >= w.opts.Timeout
		list = append(list, l)
		if told := l.Missing + " " + e.Images; l.Late && e.Told != told {
			e.Told = told
			late = append(late, e)
			if l.Missing == MissingNothing { // a localizer, most often
				w.log.Info("series passed over", "entry", l.Number, "code", e.Problem)
			} else {
				w.log.Warn("no job yet: "+l.Detail, "entry", l.Number, "code", l.Missing, "since", l.Since)
			}
		}
	}
	for i, n := range append(notes, files...) {
		if n.Used {
			continue
		}
		l := Waiting{
			Number: n.Number, What: "candidates", Since: n.Seen, Late: now.Sub(n.Seen) >= w.opts.Timeout, Missing: MissingSeries,
			Detail: "no complete series that they are in", StudyUID: n.StudyUID, SeriesUID: n.SeriesUID, Path: n.path,
		}
		list = append(list, l)
		if l.Late && n.Told == "" {
			n.Told = MissingSeries
			if i < len(notes) {
				lateNotes = append(lateNotes, n)
			}
			w.log.Warn("candidates have no series yet", "candidates", n.Number, "code", MissingSeries, "since", n.Seen)
		}
	}
	if folders, ok := w.opts.Source.(interface{ stuck() []Waiting }); ok {
		list = append(list, folders.stuck()...)
	}
	if w.dropped != nil {
		list = append(list, w.dropped.stuck()...)
	}
	if err := w.state.put(late, lateNotes); err != nil {
		return wrapState(err)
	}
	return w.list(list)
}

// list writes the list, where it has changed.
func (w *Watcher) list(list []Waiting) error {
	if list == nil {
		list = []Waiting{}
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil || string(text) == w.listed {
		return err
	}
	if err := atomicfile.WriteBytes(ListFile(w.opts.Dir), 0o600, append(text, '\n')); err != nil {
		return wrapState(err)
	}
	w.listed = string(text)
	return nil
}

// ReadList reads what a watcher with a folder wrote last.
func ReadList(dir string) (list []Waiting, err error) {
	text, err := os.ReadFile(filepath.Clean(ListFile(dir)))
	if err != nil {
		return nil, fmt.Errorf("%w: no watcher has written what waits here: %w", ErrState, err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%w: the list of what waits is damaged", ErrState)
	}
	return list, nil
}
