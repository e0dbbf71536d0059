package plugin

import (
	"encoding/json"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// expire forgets results that were published before a time, and says how many.
// Intents stay. A job that comes again after that is answered once more.
func (l *ledger) expire(before time.Time) (gone int, err error) {
	err = l.update("expire ledger", func(tx *bbolt.Tx) error {
		gone = 0
		results, lineage := tx.Bucket(bucketResults), tx.Bucket(bucketLineage)
		old, err := keysWhere(results, func(v []byte) (bool, error) {
			var e entry
			err := json.Unmarshal(v, &e)
			return e.State == published && e.Time.Before(before), err
		})
		if err != nil {
			return err
		}
		gone = len(old)
		silent, err := keysWhere(lineage, func(v []byte) (bool, error) {
			var heirs []heir
			err := json.Unmarshal(v, &heirs)
			return !slices.ContainsFunc(heirs, func(h heir) bool { return !h.Time.Before(before) }), err
		})
		if err != nil {
			return err
		}
		if err := l.review.Expire(tx, before); err != nil {
			return err
		}
		return deleteKeys(map[*bbolt.Bucket][][]byte{results: old, lineage: silent})
	})
	return gone, err
}

func keysWhere(b *bbolt.Bucket, match func(value []byte) (bool, error)) (keys [][]byte, err error) {
	err = b.ForEach(func(k, v []byte) error {
		ok, err := match(v)
		if ok && err == nil {
			keys = append(keys, slices.Clone(k)) // k is only valid within the call
		}
		return err
	})
	return keys, err
}

func deleteKeys(keys map[*bbolt.Bucket][][]byte) error {
	for b, list := range keys {
		for _, k := range list {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
	}
	return nil
}
