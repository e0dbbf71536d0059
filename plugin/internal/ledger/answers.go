package ledger

import (
	"bytes"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Mark says how far the results of a site were taken in from RESULTS,
// whoever made them.
type Mark struct {
	Stream time.Time `json:"stream"` // when RESULTS was made: sequences of another one mean nothing
	Seen   uint64    `json:"seen"`   // sequence up to which all were taken in
	Last   uint64    `json:"last"`   // sequence of the newest one of the site, as far as is known
}

// Mark returns how far the results of a site were taken in.
func (l *Ledger) Mark(site string) (m Mark, err error) {
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		_, err := boltdb.Get(tx.Bucket(bucketMarks), site, &m)
		return err
	})
	return m, err
}

// TakeIn notes where results are, by identity, and how far they were taken in.
// With anew, the stream was read from its beginning: what was known before is
// forgotten, but for results that this ledger promised. These may still have to
// be put back; until then their sequences may be those of a former stream.
func (l *Ledger) TakeIn(site string, m Mark, answers map[string]uint64, anew bool) error {
	return l.update("take in results", func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketAnswers)
		if anew {
			promises, prefix := tx.Bucket(bucketPromises), answerKey(site, "")
			_, err := boltdb.DeleteWhere(b, func(k, _ []byte) (bool, error) {
				return ofSite(k, site) && promises.Get(k[len(prefix):]) == nil, nil
			})
			if err != nil {
				return err
			}
		}
		for identity, sequence := range answers {
			if err := b.Put(answerKey(site, identity), boltdb.Key(sequence)); err != nil {
				return err
			}
		}
		return SetMark(tx, site, m)
	})
}

// Forget drops answers of a site that do not come back, unless they have
// another sequence by now.
func (l *Ledger) Forget(site string, answers map[string]uint64) error {
	if len(answers) == 0 {
		return nil
	}
	return l.update("forget results", func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketAnswers)
		for identity, sequence := range answers {
			key := answerKey(site, identity)
			if boltdb.Number(b.Get(key)) != sequence {
				continue
			}
			if err := b.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// SetMark notes how far the results of a site were taken in.
func SetMark(tx *bbolt.Tx, site string, m Mark) error {
	return boltdb.Put(tx.Bucket(bucketMarks), site, m)
}

// answerKey names an answer: results of one identity may be asked for by two
// sites.
func answerKey(site, identity string) []byte { return []byte(site + "\x00" + identity) }

func ofSite(key []byte, site string) bool { return bytes.HasPrefix(key, answerKey(site, "")) }

// Answers are all results of a site that were taken in, identity to sequence.
func (l *Ledger) Answers(site string) (answers map[string]uint64, err error) {
	answers = map[string]uint64{}
	prefix := answerKey(site, "")
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketAnswers).Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
			answers[string(k[len(prefix):])] = boltdb.Number(v)
		}
		return nil
	})
	return answers, err
}

// Answer is the sequence of a result among those that were taken in, 0 where
// there is none.
func (l *Ledger) Answer(site, identity string) (sequence uint64, err error) {
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		sequence = boltdb.Number(tx.Bucket(bucketAnswers).Get(answerKey(site, identity)))
		return nil
	})
	return sequence, err
}
