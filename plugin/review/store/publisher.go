package store

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/boltdb"
)

// Bus is what the publisher needs of a *bus.Bus.
type Bus interface {
	PublishReview(ctx context.Context, site, source string, r bus.Review, opts ...bus.EventOption) (bus.Ack, error)
	FindReview(ctx context.Context, site, id string, fromSeq uint64) (uint64, bool, error)
	LastReviewSeq(ctx context.Context) (uint64, error)
}

// Publisher takes decisions from the store to the audit trail and the stream
// REVIEWS.
type Publisher struct {
	Site   string // whose jobs the service takes
	Store  *Store
	Bus    Bus
	Audit  func(Entry) error
	Logger *slog.Logger

	mu sync.Mutex // one letter at a time
}

// Entry is a line for the audit trail. It names no patient.
type Entry struct {
	Kind       string   // see the constants of package plugin
	User       string   // who did it
	Identities []string // of the results that it is about
	Number     int      // of the finding
	Decision   string
	Version    int
	Again      bool // after a crash; it may have a line already
	Detail     string
	Address    string // of who signs in or out
}

// waits between attempts at what the broker does not take.
var waits = backoff.Doubling{First: time.Second, Max: time.Minute}

// Run publishes decisions as they come, and those that are left from before,
// until ctx ends. What the broker does not take is tried again for as long as
// it takes.
func (p *Publisher) Run(ctx context.Context) {
	var wait time.Duration
	for ctx.Err() == nil {
		if err := p.drain(ctx); err != nil && ctx.Err() == nil {
			wait = waits.Next(wait)
			p.Logger.Warn("decision not published, trying again", "error", err, "wait", wait)
			_ = backoff.Wait(ctx, wait) // the loop sees that ctx has ended
			continue
		}
		wait = 0
		select {
		case <-ctx.Done():
		case <-p.Store.wake:
		}
	}
}

// Kept notes a decision that was just made in the audit trail and lets it be
// published. Its error means that the trail could not be written: the decision
// is kept and will be noted later.
func (p *Publisher) Kept(entry uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		select {
		case p.Store.wake <- struct{}{}:
		default:
		}
	}()
	l, there, err := p.Store.letter(entry)
	if err != nil || !there || l.Audited {
		return err
	}
	return p.audit(entry, &l, false)
}

func (p *Publisher) audit(entry uint64, l *letter, again bool) error {
	err := p.Audit(Entry{
		Kind: "decision", User: l.Review.Reviewer, Identities: []string{l.Review.Identity}, Number: l.Number,
		Decision: string(l.Review.Verdict), Version: l.Review.Version, Again: again,
	})
	if err != nil {
		return err
	}
	p.Logger.Debug("decision in audit trail", "entry", entry)
	l.Audited = true
	if err := p.Store.putLetter(entry, *l); err != nil {
		return err
	}
	p.Logger.Debug("decision noted", "entry", entry)
	return nil
}

// drain publishes what the outbox holds, in order, up to the first that the
// broker does not take now.
func (p *Publisher) drain(ctx context.Context) error {
	for after := uint64(0); ; {
		entry, err := p.Store.nextLetter(after)
		if err != nil || entry == 0 {
			return err
		}
		if err := p.one(ctx, entry); err != nil {
			if code := bus.CodeOf(err); code != bus.CodeReviewInvalid && code != bus.CodeMessageTooLarge {
				return err
			}
			// No repetition heals it, and others wait behind it.
			p.Logger.Error("decision cannot be published and stays in the ledger", "error", err)
		}
		after = entry
	}
}

func (p *Publisher) one(ctx context.Context, entry uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, there, err := p.Store.letter(entry)
	if err != nil || !there {
		return err
	}
	if !l.Audited {
		if err := p.audit(entry, &l, true); err != nil {
			return err
		}
	}
	if l.Tried {
		_, stored, err := p.Bus.FindReview(ctx, l.Site, bus.ReviewID(l.Review), l.Before+1)
		if err != nil {
			return err
		}
		if stored {
			return p.Store.dropLetter(entry, l)
		}
	} else {
		if l.Before, err = p.Bus.LastReviewSeq(ctx); err != nil {
			return err
		}
		l.Tried = true
		if err := p.Store.putLetter(entry, l); err != nil {
			return err
		}
	}
	_, err = p.Bus.PublishReview(ctx, l.Site, "/nodulescope/"+l.Site+"/review", l.Review, bus.WithTime(l.Review.Time))
	if err != nil {
		return err
	}
	p.Logger.Debug("decision stored", "entry", entry)
	return p.Store.dropLetter(entry, l)
}

func (s *Store) letter(entry uint64) (l letter, there bool, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		there, err = boltdb.Get(tx.Bucket(bucketOutbox), string(boltdb.Key(entry)), &l)
		l.Review = l.Review.Migrated() // of an earlier version, which stopped before it was published
		return err
	})
	return l, there, err
}

func (s *Store) putLetter(entry uint64, l letter) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return boltdb.Put(tx.Bucket(bucketOutbox), string(boltdb.Key(entry)), l) })
}

// dropLetter ends a letter that the bus has.
func (s *Store) dropLetter(entry uint64, l letter) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketOutbox).Delete(boltdb.Key(entry)) })
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.decisions[l.ID][l.Number]; d.letter == entry {
		d.letter = 0
		s.decisions[l.ID][l.Number] = d
	}
	return nil
}

// nextLetter is the first entry after one, 0 where there is none.
func (s *Store) nextLetter(after uint64) (entry uint64, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		k, v := tx.Bucket(bucketOutbox).Cursor().Seek(boltdb.Key(after + 1))
		if k == nil {
			return nil
		}
		entry = boltdb.Number(k)
		return json.Unmarshal(v, &letter{})
	})
	return entry, err
}

// Waiting counts the decisions that the bus does not have yet.
func (s *Store) Waiting() (n int, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		n = tx.Bucket(bucketOutbox).Stats().KeyN
		return nil
	})
	return n, err
}
