package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// laterBytes is the size from which on a file that was found sound before is looked at
// beside the work: at the start it would take seconds.
var laterBytes int64 = 64 << 20

// valuesAtOnce is how many values are looked at in one transaction: a longer one would
// hold those up that write.
const valuesAtOnce = 2048

var keySound = []byte("sound") // in bucketDue: the file was read from end to end since it was opened

// check looks at every page, and reads what is relied on: values of buckets that hold JSON
// must be that.
func check(db *bbolt.DB, texts [][]byte) error {
	err := db.View(func(tx *bbolt.Tx) error {
		var first error
		for err := range tx.Check() {
			first = cmp.Or(first, err)
		}
		return first
	})
	if err != nil {
		return err
	}
	return walk(context.Background(), db, texts)
}

// checkLater tells whether a file may be looked at beside the work: it is large, was found
// sound the last time, and is as long as it says.
func checkLater(db *bbolt.DB) (later bool, err error) {
	info, err := os.Stat(db.Path())
	if err != nil {
		return false, err
	}
	return later, db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > info.Size() {
			return errors.New("its end is missing")
		}
		due := tx.Bucket(bucketDue)
		later = due != nil && due.Get(keySound) != nil && info.Size() >= laterBytes
		return nil
	})
}

// walk reads every key and value.
func walk(ctx context.Context, db *bbolt.DB, texts [][]byte) error {
	var names [][]byte
	err := db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			names = append(names, bytes.Clone(name))
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		text := slices.ContainsFunc(texts, func(t []byte) bool { return bytes.Equal(t, name) })
		for from := []byte{}; from != nil; {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := db.View(func(tx *bbolt.Tx) (err error) {
				from, err = walkOn(tx.Bucket(name), from, text)
				return err
			})
			if err != nil {
				return fmt.Errorf("bucket %s: %w", name, err)
			}
		}
	}
	return nil
}

// walkOn reads some values from a key on, and returns where to go on, nil at the end.
func walkOn(b *bbolt.Bucket, from []byte, text bool) (next []byte, err error) {
	if b == nil {
		return nil, errors.New("it is gone")
	}
	c := b.Cursor()
	var before []byte
	n := 0
	for k, v := c.Seek(from); k != nil; k, v = c.Next() {
		switch {
		case n == valuesAtOnce:
			return bytes.Clone(k), nil
		case before != nil && bytes.Compare(before, k) >= 0:
			return nil, errors.New("keys are out of order")
		case text && !json.Valid(v):
			return nil, errors.New("a value is no JSON")
		}
		before = k
		n++
	}
	return nil, nil
}

// Verify reads the file from end to end where [Open] has not, beside those that use it, and
// notes that it is sound. Where it is not, its error has code ledger_damaged, and the next
// Open looks at every page.
func (l *Ledger) Verify(ctx context.Context) error {
	if l.later {
		err := guarded(func() error { return walk(ctx, l.db, l.texts) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if Refused(err) {
			return coded.New(CodeFailed, "read ledger", "the file cannot be read", err)
		}
		if err != nil {
			return coded.New(CodeDamaged, "read ledger", "the file is damaged: the next start makes it anew", err)
		}
		l.later = false
	}
	return l.update("note that the ledger is sound", func(tx *bbolt.Tx) error { return tx.Bucket(bucketDue).Put(keySound, []byte{1}) })
}
