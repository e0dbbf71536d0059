// Package boltdb has what every bbolt file of the service needs: opening it
// for one process, and JSON values under text keys.
package boltdb

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// ErrLocked says that another process has the file open.
var ErrLocked = errors.New("another process has the file open")

// lockWait is how long a file that is in use is waited for: long enough for a
// process that is just ending.
const lockWait = time.Second

// Open opens or makes the file at path, for its owner alone, and makes the
// buckets that are missing. The error wraps [ErrLocked] where another process
// has it open.
func Open(path string, buckets ...[]byte) (*bbolt.DB, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if err := MakeBuckets(db, buckets...); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// MakeBuckets makes the buckets that are missing.
func MakeBuckets(db *bbolt.DB, buckets ...[]byte) error {
	if len(buckets) == 0 { // a transaction would write all the same
		return nil
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return fmt.Errorf("make bucket: %w", err)
			}
		}
		return nil
	})
}

// Get decodes the value of key into what into points to, and tells whether
// there is one. Without one, into is left alone.
func Get(b *bbolt.Bucket, key string, into any) (there bool, err error) {
	v := b.Get([]byte(key))
	if v == nil {
		return false, nil
	}
	return true, json.Unmarshal(v, into)
}

// Put encodes value under key.
func Put(b *bbolt.Bucket, key string, value any) error {
	v, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put([]byte(key), v)
}

// DeleteWhere deletes what match says yes to, and tells how many that were.
func DeleteWhere(b *bbolt.Bucket, match func(key, value []byte) (bool, error)) (int, error) {
	var keys [][]byte // a bucket must not change while it is walked
	err := b.ForEach(func(k, v []byte) error {
		ok, err := match(k, v)
		if ok && err == nil {
			keys = append(keys, slices.Clone(k)) // k is only valid within the call
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// Key is a number as a key: eight bytes, in the order of the numbers.
func Key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Number is the number of a [Key], and 0 where key is none.
func Number(key []byte) uint64 {
	if len(key) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}
