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
	"github.com/nodulescope/nodulescope/plugin/audit"
)

// settleTime bounds what is said to the broker and the ledger about a job
// whose own context may have ended.
const settleTime = 20 * time.Second

// maxRetryDelay bounds the wait between two attempts.
const maxRetryDelay = 5 * time.Minute

// settle tells the broker. Where it cannot be told, the job comes again.
func (w *Worker) settle(ctx context.Context, log *slog.Logger, d *bus.Delivery, outcome Outcome, why error, attempt int) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	var err error
	delay, again := w.comesAgain(d, outcome, why)
	if !again {
		w.looks.forget(deliveryKey(d))
	}
	switch {
	case again:
		log.Info("job is looked at again", "outcome", outcome, "delay", delay)
		err = d.Retry(ctx, delay)
	case outcome == Retried:
		delay = backoff.Doubling{First: w.RetryDelay, Max: maxRetryDelay}.After(attempt)
		warn(log, "job will be tried again", why, "attempt", attempt, "delay", delay)
		err = d.Retry(ctx, delay)
	case outcome == Returned:
		err = d.Retry(ctx, 0)
		log.Info("job handed back")
	case outcome == Dead:
		err = w.putAside(ctx, log, d, why)
	default:
		if outcome != Scored { // its intent has noted it
			err = w.Ledger.End(deliveryKey(d))
		}
		if err == nil {
			err = d.Done(ctx)
		}
		if err == nil {
			err = w.Ledger.Settle(deliveryKey(d))
		}
		log.Info("job done", "outcome", outcome)
	}
	if err != nil {
		log.Error("job not settled, it comes again", "outcome", outcome, "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
		return
	}
	w.Metrics.Delivery(outcome)
}

// putAside copies a job to DEAD and ends it. What cannot be written down first
// is no reason to lose the job: it is tried again.
func (w *Worker) putAside(ctx context.Context, log *slog.Logger, d *bus.Delivery, why error) error {
	told := *bus.ProblemOf(why)
	if err := w.keepAside(d, told); err != nil {
		w.excuse(log, d)
		return errors.Join(err, d.Retry(ctx, w.RetryDelay))
	}
	if err := d.Dead(ctx, bus.Code(told.Code), told.Message); err != nil {
		w.excuse(log, d)
		return err
	}
	log.Warn("job put aside", "code", told.Code, "error", told.Message)
	w.Metrics.DeadLetter(told.Code)
	return w.Ledger.Settle(deliveryKey(d))
}

// keepAside notes a dead letter before it is one: a crash after it tells it
// once more.
func (w *Worker) keepAside(d *bus.Delivery, why bus.Problem) error {
	err := w.Audit.Append(audit.Record{Kind: audit.KindDead, Job: d.Sequence, Codes: []string{why.Code}, Software: w.Software})
	if err == nil {
		err = w.Ledger.End(deliveryKey(d))
	}
	if err != nil {
		return err
	}
	env, job, err := bus.DecodeJob(d.Data)
	if err != nil { // nobody can be shown what cannot be read
		return nil //nolint:nilerr // the letter carries why
	}
	return w.Ledger.Keep("note refused job", func(tx *bbolt.Tx) error {
		return w.Keeper.PutAside(tx, Refused{Site: w.Site, Delivery: deliveryKey(d), Envelope: env, Job: job, Why: why})
	})
}

// warn logs an error as others may read it.
func warn(log *slog.Logger, message string, err error, more ...any) {
	log.Warn(message, append([]any{"code", bus.ProblemOf(err).Code, "error", coded.Summary(err)}, more...)...)
}
