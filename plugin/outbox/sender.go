package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/internal/backoff"
)

// Target is the PACS that documents go to: a *web.Client.
type Target interface {
	URL() string
	Holds(ctx context.Context, studyUID, seriesUID, sopInstanceUID string) (bool, error)
	Store(ctx context.Context, files ...[]byte) ([]web.StoreResult, error)
}

// Instance names a document.
type Instance struct{ StudyUID, SeriesUID, SOPInstanceUID string }

// Parcel is what a letter comes to.
type Parcel struct {
	To        Target
	Instances []Instance // in the order of the files
	Version   int        // of a review, 0 for anything else
	// Make makes the files. It may take long: patches are cut and scored again. It
	// may find that there is nothing to send, and return none.
	Make func(ctx context.Context) ([][]byte, error)
	// Instance is the document that another version of the review has.
	Instance func(version int) Instance
}

// ErrNothing says that there is nothing to send for a letter: it ends.
var ErrNothing = errors.New("outbox: nothing to send")

// ErrNowhere says that no PACS is set up to send to: letters wait.
var ErrNowhere = errors.New("outbox: no PACS has a store address")

// ErrGone says that what a letter is about is no longer kept: it is refused.
var ErrGone = errors.New("outbox: the result is no longer kept")

// Packer makes parcels. stored is the newest version of a review that the PACS
// is known to have. It makes no document and reads no pixel.
type Packer interface {
	Pack(ctx context.Context, l Letter, stored int) (Parcel, error)
}

// Sender empties a store.
type Sender struct {
	Store  *Store
	Packer Packer
	// Problem gives code and text of an error, without a patient.
	Problem func(error) (code, text string)
	Audit   func(Letter) error // a letter was taken; called before that is noted
	Note    func(kind Kind, code string)
	Logger  *slog.Logger

	First time.Duration // wait after a failed attempt, doubled for each after; default 2 s
	Last  time.Duration // at most; default 2 min

	waits map[uint64]wait // of letters
	away  map[string]wait // of PACS that are not there, by address
}

// wait is how long nothing is tried.
type wait struct {
	until time.Time
	last  time.Duration
}

const (
	defaultFirst = 2 * time.Second
	defaultLast  = 2 * time.Minute
	maxDoubts    = 10
)

// Run sends letters as they come, and those that are left from before, until
// ctx ends.
func (s *Sender) Run(ctx context.Context) {
	if s.First <= 0 {
		s.First = defaultFirst
	}
	if s.Last <= 0 {
		s.Last = defaultLast
	}
	s.waits, s.away = map[uint64]wait{}, map[string]wait{}
	for ctx.Err() == nil {
		next := s.round(ctx)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.Store.wake:
		}
		timer.Stop()
	}
}

// round tries what is due, and returns how long to wait for the next one.
func (s *Sender) round(ctx context.Context) time.Duration {
	list, err := s.Store.List()
	if err != nil {
		s.Logger.Warn("outbox cannot be read, trying again", "error", err)
		return s.Last
	}
	next := s.Last
	for _, l := range list {
		if ctx.Err() != nil {
			return 0
		}
		if l.Refused {
			continue
		}
		if s.Store.urgent(l.Number) {
			delete(s.waits, l.Number)
		}
		if left := time.Until(s.waits[l.Number].until); left > 0 {
			next = min(next, left)
			continue
		}
		if left := s.try(ctx, l); left > 0 {
			next = min(next, left)
		}
	}
	return next
}

// try makes one attempt at a letter, and returns how long it then waits.
func (s *Sender) try(ctx context.Context, l Letter) time.Duration {
	err := s.one(ctx, l)
	var later laterError
	switch {
	case err == nil || errors.Is(err, ErrNotThere):
		delete(s.waits, l.Number)
		return 0
	case ctx.Err() != nil:
		return 0
	case errors.As(err, &later): // nothing was tried
		return time.Duration(later)
	}
	code, text := s.Problem(err)
	s.Note(l.Kind, code)
	kind := classify(err)
	kept, noteErr := s.Store.change(l.Number, func(_ *bbolt.Tx, l *Letter) error {
		l.Attempts++
		l.Tried, l.Code, l.Problem = time.Now().UTC().Truncate(time.Millisecond), code, text
		if kind == uncertain {
			l.Doubts++
		}
		l.Refused = kind == permanent || l.Doubts >= maxDoubts
		return nil
	})
	log := s.Logger.With("letter", l.Number, "kind", l.Kind, "code", code)
	if noteErr != nil {
		log.Warn("attempt not noted", "error", noteErr)
	}
	if kept.Refused {
		log.Error("not sent, and not tried again: see 'nodulescope outbox'", "error", text, "attempts", kept.Attempts)
		delete(s.waits, l.Number)
		return 0
	}
	w := s.grow(s.waits[l.Number])
	s.waits[l.Number] = w
	log.Warn("not sent, trying again", "error", text, "attempts", kept.Attempts, "wait", w.last)
	return w.last
}

func (s *Sender) grow(w wait) wait {
	w.last = backoff.Doubling{First: s.First, Max: s.Last}.Next(w.last)
	w.until = time.Now().Add(w.last)
	return w
}

// laterError is how long a PACS is left alone that is not there.
type laterError time.Duration

func (laterError) Error() string { return "the PACS could not be reached a moment ago" }

// one sends a letter.
func (s *Sender) one(ctx context.Context, l Letter) error {
	stored, err := s.Store.VerifiedVersion(l.Record)
	if err != nil {
		return err
	}
	p, err := s.Packer.Pack(ctx, l, stored)
	if errors.Is(err, ErrNothing) {
		return s.Store.taken(l, 0)
	}
	if err != nil {
		return &makeError{err}
	}
	if left := time.Until(s.away[p.To.URL()].until); left > 0 {
		return laterError(left)
	}
	if l.Version > stored && l.Version != p.Version {
		// A version was sent, and a newer one made before the answer was noted.
		there, err := holds(ctx, p.To, p.Instance(l.Version))
		if err != nil {
			return s.reached(p.To, err)
		}
		if there {
			if _, err := s.Store.change(l.Number, func(tx *bbolt.Tx, now *Letter) error {
				return noteVerified(tx, l.Record, l.Version)
			}); err != nil {
				return err
			}
			if p, err = s.Packer.Pack(ctx, l, l.Version); err != nil {
				return &makeError{err}
			}
		}
	}
	there, err := holds(ctx, p.To, p.Instances...)
	if s.reached(p.To, err) != nil {
		return err
	}
	if !there {
		if err := s.deliver(ctx, l, p); err != nil {
			return err
		}
	}
	s.Logger.Debug("document stored", "letter", l.Number)
	if err := s.Audit(l); err != nil {
		return err
	}
	if err := s.Store.taken(l, p.Version); err != nil {
		return err
	}
	s.Note(l.Kind, "")
	s.Logger.Info("sent", "letter", l.Number, "kind", l.Kind, "documents", len(p.Instances), "there", there, "attempts", l.Attempts+1)
	return nil
}

// deliver makes the files and stores them.
func (s *Sender) deliver(ctx context.Context, l Letter, p Parcel) error {
	files, err := p.Make(ctx)
	if err != nil {
		return &makeError{err}
	}
	if p.Version > 0 {
		if _, err := s.Store.change(l.Number, func(_ *bbolt.Tx, now *Letter) error { now.Version = p.Version; return nil }); err != nil {
			return err
		}
	}
	s.Logger.Debug("document made", "letter", l.Number)
	if len(files) == 0 { // there turned out to be nothing
		return nil
	}
	results, err := p.To.Store(ctx, files...)
	if dicomio.CodeOf(err) == dicomio.CodeStoreRefused {
		return &refusedError{err, results}
	}
	return s.reached(p.To, err)
}

// reached notes whether a PACS was there, so that the other letters for it
// need not find out.
func (s *Sender) reached(to Target, err error) error {
	if dicomio.CodeOf(err) == dicomio.CodeUnreachable {
		s.away[to.URL()] = s.grow(s.away[to.URL()])
	} else {
		delete(s.away, to.URL())
	}
	return err
}

// holds tells whether a PACS holds all of some documents.
func holds(ctx context.Context, to Target, documents ...Instance) (bool, error) {
	for _, d := range documents {
		there, err := to.Holds(ctx, d.StudyUID, d.SeriesUID, d.SOPInstanceUID)
		if err != nil || !there {
			return false, err
		}
	}
	return true, nil
}
