package outbox_test

import (
	"fmt"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/plugin/outbox"
)

// A letter is written in the transaction that notes a result: there is none
// without the other.
func ExampleStore_Add() {
	dir, remove := exampletest.Dir()
	defer remove()
	db, err := bbolt.Open(filepath.Join(dir, "ledger.db"), 0o600, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	store, err := outbox.OpenStore(db)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = db.Update(func(tx *bbolt.Tx) error { // with what notes the result
		return store.Add(tx, "record of a result", outbox.Report, time.Now())
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := store.List()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range list {
		fmt.Println(l.Number, l.Kind, l.Refused)
	}
	// Output: 1 report false
}
