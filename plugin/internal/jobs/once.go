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
	mark, err := w.Ledger.Mark(w.Site)
	if err != nil {
		return mark, err
	}
	made, last, err := w.Bus.ResultsEnd(ctx)
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

// overtakenWait is between two attempts to store what others were quicker than.
const overtakenWait = 20 * time.Millisecond

// store publishes the event of an intent, unless the result is there. The
// broker takes it only where nobody has stored a result of this site since
// this worker looked: one that was stopped for a while, or works on what was
// sent twice, learns of the other's answer in place of adding its own. There
// is no claim that could outlive its worker.
//
// keep keeps what others need of it, in the transaction that notes it.
func (w *Worker) store(ctx context.Context, log *slog.Logger, e ledger.Entry, result bus.Result, keep func(*bbolt.Tx) error) error {
	w.sending.Lock() // slots would overtake each other
	defer w.sending.Unlock()
	for overtaken := false; ; {
		mark, err := w.catchUp(ctx)
		if err != nil {
			return err
		}
		sequence, _, _, err := w.answerThere(ctx, result.Identity)
		if err != nil {
			return err
		}
		if sequence > 0 {
			log.Info("another worker has answered", "identity", result.Identity, "sequence", sequence)
			return w.Ledger.Publish(result.Identity, e, sequence, keep)
		}
		if overtaken { // or the newest one has left the stream, which then says that there is none
			newest, err := w.Bus.NewestResult(ctx, e.Site)
			if err != nil {
				return err
			}
			if newest > mark.Seen { // it came after the look: it is taken in first
				continue
			}
			mark.Last = newest
		}
		ack, err := w.Bus.PublishResultAfter(ctx, e.Site, e.Event, bus.Origin{URI: e.URI, Priority: e.Priority}, mark.Last)
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
		log.Debug("result stored", "identity", result.Identity, "sequence", ack.Sequence)
		if !ack.Duplicate {
			mark.Seen, mark.Last = max(mark.Seen, ack.Sequence), ack.Sequence
		}
		err = w.Ledger.Publish(result.Identity, e, ack.Sequence, func(tx *bbolt.Tx) error {
			if err := ledger.SetMark(tx, w.Site, mark); err != nil {
				return err
			}
			return keep(tx)
		})
		if err == nil {
			log.Debug("result noted", "identity", result.Identity)
		}
		return err
	}
}
