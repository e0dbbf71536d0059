package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	published := fmt.Appendf(nil, `{"state":%q`, Published) // how most begin: they need not be read
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketResults).ForEach(func(k, v []byte) error {
			if bytes.HasPrefix(v, published) {
				return nil
			}
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
	err := l.update("write intent", func(tx *bbolt.Tx) error {
		if err := end(tx, delivery); err != nil {
			return err
		}
		return boltdb.Put(tx.Bucket(bucketResults), identity, e)
	})
	if err != nil {
		return err
	}
	return l.attempts.set(delivery, 0)
}

// Abandon forgets a result that was intended and will not be published.
func (l *Ledger) Abandon(identity string) error {
	return l.update("drop intent", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketResults).Delete([]byte(identity))
	})
}

// Note is a result that is there.
type Note struct {
	Identity string
	Entry    Entry
	Sequence uint64                // in RESULTS
	Keep     func(*bbolt.Tx) error // writes what others need of it, in the transaction that notes it
}

// Publish notes that a result is there, puts its message where [Ledger.Promise]
// finds it, and makes it the newest of its lineage. What n.Keep writes is written with
// it, or nothing is.
func (l *Ledger) Publish(n Note) error {
	return l.update("note result", n.write)
}

// PublishAll is [Ledger.Publish] of several, with how far the results of the site were
// taken in with them: all of it is written, or nothing is.
func (l *Ledger) PublishAll(notes []Note, site string, m Mark) error {
	return l.update("note results", func(tx *bbolt.Tx) error {
		for _, n := range notes {
			if err := n.write(tx); err != nil {
				return err
			}
		}
		return SetMark(tx, site, m)
	})
}

func (n Note) write(tx *bbolt.Tx) error {
	e := n.Entry
	done := Entry{State: Published, Sequence: n.Sequence, Site: e.Site, Time: e.Time}
	if err := boltdb.Put(tx.Bucket(bucketResults), n.Identity, done); err != nil {
		return err
	}
	if err := tx.Bucket(bucketAnswers).Put(answerKey(e.Site, n.Identity), boltdb.Key(n.Sequence)); err != nil {
		return err
	}
	if err := putPromise(tx, n.Identity, e); err != nil {
		return err
	}
	if err := n.Keep(tx); err != nil {
		return err
	}
	return inherit(tx, n.Identity, e)
}
