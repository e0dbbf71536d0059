package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/nodule"
)

// ErrState says that the folder of the state cannot be used.
var ErrState = errors.New("watch: state")

var (
	bucketPosition = []byte("position/v1") // name of a source -> number
	bucketSeries   = []byte("series/v1")   // SeriesInstanceUID -> entry
	bucketNotes    = []byte("notes/v1")    // digest -> note
)

// entry is what is known of a series.
type entry struct {
	Number    uint64    `json:"number"` // names it in the log
	StudyUID  string    `json:"study_uid"`
	SeriesUID string    `json:"series_uid"`
	URI       string    `json:"uri"`
	SourceID  string    `json:"source_id,omitempty"`
	Seen      time.Time `json:"seen"`
	Changed   time.Time `json:"changed"`

	Version string `json:"version"`           // of its images, as the source tells it; another one is looked at anew
	Stable  bool   `json:"stable,omitempty"`  // no more images are expected
	Checked bool   `json:"checked,omitempty"` // this version was looked at
	Images  string `json:"images,omitempty"`  // digest, where it is complete
	Problem string `json:"problem,omitempty"` // code, where it is not
	Missing int    `json:"missing,omitempty"` // slices
	Told    string `json:"told,omitempty"`    // what was said to be missing

	Jobs map[string]string `json:"jobs,omitempty"` // digest of a note -> ids of its jobs; "": it has nothing for this series
}

// complete tells whether its images are all there.
func (e *entry) complete() bool { return e.Stable && e.Checked && e.Problem == "" && e.Images != "" }

// answered tells whether it has a job.
func (e *entry) answered() bool {
	for _, ids := range e.Jobs {
		if ids != "" {
			return true
		}
	}
	return false
}

// note is what says where nodules may be: a report, or a job that is held.
type note struct {
	Digest   string    `json:"digest"`
	Number   uint64    `json:"number"`
	StudyUID string    `json:"study_uid,omitempty"`
	Seen     time.Time `json:"seen"`
	Used     bool      `json:"used,omitempty"` // it made a job
	Told     string    `json:"told,omitempty"`

	Report []nodule.Mark `json:"report,omitempty"`

	SeriesUID string          `json:"series_uid,omitempty"` // of what follows; empty: that of the folder
	Folder    string          `json:"folder,omitempty"`     // URI, where the series is the one of a folder
	Nodules   []bus.JobNodule `json:"nodules,omitempty"`
	Frame     string          `json:"frame,omitempty"`
	Source    string          `json:"source,omitempty"` // of a held job
	ID        string          `json:"id,omitempty"`
	Images    string          `json:"images,omitempty"` // that it was first published for
	Priority  string          `json:"priority,omitempty"`
	Deadline  *time.Time      `json:"deadline,omitempty"`

	file *nodule.CandidateFile // of a file that lies in a folder
	path string                // of that
}

// about tells whether a note can have candidates of a series.
func (n *note) about(e *entry) bool {
	switch {
	case n.file != nil && len(n.file.SeriesUIDs) > 0:
		return n.file.Names(e.SeriesUID)
	case n.SeriesUID != "":
		return n.SeriesUID == e.SeriesUID
	case n.Folder != "" && len(n.Report) == 0 && (n.file == nil || n.file.Kind != nodule.KindReport):
		return n.Folder == e.URI
	}
	return n.StudyUID == e.StudyUID
}

// state is the file.
type state struct{ db *bbolt.DB }

// openState opens or makes it. A second process is refused.
func openState(dir string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: the folder cannot be made: %w", ErrState, err)
	}
	db, err := boltdb.Open(filepath.Join(dir, "watch.db"), bucketPosition, bucketSeries, bucketNotes)
	if errors.Is(err, boltdb.ErrLocked) {
		return nil, fmt.Errorf("%w: another watcher uses this folder: stop it, or name another folder", ErrState)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	return &state{db}, nil
}

func (s *state) close() error { return s.db.Close() }

// position is where a source goes on; there is false at the first start.
func (s *state) position(name string) (at int64, there bool, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(bucketPosition).Get([]byte(name)); len(v) == 8 {
			at, there = int64(boltdb.Number(v)), true //nolint:gosec // written by setPosition
		}
		return nil
	})
	return at, there, err
}

func setPosition(tx *bbolt.Tx, name string, at int64) error {
	return tx.Bucket(bucketPosition).Put([]byte(name), boltdb.Key(uint64(at))) //nolint:gosec // read by position
}

// sighting is what a source says of a series.
type sighting struct {
	studyUID, seriesUID, uri string
	id                       string // of the source, where it has its own
	version                  string
	stable                   bool
}

// see keeps a sighting. A version that was not seen before is looked at anew,
// and what waits for it may make another job.
func see(tx *bbolt.Tx, at sighting, now time.Time) error {
	b := tx.Bucket(bucketSeries)
	var e entry
	if _, err := boltdb.Get(b, at.seriesUID, &e); err != nil {
		return err
	}
	if e.SeriesUID == "" {
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		e = entry{Number: n, SeriesUID: at.seriesUID, Seen: now.UTC(), Changed: now.UTC()}
	}
	if e.Version != at.version || e.URI != at.uri || e.Problem != "" {
		e.Checked, e.Changed = false, now.UTC()
	}
	e.StudyUID, e.URI, e.Version = at.studyUID, at.uri, at.version
	e.Stable, e.SourceID = at.stable, at.id
	return boltdb.Put(b, e.SeriesUID, e)
}

// keep writes a note, unless it is there.
func keep(tx *bbolt.Tx, n note, now time.Time) error {
	b := tx.Bucket(bucketNotes)
	if b.Get([]byte(n.Digest)) != nil {
		return nil
	}
	number, err := b.NextSequence()
	if err != nil {
		return err
	}
	n.Number, n.Seen = number, now.UTC()
	return boltdb.Put(b, n.Digest, n)
}

// all reads everything that is kept, in the order in which it was seen.
func (s *state) all() (series []*entry, notes []*note, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		err := tx.Bucket(bucketSeries).ForEach(func(_, v []byte) error {
			e := &entry{}
			series = append(series, e)
			return json.Unmarshal(v, e)
		})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketNotes).ForEach(func(_, v []byte) error {
			n := &note{}
			notes = append(notes, n)
			return json.Unmarshal(v, n)
		})
	})
	slices.SortFunc(series, func(a, b *entry) int { return int(a.Number) - int(b.Number) }) //nolint:gosec // counted from 1
	slices.SortFunc(notes, func(a, b *note) int { return int(a.Number) - int(b.Number) })   //nolint:gosec // counted from 1
	return series, notes, err
}

// put writes entries and notes as they are.
func (s *state) put(series []*entry, notes []*note) error {
	if len(series) == 0 && len(notes) == 0 {
		return nil
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, e := range series {
			if err := boltdb.Put(tx.Bucket(bucketSeries), e.SeriesUID, e); err != nil {
				return err
			}
		}
		for _, n := range notes {
			if err := boltdb.Put(tx.Bucket(bucketNotes), n.Digest, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// forget drops what was not touched since a time.
func (s *state) forget(before time.Time) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		_, err := boltdb.DeleteWhere(tx.Bucket(bucketSeries), func(_, v []byte) (bool, error) {
			var e entry
			err := json.Unmarshal(v, &e)
			return e.Changed.Before(before), err
		})
		if err != nil {
			return err
		}
		_, err = boltdb.DeleteWhere(tx.Bucket(bucketNotes), func(_, v []byte) (bool, error) {
			var n note
			err := json.Unmarshal(v, &n)
			return n.Seen.Before(before), err
		})
		return err
	})
}
