package review

import (
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// errNotFound says that the store does not hold what was asked for.
var errNotFound = errors.New("review: not found")

// Record returns the record of an id.
func (s *Store) Record(id string) (r Record, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		there, err := getJSON(tx.Bucket(bucketRecords), id, &r)
		if err == nil && !there {
			err = errNotFound
		}
		return err
	})
	return r, err
}

// recordOfSeries returns the newest record of a series that was scored.
func (s *Store) recordOfSeries(study, series string) (Record, error) {
	s.mu.RLock()
	id := s.bySeries[seriesKey(study, series)]
	s.mu.RUnlock()
	if id == "" {
		return Record{}, errNotFound
	}
	return s.Record(id)
}

// stateOf tells the state of a record.
func (s *Store) stateOf(id string) State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if w := s.rows[id]; w != nil {
		return w.state()
	}
	return Scored
}

// markRead notes that a user has opened a record.
func (s *Store) markRead(user, id string, at time.Time) error {
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

// find answers a query for a user. waiting are rows of jobs that nobody has
// answered yet.
func (s *Store) find(q query, user string, waiting []*row) list {
	s.mu.RLock()
	defer s.mu.RUnlock()
	answer := list{counts: map[State]int{}}
	for _, state := range states {
		answer.counts[state] = 0
	}
	var found []listed
	for _, w := range s.rows {
		if w.superseded != "" && !q.superseded {
			continue
		}
		unread := !s.read[user][w.id]
		answer.counts[w.state()]++
		if unread {
			answer.unread++
		}
		if q.matches(w, unread) {
			found = append(found, listed{*w, unread})
		}
	}
	answer.counts[Waiting] += len(waiting)
	for _, w := range waiting {
		if (len(q.states) == 0 || slices.Contains(q.states, Waiting)) && q.flagged == nil && q.disagree == nil &&
			q.unread == nil && q.minProbability <= 0 && (q.priority == "" || q.priority == w.priority) {
			found = append(found, listed{*w, false})
		}
	}
	slices.SortFunc(found, func(a, b listed) int { return q.compare(&a.row, &b.row) })
	answer.total = len(found)
	answer.rows = found[min(q.offset, len(found)):min(q.offset+q.limit, len(found))]
	return answer
}

// answered tells whether a job has a record that is newer than it: it is only
// not taken from the queue yet.
func (s *Store) answered(lineage, jobID string, stored time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.lineages[lineage], func(id string) bool {
		w := s.rows[id]
		return w != nil && w.jobID == jobID && !w.time.Before(stored)
	})
}
