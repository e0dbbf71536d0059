package store

import (
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// ErrNotFound says that the store does not hold what was asked for.
var ErrNotFound = errors.New("review: not found")

// Record returns the record of an id.
func (s *Store) Record(id string) (r Record, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		there, err := boltdb.Get(tx.Bucket(bucketRecords), id, &r)
		if err == nil && !there {
			err = ErrNotFound
		}
		return err
	})
	return r, err
}

// Has tells whether the store holds the record of an id.
func (s *Store) Has(id string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rows[id] != nil
}

// RecordOfSeries returns the newest record of a series that was scored.
func (s *Store) RecordOfSeries(study, series string) (Record, error) {
	s.mu.RLock()
	id := s.bySeries[seriesKey(study, series)]
	s.mu.RUnlock()
	if id == "" {
		return Record{}, ErrNotFound
	}
	return s.Record(id)
}

// StateOf tells the state of a record.
func (s *Store) StateOf(id string) State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if w := s.rows[id]; w != nil {
		return w.State()
	}
	return Scored
}

// MarkRead notes that a user has opened a record.
func (s *Store) MarkRead(user, id string, at time.Time) error {
	s.mu.RLock()
	known := s.read[user][id]
	s.mu.RUnlock()
	if known {
		return nil
	}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketRead).Put([]byte(user+"\x00"+id), []byte(at.UTC().Format(time.RFC3339)))
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteRead(user, id)
	return nil
}

// Answered tells whether a job, as WaitingRow has it, has a record that is newer
// than it: it is only not taken from the queue yet.
func (s *Store) Answered(job *Record) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.lineages[job.lineage()], func(id string) bool {
		w := s.rows[id]
		return w != nil && w.jobID == job.JobID && !w.Time.Before(job.Time)
	})
}
