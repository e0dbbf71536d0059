package jobs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
)

// catchUp takes in which results of the site are in RESULTS by now, whoever
// made them: what came since the last time, or all that is kept where this
// ledger has seen nothing yet of the stream.
func (w *Worker) catchUp(ctx context.Context) (ledger.Mark, error) {
	before := w.sent.Load()
	made, last, err := w.Bus.ResultsEnd(ctx)
	if err != nil {
		return ledger.Mark{}, err
	}
	if now := w.sent.Load(); before != nil && now != nil && now.Stream.Equal(made) && before.Seen <= last && last <= now.Seen {
		return *now, nil // it has only what this worker sent since
	}
	mark, err := w.Ledger.Mark(w.Site)
	if err != nil {
		return mark, err
	}
	if !mark.Stream.Equal(made) || last < mark.Seen {
		mark = ledger.Mark{Stream: made}
	} else if last == mark.Seen {
		return mark, nil
	}
	newest, err := w.Bus.NewestResult(ctx, w.Site) // of the stream's leader: the scan may be of a replica that lags
	if err != nil {
		return mark, err
	}
	answers := map[string]uint64{}
	anew := mark.Seen == 0
	err = w.Bus.ResultIdentities(ctx, w.Site, mark.Seen+1, func(identity string, sequence uint64) error {
		answers[identity], mark.Last = sequence, sequence
		return nil
	})
	if err != nil {
		return mark, err
	}
	if mark.Last < newest { // or it has left the stream by now: the next look tells
		return mark, coded.New(bus.CodeStream, "take in results", "the newest result of the site cannot be read yet", nil)
	}
	mark.Seen = max(last, mark.Last)
	return mark, w.Ledger.TakeIn(w.Site, mark, answers, anew)
}

// answerThere is the result of an identity, where RESULTS has one now.
// read is false where its message cannot be read.
func (w *Worker) answerThere(ctx context.Context, identity string) (sequence uint64, result bus.Result, read bool, err error) {
	if sequence, err = w.Ledger.Answer(w.Site, identity); err != nil || sequence == 0 {
		return 0, result, false, err
	}
	_, result, there, err := w.Bus.ResultAt(ctx, sequence)
	switch {
	case err != nil:
		return 0, result, false, err
	case !there || result.Identity != "" && result.Identity != identity:
		return 0, result, false, nil // it has left the stream
	}
	return sequence, result, result.Identity != "", nil
}

// sending is a result that is to be stored.
type sending struct {
	ctx   context.Context
	log   *slog.Logger
	entry ledger.Entry
	read  bus.Result            // what the event of the entry holds
	keep  func(*bbolt.Tx) error // keeps what others need of it, in the transaction that notes it
}

// overtakenWait is between two attempts to store what others were quicker than.
const overtakenWait = 20 * time.Millisecond

// store publishes the event of an intent, unless the result is there. The
// broker takes it only where nobody has stored a result of this site since
// this worker looked: one that was stopped for a while, or works on what was
// sent twice, learns of the other's answer in place of adding its own. There
// is no claim that could outlive its worker.
//
// Results that come while others are stored go together: slots would overtake each
// other.
func (w *Worker) store(s sending) error {
	w.sendOnce.Do(func() { w.sends.Do = w.storeAll })
	return w.sends.Add(s)
}

// stored is what became of a batch of results so far.
type stored struct {
	mark  ledger.Mark // how far RESULTS is known
	known bool        // nothing has come since, as far as is known
	notes []ledger.Note
	owner []int // of each note, in the batch
}

// storeAll stores results one after the other and notes all of them at once. Where
// that fails, each is noted by itself and the next look begins where this one did: what
// is not noted then is still found.
func (w *Worker) storeAll(batch []sending) []error {
	errs := make([]error, len(batch))
	var done stored
	for i, s := range batch {
		n := len(done.notes)
		if errs[i] = w.storeNext(s, &done); len(done.notes) > n {
			done.owner = append(done.owner, i)
		}
		if errs[i] != nil && s.ctx.Err() == nil && ours(errs[i]) { // the others would wait for a broker that is away, one after the other
			for j := range errs[i+1:] {
				errs[i+1+j] = errs[i]
			}
			break
		}
	}
	if len(done.notes) == 0 {
		return errs
	}
	err := w.Ledger.PublishAll(done.notes, w.Site, done.mark)
	if err != nil {
		w.sent.Store(nil)
	}
	for j, i := range done.owner {
		if errs[i] = err; err != nil && len(done.notes) > 1 {
			errs[i] = w.Ledger.Publish(done.notes[j])
		}
		if errs[i] == nil {
			batch[i].log.Debug("result noted", "identity", batch[i].read.Identity)
		}
	}
	return errs
}

// storeNext stores one result of a batch and adds what is to be noted.
func (w *Worker) storeNext(s sending, done *stored) (err error) {
	ctx, identity := s.ctx, s.read.Identity
	note := ledger.Note{Identity: identity, Entry: s.entry, Keep: s.keep}
	for overtaken := false; ; {
		if !done.known {
			mark, err := w.catchUp(ctx)
			if err != nil {
				return err
			}
			done.mark, done.known = mark, true
		}
		note.Sequence, _, _, err = w.answerThere(ctx, identity)
		if err != nil {
			return err
		}
		if note.Sequence > 0 {
			s.log.Info("another worker has answered", "identity", identity, "sequence", note.Sequence)
			done.notes = append(done.notes, note)
			return nil
		}
		mark := done.mark
		if overtaken { // or the newest one has left the stream, which then says that there is none
			newest, err := w.Bus.NewestResult(ctx, s.entry.Site)
			if err != nil {
				return err
			}
			if newest > mark.Seen { // it came after the look: it is taken in first
				done.known = false
				continue
			}
			mark.Last = newest
		}
		done.known = false // until it is there
		ack, err := w.Bus.PublishResultAfter(ctx, s.entry.Site, s.entry.Event, bus.Origin{URI: s.entry.URI, Priority: s.entry.Priority}, mark.Last)
		if err != nil || ack.Duplicate {
			w.sent.Store(nil)
		}
		if errors.Is(err, bus.ErrOvertaken) {
			overtaken = true
			if err := backoff.Wait(ctx, overtakenWait); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		s.log.Debug("result stored", "identity", identity, "sequence", ack.Sequence)
		note.Sequence = ack.Sequence
		done.notes = append(done.notes, note)
		if !ack.Duplicate && s.entry.Site == w.Site {
			mark.Seen, mark.Last = max(mark.Seen, ack.Sequence), ack.Sequence
			done.mark, done.known = mark, true
			w.sent.Store(&mark)
		}
		return nil
	}
}
