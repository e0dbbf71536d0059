package plugin

import (
	"cmp"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/documents"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// kept is all that is in the ledger's file: which results exist, what reviewers
// need, and what is to be sent to a PACS. A result and what follows from it are
// written in one transaction.
type kept struct {
	*ledger.Ledger
	review *store.Store
	outbox *outbox.Store

	filling atomic.Bool // it is new, and may lack what the streams have

	onResult      []outbox.Kind // what is to be sent of every result
	sendsVerified bool          // and of a decision that completes a review
}

var _ jobs.Keeper = (*kept)(nil)

// openKept opens or makes the file in a data folder. Codes: ledger_failed,
// ledger_locked.
func openKept(dataDir string) (*kept, error) {
	const op = "open ledger"
	k := &kept{}
	l, err := ledger.Open(ledgerFile(dataDir), func(db *bbolt.DB) (err error) {
		if k.review, err = store.Open(db); ledger.Refused(err) {
			return coded.New(ledger.CodeFailed, op, "what is kept for review cannot be written; is the disk full?", err)
		} else if err != nil {
			return coded.New(ledger.CodeDamaged, op, "what is kept for review cannot be read", err)
		}
		if k.outbox, err = outbox.OpenStore(db); err != nil {
			return coded.New(ledger.CodeFailed, op, "the outbox cannot be written", err)
		}
		return nil
	}, store.Texts()...)
	if err != nil {
		return nil, err
	}
	k.Ledger = l
	k.filling.Store(l.New)
	return k, nil
}

func ledgerFile(dataDir string) string { return filepath.Join(dataDir, "ledger.db") }

// Result implements jobs.Keeper.
func (k *kept) Result(tx *bbolt.Tx, e ledger.Entry, r bus.Result) error {
	record := recordOf(e, r)
	if err := k.review.Add(tx, record); err != nil {
		return err
	}
	for _, kind := range k.kindsOf(r) {
		if err := k.outbox.Add(tx, record.ID, kind, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// recordOf is what reviewers need of a result.
func recordOf(e ledger.Entry, r bus.Result) store.Record {
	record := store.Record{
		ID: store.IDOf(r.Identity), Site: e.Site, JobID: r.JobID, Source: r.JobSource, StudyUID: r.StudyUID, SeriesUID: r.SeriesUID,
		URI: e.URI, Priority: cmp.Or(e.Priority, bus.PriorityRoutine), Time: e.Time, Result: &r, Nodules: len(r.Nodules),
	}
	if r.Supersedes != "" {
		record.Supersedes = store.IDOf(r.Supersedes)
	}
	return record
}

// kindsOf is what is to be sent of a result.
func (k *kept) kindsOf(r bus.Result) (kinds []outbox.Kind) {
	for _, kind := range k.onResult {
		if kind != outbox.Outline || documents.Outlined(r) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// PutAside implements jobs.Keeper.
func (k *kept) PutAside(tx *bbolt.Tx, r jobs.Refused) error {
	return k.review.Add(tx, store.Record{
		ID: store.RefusedID(r.Site, r.Delivery), Site: r.Site, JobID: r.Envelope.ID, Source: r.Envelope.Source, StudyUID: r.Job.StudyUID,
		SeriesUID: r.Job.SeriesUID, URI: r.Job.URI, Priority: cmp.Or(r.Job.Priority, bus.PriorityRoutine), Time: time.Now().UTC(),
		Problem: &r.Why, Nodules: len(r.Job.Nodules),
	})
}

// send has letters written of every result, and of a decision that may complete
// its review, in the same transaction.
func (k *kept) send(kinds []outbox.Kind) {
	for _, kind := range kinds {
		if kind != outbox.Verified {
			k.onResult = append(k.onResult, kind)
			continue
		}
		k.sendsVerified = true
		k.review.OnDecision = func(tx *bbolt.Tx, r store.Record, decisions map[int]store.Decision) error {
			if !documents.Decided(r, decisions) {
				return nil
			}
			return k.outbox.Add(tx, r.ID, outbox.Verified, time.Now())
		}
	}
}

// expire forgets results that were published before a time.
func (k *kept) expire(before time.Time) (gone int, err error) {
	return k.Expire(before, func(tx *bbolt.Tx) error { return k.review.Expire(tx, before) })
}
