package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
	"github.com/nodulescope/nodulescope/plugin/review/internal/events"
)

// Buckets in the ledger's file.
var (
	bucketRecords   = []byte("review-records/v1")   // id -> Record
	bucketRows      = []byte("review-rows/v2")      // id -> storedRow
	bucketDecisions = []byte("review-decisions/v1") // decisionKey -> Decision
	bucketOutbox    = []byte("review-outbox/v1")    // number -> letter
	bucketRead      = []byte("review-read/v1")      // user, 0, id -> time
)

// Store keeps records, decisions and what users have read. Changes are synced
// before a call returns. It is safe for concurrent use.
type Store struct {
	// OnDecision, where set, is called with a record and the newest decision on
	// each of its findings, by their numbers, in the transaction that keeps a new
	// one. Its error keeps the decision from being kept. It is set before the
	// store is used.
	OnDecision func(tx *bbolt.Tx, r Record, decisions map[int]Decision) error

	Events *events.Hub // of results and decisions

	db *bbolt.DB

	deciding sync.Mutex // file and index change together

	mu        sync.RWMutex // of what follows, which mirrors the file
	rows      map[string]*Row
	lineages  map[string][]string        // lineage -> ids, oldest first
	bySeries  map[string]string          // study and series UID -> newest id
	decisions map[string]map[int]version // id -> number of the finding -> newest decision
	read      map[string]map[string]bool // user -> ids
	wake      chan struct{}              // for the publisher
}

// version is the newest decision on a finding.
type version struct {
	Decision
	letter uint64 // in the outbox, 0: published
}

// Texts are the buckets whose values are JSON.
func Texts() [][]byte { return [][]byte{bucketRecords, bucketDecisions, bucketOutbox} }

// Open opens the buckets in a file, makes them where they are missing, and
// reads what the work list needs.
func Open(db *bbolt.DB) (*Store, error) {
	s := &Store{
		db: db, Events: events.New(), rows: map[string]*Row{}, lineages: map[string][]string{}, bySeries: map[string]string{},
		decisions: map[string]map[int]version{}, read: map[string]map[string]bool{}, wake: make(chan struct{}, 1),
	}
	err := boltdb.MakeBuckets(db, bucketRecords, bucketDecisions, bucketOutbox, bucketRead)
	if err == nil {
		err = makeRows(db)
	}
	if err == nil {
		err = db.View(s.load)
	}
	if err != nil {
		return nil, fmt.Errorf("open review store: %w", err)
	}
	return s, nil
}

func (s *Store) load(tx *bbolt.Tx) error {
	rows, err := loadRows(tx)
	if err != nil {
		return err
	}
	for _, w := range rows {
		s.insert(w)
	}
	err = tx.Bucket(bucketDecisions).ForEach(func(k, v []byte) error {
		var d Decision
		id, number, ok := parseDecisionKey(string(k))
		if err := json.Unmarshal(v, &d); err != nil || !ok {
			return errors.Join(err, errors.New("a decision is damaged"))
		}
		s.remember(id, number, version{Decision: d})
		return nil
	})
	if err != nil {
		return err
	}
	err = tx.Bucket(bucketOutbox).ForEach(func(k, v []byte) error {
		var l letter
		if err := json.Unmarshal(v, &l); err != nil {
			return err
		}
		if d := s.decisions[l.ID][l.Number]; d.Version == l.Review.Version {
			d.letter = boltdb.Number(k)
			s.decisions[l.ID][l.Number] = d
		}
		return nil
	})
	if err != nil {
		return err
	}
	return tx.Bucket(bucketRead).ForEach(func(k, _ []byte) error {
		if user, id, ok := strings.Cut(string(k), "\x00"); ok {
			s.noteRead(user, id)
		}
		return nil
	})
}

// insert adds a row to the index, or puts it in the place of the former.
func (s *Store) insert(w *Row) {
	if s.rows[w.ID] == nil {
		s.lineages[w.lineage] = append(s.lineages[w.lineage], w.ID)
	}
	w.Decided = len(s.decisions[w.ID])
	s.rows[w.ID] = w
	if !w.refused && w.studyUID != "" && w.SupersededBy == "" {
		s.bySeries[seriesKey(w.studyUID, w.seriesUID)] = w.ID
	}
}

func seriesKey(study, series string) string { return study + "/" + series }

// remember makes a decision the newest of its finding.
func (s *Store) remember(id string, number int, v version) {
	if s.decisions[id] == nil {
		s.decisions[id] = map[int]version{}
	}
	s.decisions[id][number] = v
	if w := s.rows[id]; w != nil {
		w.Decided = len(s.decisions[id])
	}
}

func (s *Store) noteRead(user, id string) {
	if s.read[user] == nil {
		s.read[user] = map[string]bool{}
	}
	s.read[user][id] = true
}

// Add keeps a record within a transaction of the caller, and tells it to who
// listens once that is committed. It supersedes the record that it names, and
// those of refused jobs for the same source and series. A record that is there
// already is written anew, and one that another names stays superseded by that.
func (s *Store) Add(tx *bbolt.Tx, r Record) error {
	if !ValidID(r.ID) {
		return errors.New("review: the id of a record is 64 hex digits")
	}
	records := tx.Bucket(bucketRecords)
	var old Record
	if there, err := boltdb.Get(records, r.ID, &old); err != nil {
		return err
	} else if there {
		r.SupersededBy = old.SupersededBy
	}
	if r.SupersededBy == "" {
		r.SupersededBy = s.successor(&r)
	}
	changed := []*Record{&r}
	for _, id := range s.replaced(&r) {
		var former Record
		there, err := boltdb.Get(records, id, &former)
		if err != nil {
			return err
		}
		if there && former.ID != r.ID && former.SupersededBy == "" {
			former.SupersededBy = r.ID
			changed = append(changed, &former)
		}
	}
	var rows []*Row
	for _, c := range changed {
		w := rowOf(c)
		if err := errors.Join(boltdb.Put(records, c.ID, c), putRow(tx, w)); err != nil {
			return err
		}
		rows = append(rows, w)
	}
	tx.OnCommit(func() {
		s.mu.Lock()
		for _, w := range rows {
			s.insert(w)
		}
		s.mu.Unlock()
		kind := "result"
		if r.Result == nil {
			kind = "refused"
		}
		s.Events.Send(kind, map[string]any{"id": r.ID, "supersedes": Nullable(r.Supersedes)})
	})
	return nil
}

// replaced lists what a new record may supersede.
func (s *Store) replaced(r *Record) []string {
	var ids []string
	if r.Supersedes != "" {
		ids = append(ids, r.Supersedes)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range s.lineages[r.lineage()] {
		if w := s.rows[id]; w != nil && w.refused && id != r.Supersedes {
			ids = append(ids, id)
		}
	}
	return ids
}

// successor is the id of the newest record that says to supersede this one, as
// where a result is put back after those that followed it.
func (s *Store) successor(r *Record) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range slices.Backward(s.lineages[r.lineage()]) {
		if w := s.rows[id]; w != nil && w.supersedes == r.ID && id != r.ID {
			return id
		}
	}
	return ""
}

// Expire forgets, within a transaction of the caller, records from before a
// time that carry no decision. Decisions are kept.
func (s *Store) Expire(tx *bbolt.Tx, before time.Time) error {
	s.mu.RLock()
	var old []string
	for id, w := range s.rows {
		if w.Time.Before(before) && w.Decided == 0 {
			old = append(old, id)
		}
	}
	s.mu.RUnlock()
	for _, id := range old {
		if err := errors.Join(tx.Bucket(bucketRecords).Delete([]byte(id)), tx.Bucket(bucketRows).Delete([]byte(id))); err != nil {
			return err
		}
	}
	_, err := boltdb.DeleteWhere(tx.Bucket(bucketRead), func(k, _ []byte) (bool, error) {
		_, id, ok := strings.Cut(string(k), "\x00")
		return ok && slices.Contains(old, id), nil
	})
	tx.OnCommit(func() { s.forget(old) })
	return err
}

func (s *Store) forget(ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		w := s.rows[id]
		if w == nil {
			continue
		}
		delete(s.rows, id)
		s.lineages[w.lineage] = slices.DeleteFunc(s.lineages[w.lineage], func(other string) bool { return other == id })
		if len(s.lineages[w.lineage]) == 0 {
			delete(s.lineages, w.lineage)
		}
		if key := seriesKey(w.studyUID, w.seriesUID); s.bySeries[key] == id {
			delete(s.bySeries, key)
		}
		for _, read := range s.read {
			delete(read, id)
		}
	}
}

// Nullable is nil for an empty text, as JSON has it.
func Nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Known is nil for 0, which stands for a value that is not known.
func Known(v float64) *float64 {
	if v == 0 {
		return nil
	}
	return &v
}
