package ledger

import (
	"encoding/json"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Expire forgets results that were published before a time, and says how many.
// Intents stay. A job that comes again after that is answered once more. What
// also deletes goes with them, or nothing does.
func (l *Ledger) Expire(before time.Time, also func(*bbolt.Tx) error) (gone int, err error) {
	err = l.update("expire ledger", func(tx *bbolt.Tx) (err error) {
		gone, err = boltdb.DeleteWhere(tx.Bucket(bucketResults), func(_, v []byte) (bool, error) {
			var e Entry
			err := json.Unmarshal(v, &e)
			return e.State == Published && e.Time.Before(before), err
		})
		if err != nil {
			return err
		}
		results := tx.Bucket(bucketResults)
		_, err = boltdb.DeleteWhere(tx.Bucket(bucketPromises), func(k, _ []byte) (bool, error) { return results.Get(k) == nil, nil })
		if err != nil {
			return err
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
	return gone, err
}
