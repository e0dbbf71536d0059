package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Buckets in the ledger's file.
var (
	bucketLetters  = []byte("send-letters/v1")  // number -> Letter
	bucketIndex    = []byte("send-index/v1")    // record, "/", kind -> number
	bucketVerified = []byte("send-verified/v1") // record -> newest version of a review that a PACS took
)

// Store keeps letters. Changes are synced before a call returns. It is safe
// for concurrent use.
type Store struct {
	db   *bbolt.DB
	wake chan struct{}

	mu    sync.Mutex
	asked map[uint64]bool // to be tried at once
}

// OpenStore makes what is missing in a file.
func OpenStore(db *bbolt.DB) (*Store, error) {
	if err := boltdb.MakeBuckets(db, bucketLetters, bucketIndex, bucketVerified); err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	return &Store{db: db, wake: make(chan struct{}, 1), asked: map[uint64]bool{}}, nil
}

// Add writes a letter within a transaction of the caller. One that waits for
// the same record and kind already goes on waiting, and what is added now is
// seen by the attempt after this one; one that was refused is tried again.
func (s *Store) Add(tx *bbolt.Tx, record string, kind Kind, at time.Time) error {
	letters, index := tx.Bucket(bucketLetters), tx.Bucket(bucketIndex)
	key := indexKey(record, kind)
	l := Letter{Record: record, Kind: kind, Time: at.UTC()}
	if number := index.Get(key); number != nil {
		old, err := decodeLetter(letters.Get(number))
		if err != nil {
			return err
		}
		old.Round++
		old.Refused, old.Doubts = false, 0
		l = old
	} else {
		n, err := letters.NextSequence()
		if err != nil {
			return err
		}
		l.Number = n
		if err := index.Put(key, boltdb.Key(n)); err != nil {
			return err
		}
	}
	tx.OnCommit(func() { s.now(l.Number) })
	return putLetter(tx, l)
}

// now has letters tried at once.
func (s *Store) now(numbers ...uint64) {
	s.mu.Lock()
	for _, n := range numbers {
		s.asked[n] = true
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// urgent tells, once, whether a letter is to be tried at once.
func (s *Store) urgent(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := s.asked[number]
	delete(s.asked, number)
	return there
}

// List returns all letters, those that were refused among them, by kind and
// number.
func (s *Store) List() (list []Letter, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketLetters).ForEach(func(_, v []byte) error {
			l, err := decodeLetter(v)
			list = append(list, l)
			return err
		})
	})
	order := Kinds()
	slices.SortStableFunc(list, func(a, b Letter) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	return list, err
}

// Status counts letters.
func (s *Store) Status() (Status, error) {
	list, err := s.List()
	var st Status
	for _, l := range list {
		switch {
		case l.Refused:
			st.Refused++
		default:
			st.Waiting++
			if st.Since.IsZero() || l.Time.Before(st.Since) {
				st.Since, st.Code = l.Time, l.Code
			}
		}
	}
	return st, err
}

// Resend has letters tried again, from the first attempt on: those with the
// numbers given, or all that were refused where none is given. It returns how
// many these are; ErrNotThere where a number is not there, and then nothing is
// changed.
func (s *Store) Resend(numbers ...uint64) (n int, err error) {
	var changed []uint64
	err = s.db.Update(func(tx *bbolt.Tx) error {
		list := numbers
		if len(numbers) == 0 {
			err := tx.Bucket(bucketLetters).ForEach(func(_, v []byte) error {
				l, err := decodeLetter(v)
				if l.Refused {
					list = append(list, l.Number)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		for _, number := range list {
			l, there, err := getLetter(tx, number)
			if err != nil {
				return err
			}
			if !there {
				return fmt.Errorf("%w: %d", ErrNotThere, number)
			}
			l.Refused, l.Doubts, l.Attempts = false, 0, 0
			if err := putLetter(tx, l); err != nil {
				return err
			}
			changed = append(changed, number)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	s.now(changed...)
	return len(changed), nil
}

// VerifiedVersion is the newest version of a record's review that is known to
// be in the PACS, 0 for none.
func (s *Store) VerifiedVersion(record string) (version int, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		_, err := boltdb.Get(tx.Bucket(bucketVerified), record, &version)
		return err
	})
	return version, err
}

// noteVerified keeps that the PACS has a version.
func noteVerified(tx *bbolt.Tx, record string, version int) error {
	return boltdb.Put(tx.Bucket(bucketVerified), record, version)
}

// change writes a letter anew, unless it is gone.
func (s *Store) change(number uint64, change func(tx *bbolt.Tx, l *Letter) error) (l Letter, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		var there bool
		if l, there, err = getLetter(tx, number); err != nil || !there {
			return errors.Join(err, ErrNotThere)
		}
		if err := change(tx, &l); err != nil {
			return err
		}
		return putLetter(tx, l)
	})
	return l, err
}

// taken ends a letter, or keeps it for another round where something was added
// since it was read.
func (s *Store) taken(l Letter, version int) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		if version > 0 {
			if err := noteVerified(tx, l.Record, version); err != nil {
				return err
			}
		}
		now, there, err := getLetter(tx, l.Number)
		if err != nil || !there {
			return err
		}
		if now.Round != l.Round {
			now.Attempts, now.Doubts, now.Code, now.Problem, now.Version = 0, 0, "", "", 0
			tx.OnCommit(func() { s.now(now.Number) })
			return putLetter(tx, now)
		}
		if err := tx.Bucket(bucketIndex).Delete(indexKey(l.Record, l.Kind)); err != nil {
			return err
		}
		return tx.Bucket(bucketLetters).Delete(boltdb.Key(l.Number))
	})
}

func getLetter(tx *bbolt.Tx, number uint64) (l Letter, there bool, err error) {
	v := tx.Bucket(bucketLetters).Get(boltdb.Key(number))
	if v == nil {
		return l, false, nil
	}
	l, err = decodeLetter(v)
	return l, err == nil, err
}

func putLetter(tx *bbolt.Tx, l Letter) error {
	return boltdb.Put(tx.Bucket(bucketLetters), string(boltdb.Key(l.Number)), l)
}

func indexKey(record string, kind Kind) []byte { return []byte(record + "/" + string(kind)) }
