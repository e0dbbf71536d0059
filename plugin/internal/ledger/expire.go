package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Expire forgets results that were published before a time, and says how many.
// Intents stay. A job that comes again after that is answered once more. What
// also deletes goes with them, or nothing does.
func (l *Ledger) Expire(before time.Time, also func(*bbolt.Tx) error) (gone int, err error) {
	old, err := l.publishedBefore(before) // not in the transaction that writes, which others wait for
	if err != nil {
		return 0, err
	}
	err = l.update("expire ledger", func(tx *bbolt.Tx) (err error) {
		if len(old) == 0 {
			return also(tx)
		}
		for _, identity := range old {
			if err := errors.Join(tx.Bucket(bucketResults).Delete(identity), tx.Bucket(bucketPromises).Delete(identity)); err != nil {
				return err
			}
		}
		_, err = boltdb.DeleteWhere(tx.Bucket(bucketLineage), func(_, v []byte) (bool, error) {
			var heirs []heir
			err := json.Unmarshal(v, &heirs)
			return !slices.ContainsFunc(heirs, func(h heir) bool { return !h.Time.Before(before) }), err
		})
		if err != nil {
			return err
		}
		return also(tx)
	})
	return len(old), err
}

// publishedBefore lists results by identity.
func (l *Ledger) publishedBefore(before time.Time) (identities [][]byte, err error) {
	err = l.view("read ledger", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketResults).ForEach(func(k, v []byte) error {
			var e struct {
				State State     `json:"state"`
				Time  time.Time `json:"time"`
			}
			err := json.Unmarshal(v, &e)
			if e.State == Published && e.Time.Before(before) {
				identities = append(identities, bytes.Clone(k))
			}
			return err
		})
	})
	return identities, err
}
