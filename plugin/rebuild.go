package plugin

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/documents"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// Rebuilt tells what a ledger was made anew of.
type Rebuilt struct {
	Results       int `json:"results"`        // that it did not know
	Decisions     int `json:"decisions"`      // that were read from REVIEWS
	WithoutImages int `json:"without_images"` // results of a version that did not note where the images are: review cannot show them
	Unreadable    int `json:"unreadable"`     // messages that are no results, or decisions on results that are gone
}

// RebuildLedger gives the ledger of a data folder what RESULTS and REVIEWS have
// and it does not know. One that is damaged is put aside and made anew; aside is
// then its name. The service must not run: its start does the same. Codes:
// ledger_locked, ledger_failed, and those of bus.Start and bus.Connect.
func RebuildLedger(ctx context.Context, cfg Config) (r Rebuilt, aside string, err error) {
	cfg.Server.DontListen = true
	if cfg, err = cfg.withDefaults(); err == nil {
		err = errors.Join(bus.CheckSite(cfg.Site), cfg.Send.check())
	}
	if err != nil {
		return r, "", err
	}
	p := &Plugin{cfg: cfg, metrics: newMetrics(nil, cfg.Software, cfg.DataDir), log: cfg.Logger.With("part", "plugin")} // it scores nothing
	var opened closers
	defer opened.close(p.log)
	k, err := openKept(p.cfg.DataDir)
	if bus.CodeOf(err) == ledger.CodeDamaged {
		if aside, err = putLedgerAside(p.cfg.DataDir); err == nil {
			k, err = openKept(p.cfg.DataDir)
		}
	}
	if err != nil {
		return r, aside, err
	}
	opened.add(k.Close)
	if p.sends() {
		k.send(p.cfg.Send.kinds())
	}
	b, err := p.join(ctx, &opened)
	if err != nil {
		return r, aside, err
	}
	if r, err = rebuild(ctx, k, b, p.cfg.Site, p.auditFile()); err == nil {
		err = k.Rebuilt()
	}
	return r, aside, err
}

// batchSize is how many results or decisions are written in one transaction.
const batchSize = 128

// batches writes items, batchSize of them in one transaction.
type batches[T any] struct {
	kept    *kept
	op      string
	write   func(*bbolt.Tx, T) error
	waiting []T
}

func (b *batches[T]) add(item T) error {
	if b.waiting = append(b.waiting, item); len(b.waiting) < batchSize {
		return nil
	}
	return b.flush()
}

// flush writes what is left.
func (b *batches[T]) flush() error {
	if len(b.waiting) == 0 {
		return nil
	}
	err := b.kept.Keep(b.op, func(tx *bbolt.Tx) error {
		for _, item := range b.waiting {
			if err := b.write(tx, item); err != nil {
				return err
			}
		}
		return nil
	})
	b.waiting = b.waiting[:0]
	return err
}

// rebuild gives a ledger the results and decisions of a site that it does not
// know, from the streams. What the audit trail does not tell to have been sent
// to a PACS is sent again: the PACS knows it by its UID.
func rebuild(ctx context.Context, k *kept, b *bus.Bus, site, auditFile string) (r Rebuilt, err error) {
	sent, err := readSent(auditFile)
	if err != nil {
		return r, err
	}
	found := batches[bus.StoredResult]{kept: k, op: "make ledger anew", write: func(tx *bbolt.Tx, s bus.StoredResult) error {
		return k.adopt(tx, site, s, sent, &r)
	}}
	err = b.StoredResults(ctx, site, func(s bus.StoredResult) error {
		s.Event = slices.Clone(s.Event)
		return found.add(s)
	})
	if err == nil {
		err = found.flush()
	}
	if err != nil {
		return r, err
	}
	return r, k.restoreReviews(ctx, b, site, sent, &r)
}

// adopt takes a result of RESULTS into the ledger and the work list.
func (k *kept) adopt(tx *bbolt.Tx, site string, s bus.StoredResult, sent map[sentKey]time.Time, into *Rebuilt) error {
	env, result, err := bus.DecodeResult(s.Event)
	if err != nil || result.Identity != s.Identity {
		into.Unreadable++
		return nil //nolint:nilerr // it is told
	}
	e := ledger.Entry{
		State: ledger.Published, Sequence: s.Sequence, Site: site, Event: s.Event, Time: env.Time, URI: s.Origin.URI, Priority: s.Origin.Priority,
		Lineage: ledger.Lineage(result.JobSource, result.SeriesUID), Nodules: ledger.NoduleKeys(result.Nodules),
	}
	adopted, err := ledger.Adopt(tx, result.Identity, e)
	if err != nil || !adopted {
		return err
	}
	into.Results++
	if e.URI == "" {
		into.WithoutImages++
	}
	if err := k.review.Add(tx, recordOf(e, result)); err != nil {
		return err
	}
	for _, kind := range k.kindsOf(result) {
		if _, there := sent[sentKey{result.Identity, kind}]; !there {
			if err := k.outbox.Add(tx, store.IDOf(result.Identity), kind, time.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// restoreReviews takes decisions from REVIEWS.
func (k *kept) restoreReviews(ctx context.Context, b *bus.Bus, site string, sent map[sentKey]time.Time, into *Rebuilt) error {
	found := batches[bus.Review]{kept: k, op: "restore decisions", write: func(tx *bbolt.Tx, review bus.Review) error {
		return k.restore(tx, review, sent, into)
	}}
	err := b.Reviews(ctx, site, 0, func(_ bus.Envelope, review bus.Review) error { return found.add(review) })
	if err == nil {
		err = found.flush()
	}
	return err
}

func (k *kept) restore(tx *bbolt.Tx, review bus.Review, sent map[sentKey]time.Time, into *Rebuilt) error {
	record, restored, err := k.review.Restore(tx, review)
	if err != nil || !restored {
		if err == nil {
			into.Unreadable++
		}
		return err
	}
	into.Decisions++
	if !k.sendsVerified || !sent[sentKey{review.Identity, outbox.Verified}].Before(review.Time) {
		return nil
	}
	decisions, err := k.review.DecisionsIn(tx, record.ID)
	if err != nil || !documents.Decided(record, decisions) {
		return err
	}
	return k.outbox.Add(tx, record.ID, outbox.Verified, time.Now())
}

// sentKey is a document of a result that a PACS has.
type sentKey struct {
	identity string
	kind     outbox.Kind
}

// readSent reads from the audit trail what was sent, and when last. A trail that
// is not there, or is damaged from some line on, tells the less.
func readSent(path string) (map[sentKey]time.Time, error) {
	sent := map[sentKey]time.Time{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return sent, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, _, err = audit.Verify(f, func(r audit.Record) error {
		if r.Kind == audit.KindSent {
			sent[sentKey{r.Identity, outbox.Kind(r.Detail)}] = r.Time
		}
		return nil
	})
	if err != nil && bus.CodeOf(err) != audit.CodeFailed {
		return nil, err
	}
	return sent, nil
}
