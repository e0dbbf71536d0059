package store

import (
	"errors"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Restore keeps, within a transaction of the caller, a decision that the bus has
// and this store may have lost. It returns the record that it is about, and
// false where that is not there or has no such nodule. A version that is there
// stays as it is.
func (s *Store) Restore(tx *bbolt.Tx, r bus.Review) (record Record, restored bool, err error) {
	there, err := boltdb.Get(tx.Bucket(bucketRecords), IDOf(r.Identity), &record)
	if err != nil || !there || record.Result == nil || r.Version < 1 {
		return record, false, err
	}
	number := 0
	for i, n := range record.Result.Nodules {
		if n.ID == r.NoduleID {
			number = i + 1
		}
	}
	if number == 0 {
		return record, false, nil
	}
	d := Decision{Version: r.Version, Verdict: r.Verdict, Kind: r.Kind, Comment: r.Comment, Reviewer: r.Reviewer, Time: r.Time, Outline: r.Outline, Distances: r.Distances}
	b := tx.Bucket(bucketDecisions)
	if b == nil {
		return record, false, errors.New("review: the store is not open")
	}
	if key := decisionKey(record.ID, number, d.Version); b.Get([]byte(key)) == nil {
		if err := boltdb.Put(b, key, d); err != nil {
			return record, false, err
		}
	}
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.decisions[record.ID][number].Version < d.Version {
			s.remember(record.ID, number, version{Decision: d})
		}
	})
	return record, true, nil
}

// DecisionsIn are the newest decisions on the findings of a record, by their
// numbers, as a transaction of the caller sees them.
func (s *Store) DecisionsIn(tx *bbolt.Tx, id string) (map[int]Decision, error) {
	return newestOfAll(tx, id)
}
