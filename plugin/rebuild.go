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
	"github.com/nodulescope/nodulescope/internal/coded"
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
	if _, err := os.Stat(cfg.Server.StoreDir); cfg.Bus.URL == "" && errors.Is(err, fs.ErrNotExist) {
		return r, "", coded.New(CodeSettings, "make ledger anew", "the data folder holds no bus: name the service's data folder, or its broker", nil)
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
	if r, err = p.rebuild(ctx, k, b); err == nil {
		err = k.Rebuilt()
	}
	return r, aside, err
}

// batchSize is how many results or decisions are written in one transaction: some 10 MB of
// results, so that few syncs of the disk are waited for.
const batchSize = 1024

// batches writes items, batchSize of them in one transaction.
type batches[T any] struct {
	kept    *kept
	op      string
	write   func(*bbolt.Tx, T) error
	order   func(a, b T) int // in which those of a transaction are written; nil: as they came
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
	if b.order != nil {
		slices.SortStableFunc(b.waiting, b.order)
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
// to a PACS is sent again: the PACS knows it by its UID. Of results that are
// kept no longer, those with decisions stay in the work list.
func (p *Plugin) rebuild(ctx context.Context, k *kept, b *bus.Bus) (r Rebuilt, err error) {
	sent, err := readSent(p.auditFile())
	if err != nil {
		return r, err
	}
	a := p.adopter(k, sent)
	if err := a.results(ctx, b); err != nil {
		return a.done, err
	}
	if err := k.restoreReviews(ctx, b, p.cfg.Site, sent, &a.done); err != nil {
		return a.done, err
	}
	_, err = k.expire(a.keepFrom)
	return a.done, err
}

// adopter takes results of RESULTS into a ledger.
type adopter struct {
	kept     *kept
	site     string
	keepFrom time.Time             // older ones are not kept
	sent     map[sentKey]time.Time // what a PACS has
	only     map[string]bool       // identities; nil: all
	done     Rebuilt
}

func (p *Plugin) adopter(k *kept, sent map[sentKey]time.Time) *adopter {
	return &adopter{kept: k, site: p.cfg.Site, keepFrom: time.Now().Add(-p.cfg.KeepResults), sent: sent}
}

// adoption is a result to be taken in.
type adoption struct {
	entry  ledger.Entry
	result bus.Result
}

func (a *adopter) results(ctx context.Context, b *bus.Bus) error {
	found := batches[adoption]{kept: a.kept, op: "make ledger anew", write: a.adopt, order: func(a, b adoption) int {
		return a.entry.Time.Compare(b.entry.Time) // one that was put back comes after those that superseded it
	}}
	err := b.StoredResults(ctx, a.site, func(s bus.StoredResult) error {
		if a.only != nil && !a.only[s.Identity] {
			return nil
		}
		env, result, err := bus.DecodeResult(s.Event)
		if err != nil || result.Identity != s.Identity {
			a.done.Unreadable++
			return nil //nolint:nilerr // it is told
		}
		return found.add(adoption{result: result, entry: ledger.Entry{
			State: ledger.Published, Sequence: s.Sequence, Site: a.site, Event: slices.Clone(s.Event), Time: env.Time, URI: s.Origin.URI, Priority: s.Origin.Priority,
			Lineage: ledger.Lineage(result.JobSource, result.SeriesUID), Nodules: ledger.NoduleKeys(result.Nodules),
		}})
	})
	if err == nil {
		err = found.flush()
	}
	return err
}

// adopt takes a result into the ledger and the work list.
func (a *adopter) adopt(tx *bbolt.Tx, found adoption) error {
	e, result := found.entry, found.result
	adopted, err := ledger.Adopt(tx, result.Identity, e)
	if err != nil || !adopted {
		return err
	}
	if err := a.kept.review.Add(tx, recordOf(e, result)); err != nil || e.Time.Before(a.keepFrom) {
		return err
	}
	a.done.Results++
	if e.URI == "" {
		a.done.WithoutImages++
	}
	for _, kind := range a.kept.kindsOf(result) {
		if _, there := a.sent[sentKey{result.Identity, kind}]; !there {
			if err := a.kept.outbox.Add(tx, store.IDOf(result.Identity), kind, time.Now()); err != nil {
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
	files, err := audit.Files(path)
	if err != nil {
		return nil, err
	}
	_, _, err = audit.VerifyFiles(files, func(r audit.Record) error {
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
