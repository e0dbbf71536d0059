package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// state of a result in the ledger.
type state string

const (
	unknown   state = ""
	intended  state = "intended"  // about to be published, perhaps already there
	published state = "published" // there
)

// entry is what the ledger knows of one result.
type entry struct {
	State    state     `json:"state"`
	Before   uint64    `json:"before,omitempty"`   // newest sequence of RESULTS when it was intended
	Sequence uint64    `json:"sequence,omitempty"` // in RESULTS, where published
	Site     string    `json:"site,omitempty"`     // whose result it is
	Event    []byte    `json:"event,omitempty"`    // the message, until it is published
	Time     time.Time `json:"time"`
	Lineage  string    `json:"lineage,omitempty"` // lineageKey, until it is published
	Nodules  []string  `json:"nodules,omitempty"` // noduleKeys, until it is published
	URI      string    `json:"uri,omitempty"`     // of the images, until it is published: then the review's record has it
	Priority string    `json:"priority,omitempty"`

	Record *store.Record `json:"-"` // what is kept for review with the note that it is published; nil: nothing
}

// heir is a result that a later one of the same source, series and nodules
// supersedes.
type heir struct {
	Identity string    `json:"identity"`
	Nodules  []string  `json:"nodules"`
	Time     time.Time `json:"time"`
}

// maxHeirs bounds how many results of one series are kept in mind.
const maxHeirs = 64

var (
	bucketResults  = []byte("results/v1")  // identity -> entry
	bucketLineage  = []byte("lineage/v1")  // lineageKey -> []heir, oldest first
	bucketAttempts = []byte("attempts/v1") // delivery -> number
)

// ledger tells which results exist. Every change is synced to the disk before
// the call returns (bbolt's default), so that it holds after a SIGKILL. It
// keeps digests and sequences, and a result's message only until that is
// published; what reviewers need is kept by the review store in the same file,
// and what is to be sent by the outbox.
type ledger struct {
	db     *bbolt.DB
	review *store.Store
	outbox *outbox.Store

	reports bool                                      // a structured report of every result is sent
	letters func(tx *bbolt.Tx, r *store.Record) error // writes what is to be sent of a result; nil: nothing is
}

// openLedger opens or creates the file. A second process is refused with
// CodeLedgerLocked.
func openLedger(path string) (l *ledger, err error) {
	const op = "open ledger"
	defer func() {
		if r := recover(); r != nil { // a damaged file
			l, err = nil, coded.New(CodeLedger, op, "the file is damaged: move it away; what RESULTS holds stays", fmt.Errorf("%v", r))
		}
	}()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, coded.New(CodeLedger, op, "the data folder cannot be made", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, coded.New(CodeLedgerLocked, op, "another process uses this data folder: stop it, or name another folder", err)
	}
	if err != nil {
		return nil, coded.New(CodeLedger, op, "the file cannot be opened; if it is damaged, move it away: what RESULTS holds stays", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketResults, bucketLineage, bucketAttempts} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(coded.New(CodeLedger, op, "the file cannot be written", err), db.Close())
	}
	store, err := store.Open(db)
	if err != nil {
		return nil, errors.Join(coded.New(CodeLedger, op, "what is kept for review cannot be read; if it is damaged, move the file away", err), db.Close())
	}
	letters, err := outbox.OpenStore(db)
	if err != nil {
		return nil, errors.Join(coded.New(CodeLedger, op, "the outbox cannot be written", err), db.Close())
	}
	return &ledger{db: db, review: store, outbox: letters}, nil
}

func (l *ledger) close() error { return l.db.Close() }

// check reads the ledger: for readiness.
func (l *ledger) check() error {
	return l.view("check ledger", func(*bbolt.Tx) error { return nil })
}

func (l *ledger) view(op string, fn func(*bbolt.Tx) error) error {
	if err := l.db.View(fn); err != nil {
		return coded.New(CodeLedger, op, "the ledger cannot be read", err)
	}
	return nil
}

func (l *ledger) update(op string, fn func(*bbolt.Tx) error) error {
	if err := l.db.Update(fn); err != nil {
		return coded.New(CodeLedger, op, "the ledger cannot be written; is the disk full?", err)
	}
	return nil
}

// find returns what is known of a result; State is unknown where nothing is.
func (l *ledger) find(identity string) (e entry, err error) {
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		return get(tx.Bucket(bucketResults), identity, &e)
	})
	return e, err
}

// intents lists the results that may or may not have been published when the
// process ended.
func (l *ledger) intents() (found map[string]entry, err error) {
	found = map[string]entry{}
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketResults).ForEach(func(k, v []byte) error {
			var e entry
			if err := json.Unmarshal(v, &e); err != nil {
				return err
			}
			if e.State == intended {
				found[string(k)] = e
			}
			return nil
		})
	})
	return found, err
}

// supersedes names the newest published result of the lineage that shares a
// nodule with the new one; "" where there is none. Results of one series with
// other nodules, as of a job that was split, stand beside each other.
func (l *ledger) supersedes(lineage, identity string, nodules []string) (former string, err error) {
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		var heirs []heir
		if err := get(tx.Bucket(bucketLineage), lineage, &heirs); err != nil {
			return err
		}
		for _, h := range slices.Backward(heirs) {
			if h.Identity != identity && overlap(h.Nodules, nodules) {
				former = h.Identity
				return nil
			}
		}
		return nil
	})
	return former, err
}

// overlap tells whether two sets share a member; two empty ones do.
func overlap(a, b []string) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// intend notes a result that is about to be published.
func (l *ledger) intend(identity string, e entry) error {
	e.State, e.Sequence = intended, 0
	return l.update("write intent", func(tx *bbolt.Tx) error {
		return put(tx.Bucket(bucketResults), identity, e)
	})
}

// abandon forgets a result that was intended and will not be published.
func (l *ledger) abandon(identity string) error {
	return l.update("drop intent", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketResults).Delete([]byte(identity))
	})
}

// publish notes that a result is there, lets go of its message and makes it
// the newest of its lineage.
func (l *ledger) publish(identity string, e entry, sequence uint64) error {
	return l.update("note result", func(tx *bbolt.Tx) error {
		done := entry{State: published, Sequence: sequence, Site: e.Site, Time: e.Time}
		if err := put(tx.Bucket(bucketResults), identity, done); err != nil {
			return err
		}
		if e.Record != nil {
			if err := l.review.Add(tx, *e.Record); err != nil {
				return err
			}
			if l.letters != nil {
				if err := l.letters(tx, e.Record); err != nil {
					return err
				}
			}
		}
		if e.Lineage == "" {
			return nil
		}
		var heirs []heir
		if err := get(tx.Bucket(bucketLineage), e.Lineage, &heirs); err != nil {
			return err
		}
		heirs = slices.DeleteFunc(heirs, func(h heir) bool {
			return h.Identity == identity || overlap(h.Nodules, e.Nodules)
		})
		heirs = append(heirs, heir{Identity: identity, Nodules: e.Nodules, Time: e.Time})
		return put(tx.Bucket(bucketLineage), e.Lineage, heirs[max(0, len(heirs)-maxHeirs):])
	})
}

// refuse keeps for review that a job was put aside.
func (l *ledger) refuse(r store.Record) error {
	return l.update("note refused job", func(tx *bbolt.Tx) error { return l.review.Add(tx, r) })
}

// begin counts an attempt at a job, before it is made: one that ends with its
// process has counted too. It returns how many there are with this one.
func (l *ledger) begin(delivery string) (attempts int, err error) {
	err = l.count(delivery, +1, &attempts)
	return attempts, err
}

// excuse takes an attempt back that ended for no fault of the job.
func (l *ledger) excuse(delivery string) error {
	var left int
	return l.count(delivery, -1, &left)
}

func (l *ledger) count(delivery string, step int, total *int) error {
	return l.update("count attempts", func(tx *bbolt.Tx) error {
		*total = 0
		if err := get(tx.Bucket(bucketAttempts), delivery, total); err != nil {
			return err
		}
		*total += step
		return put(tx.Bucket(bucketAttempts), delivery, *total)
	})
}

// settle forgets the attempts at a job that is done.
func (l *ledger) settle(delivery string) error {
	return l.update("forget attempts", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketAttempts).Delete([]byte(delivery))
	})
}

func get(b *bbolt.Bucket, key string, into any) error {
	v := b.Get([]byte(key))
	if v == nil {
		return nil
	}
	return json.Unmarshal(v, into)
}

func put(b *bbolt.Bucket, key string, value any) error {
	v, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put([]byte(key), v)
}
