package ledger

import (
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Adopt writes, within a transaction of [Ledger.Keep], a result that RESULTS has
// at e.Sequence as one that this ledger has published, message and all. adopted
// is false where the ledger knows it already; then it lacks the message at most,
// as where an earlier version published it.
func Adopt(tx *bbolt.Tx, identity string, e Entry) (adopted bool, err error) {
	b := tx.Bucket(bucketResults)
	if b.Get([]byte(identity)) != nil {
		if tx.Bucket(bucketPromises).Get([]byte(identity)) != nil {
			return false, nil
		}
		return false, putPromise(tx, identity, e)
	}
	done := Entry{State: Published, Sequence: e.Sequence, Site: e.Site, Time: e.Time}
	if err := boltdb.Put(b, identity, done); err != nil {
		return false, err
	}
	if err := putPromise(tx, identity, e); err != nil {
		return false, err
	}
	return true, inherit(tx, identity, e)
}
