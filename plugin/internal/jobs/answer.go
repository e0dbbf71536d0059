package jobs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// answer makes sure that the result of a job is published, once. It knows
// which result that is before it reads a pixel, and asks the ledger:
//
//	nothing   → score, write the intent (synced), publish, note it
//	intended  → a crash came in between: look in RESULTS, publish again if it is not there
//	published → nothing to do
//
// Only then is the job taken from the queue, so that a crash at any point
// leads here again. The outcome counts where the error is nil.
func (w *Worker) answer(ctx context.Context, log *slog.Logger, d *bus.Delivery) (Outcome, error) {
	t, err := w.open(ctx, d)
	if err != nil {
		return "", err
	}
	var seen look
	var scored, whole time.Duration
	waits := w.Arrival.Quiet > 0
	if waits {
		seen = w.look(d, t.scan.Series())
		scored, whole = w.Arrival.needed(t.scan.Series(), false)
		if w.wait(t, seen, scored) {
			return "", errArriving
		}
	}
	answered := func(o Outcome) Outcome {
		if seen.quiet < whole && seen.waited < w.Arrival.Again && w.again(t, seen, whole) {
			w.looks.set(deliveryKey(d), func(s *sight) { s.answered = true })
			return Partial
		}
		return o
	}
	lock := w.locks.lock // one job of a series at a time
	if overtakes(ctx) {
		lock = w.locks.tryLock
	}
	unlock, err := lock(ctx, t.lineage)
	if err != nil {
		return "", err
	}
	defer unlock()
	known, err := w.find(ctx, t)
	switch {
	case err != nil:
		return "", err
	case known.State == ledger.Published:
		return answered(Answered), nil
	case known.State == ledger.Intended:
		return answered(Repaired), w.finish(ctx, log, t.scan.Identity(), known)
	}
	draft := w.Pictures(t.scan.Identity())
	defer draft.Drop()
	t.scan.Show(draft)
	result, err := t.score(ctx)
	if err != nil {
		return "", err
	}
	if waits && misses(result) {
		scored, whole = w.Arrival.needed(t.scan.Series(), true)
		if w.wait(t, seen, scored) {
			return "", errArriving
		}
	}
	if seen.quiet < whole {
		tellPartial(&result)
	}
	leaveSlot(ctx)
	if err := draft.Commit(); err != nil {
		log.Warn("pictures not kept: they are made again for whoever looks; is the disk full?")
	}
	return answered(Scored), w.publish(ctx, log, t, result)
}

// task is a job whose series is open.
type task struct {
	delivery *bus.Delivery
	env      bus.Envelope
	job      bus.Job
	late     bool // its deadline is over
	scan     *scoring.Prepared
	lineage  string
}

// open reads the job and the headers of its series. A job whose deadline is
// over is opened only where it came before: it may have been answered in time.
func (w *Worker) open(ctx context.Context, d *bus.Delivery) (t task, err error) {
	t.delivery = d
	if t.env, t.job, err = bus.DecodeJob(d.Data); err != nil {
		return t, hopeless(err)
	}
	t.late = t.job.Deadline != nil && time.Now().After(*t.job.Deadline)
	if t.late && d.NumDelivered == 1 {
		return t, deadlinePassed()
	}
	by := w.Models()
	t.scan, err = scoring.Prepare(ctx, scoring.Request{
		JobID: t.env.ID, Source: t.env.Source, Job: t.job, Software: w.Software, Detectors: by.Detectors, Outliner: by.Outliner, Rungs: by.Rungs,
		Series: w.Series, MaxPaddingPct: w.MaxPaddingPct, NoDetails: true,
		Progress: w.overtaken(ctx, d),
	})
	if err != nil && w.Arrival.Quiet > 0 {
		err = w.waitAbsent(ctx, t, err)
	}
	if err != nil {
		if !errors.Is(err, errArriving) && (t.late || !passing(err) && ctx.Err() == nil) {
			err = hopeless(err)
		}
		return t, err
	}
	t.lineage = ledger.Lineage(t.env.Source, t.scan.Series().SeriesUID)
	return t, nil
}

func deadlinePassed() error {
	return hopeless(coded.New(CodeDeadlinePassed, "score job", "the deadline of the job was over before it could be scored", nil))
}

// find tells what is known of a result: its state is Unknown where it is to be
// made, or made again because it has left the stream.
func (w *Worker) find(ctx context.Context, t task) (ledger.Entry, error) {
	identity := t.scan.Identity()
	known, err := w.Ledger.Find(identity)
	if err != nil || known.State == ledger.Intended {
		return known, err
	}
	// Where nothing is known, another worker, or this one before it lost its
	// ledger, may have answered. What is published may have left the stream.
	if _, err := w.catchUp(ctx); err != nil {
		return ledger.Entry{}, err
	}
	sequence, result, read, err := w.answerThere(ctx, identity)
	if err != nil || sequence == 0 {
		return ledger.Entry{}, err
	}
	if known.State == ledger.Unknown {
		known = w.entry(t.job)
		err = w.note(identity, known, sequence, result, read)
		known.State = ledger.Published
	}
	return known, err
}

// score scores within the deadline of the job: a search takes long enough to
// be overtaken by it.
func (t task) score(ctx context.Context) (bus.Result, error) {
	if t.late {
		return bus.Result{}, deadlinePassed()
	}
	inTime, cancel := ctx, context.CancelFunc(func() {})
	if t.job.Deadline != nil {
		inTime, cancel = context.WithDeadline(ctx, *t.job.Deadline)
	}
	defer cancel()
	result, _, err := t.scan.Score(inTime)
	if err != nil && ctx.Err() == nil && errors.Is(inTime.Err(), context.DeadlineExceeded) {
		err = deadlinePassed()
	}
	return result, err
}
