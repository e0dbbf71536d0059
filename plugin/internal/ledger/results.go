package ledger

import (
	"encoding/json"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// State of a result.
type State string

// States.
const (
	Unknown   State = ""
	Intended  State = "intended"  // about to be published, perhaps already there
	Published State = "published" // there
)

// Entry is what the ledger knows of one result.
type Entry struct {
	State    State     `json:"state"`
	Before   uint64    `json:"before,omitempty"`   // newest sequence of RESULTS when it was intended
	Sequence uint64    `json:"sequence,omitempty"` // in RESULTS, where published
	Site     string    `json:"site,omitempty"`     // whose result it is
	Event    []byte    `json:"event,omitempty"`    // the message, until it is published
	Time     time.Time `json:"time"`

	// Until it is published:
	Lineage  string   `json:"lineage,omitempty"` // see Lineage
	Nodules  []string `json:"nodules,omitempty"` // see NoduleKeys
	URI      string   `json:"uri,omitempty"`     // of the images; then what is kept for review has it
	Priority string   `json:"priority,omitempty"`
}

// Find returns what is known of a result; State is Unknown where nothing is.
func (l *Ledger) Find(identity string) (e Entry, err error) {
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		_, err := boltdb.Get(tx.Bucket(bucketResults), identity, &e)
		return err
	})
	return e, err
}

// Intents lists the results that may or may not have been published when the
// process ended, by identity.
func (l *Ledger) Intents() (found map[string]Entry, err error) {
	found = map[string]Entry{}
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketResults).ForEach(func(k, v []byte) error {
			var e Entry
			if err := json.Unmarshal(v, &e); err != nil {
				return err
			}
			if e.State == Intended {
				found[string(k)] = e
			}
			return nil
		})
	})
	return found, err
}

// Intend notes a result that is about to be published. From here on nothing
// that goes wrong is the fault of its job: the attempts at it are forgotten.
func (l *Ledger) Intend(identity, delivery string, e Entry) error {
	e.State, e.Sequence = Intended, 0
	return l.update("write intent", func(tx *bbolt.Tx) error {
		if err := tx.Bucket(bucketAttempts).Delete([]byte(delivery)); err != nil {
			return err
		}
		if err := end(tx, delivery); err != nil {
			return err
		}
		return boltdb.Put(tx.Bucket(bucketResults), identity, e)
	})
}

// Abandon forgets a result that was intended and will not be published.
func (l *Ledger) Abandon(identity string) error {
	return l.update("drop intent", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketResults).Delete([]byte(identity))
	})
}

// Publish notes that a result is there, puts its message where [Ledger.Promise]
// finds it, and makes it the newest of its lineage. What keep writes is written with it, or nothing
// is.
func (l *Ledger) Publish(identity string, e Entry, sequence uint64, keep func(*bbolt.Tx) error) error {
	return l.update("note result", func(tx *bbolt.Tx) error {
		done := Entry{State: Published, Sequence: sequence, Site: e.Site, Time: e.Time}
		if err := boltdb.Put(tx.Bucket(bucketResults), identity, done); err != nil {
			return err
		}
		if err := tx.Bucket(bucketAnswers).Put(answerKey(e.Site, identity), boltdb.Key(sequence)); err != nil {
			return err
		}
		if err := putPromise(tx, identity, e); err != nil {
			return err
		}
		if err := keep(tx); err != nil {
			return err
		}
		return inherit(tx, identity, e)
	})
}
