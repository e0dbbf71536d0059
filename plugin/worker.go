package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// settleTime bounds what is said to the broker and the ledger about a job
// whose own context may have ended.
const settleTime = 20 * time.Second

// worker takes jobs and answers them.
type worker struct {
	cfg     Config
	bus     *bus.Bus
	queue   *bus.JobQueue
	ledger  *ledger
	audit   *audit
	metrics *metrics
	log     *slog.Logger
	locks   keyLocks

	reader series.Reader
}

// run works in cfg.Slots slots until ctx ends, and then up to cfg.Grace longer
// on what they hold. What is not finished by then is handed back. Its error is
// that of a queue that cannot be read any more.
func (w *worker) run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(w.cfg.Grace, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()
	errs := make([]error, w.cfg.Slots)
	var group sync.WaitGroup
	for slot := range errs {
		group.Go(func() {
			for {
				d, err := w.queue.Next(ctx)
				if err != nil {
					if ctx.Err() == nil {
						errs[slot] = err
					}
					return
				}
				w.handle(work, d)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// handle works on one delivery and settles it. The heartbeat goes on until it
// is settled, so that no other worker gets the job meanwhile.
func (w *worker) handle(ctx context.Context, d *bus.Delivery) {
	w.metrics.inWork.Inc()
	defer w.metrics.inWork.Dec()
	settle, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer d.KeepAlive(settle)()
	log := w.log.With("job", d.Sequence, "delivered", d.NumDelivered)
	var v verdict
	// The broker's count is not used: it also counts what was handed back.
	attempt, err := w.ledger.begin(deliveryKey(d))
	switch {
	case err != nil:
		v = retry(err)
	case attempt > w.cfg.MaxAttempts:
		v = dead(coded.New(CodeRetriesExhausted, "score job", fmt.Sprintf(
			"all %d attempts ended without an answer: the job may crash its worker; look at the service's log before it is replayed", w.cfg.MaxAttempts), nil))
	default:
		v = w.attempt(ctx, log, d)
	}
	if v.outcome == outcomeRetried {
		switch {
		case ctx.Err() != nil:
			v.outcome = outcomeReturned
		case ours(v.err):
			w.excuse(log, d)
		case attempt >= w.cfg.MaxAttempts:
			v.outcome = outcomeDead
		}
	}
	w.settle(settle, log, d, v, attempt)
}

// ours tells errors of broker, disk and ledger, and a PACS that is not there:
// no fault of a job, however often it meets them.
func ours(err error) bool {
	switch problem.CodeOf(err) {
	case CodeLedger, CodeAudit, coded.Code(bus.CodeStream), coded.Code(bus.CodeUnreachable), coded.Code(dicomio.CodeUnreachable):
		return true
	}
	return false
}

// excuse takes back that a delivery counts as an attempt.
func (w *worker) excuse(log *slog.Logger, d *bus.Delivery) {
	if err := w.ledger.excuse(deliveryKey(d)); err != nil {
		log.Warn("counted as an attempt", "code", problem.Code(err), "error", problem.Summary(err))
	}
}

// verdict is what becomes of a delivery.
type verdict struct {
	outcome string
	err     error // why it is retried or dead
}

func dead(err error) verdict  { return verdict{outcomeDead, err} }
func retry(err error) verdict { return verdict{outcomeRetried, err} }

// attempt works on a job within its time; a panic is an error of the job.
func (w *worker) attempt(ctx context.Context, log *slog.Logger, d *bus.Delivery) (v verdict) {
	defer func() {
		if r := recover(); r != nil {
			// The value of a panic may hold data of the job: the stack tells enough.
			stack := debug.Stack()
			if p, ok := r.(*detector.Panic); ok {
				stack = p.Stack
			}
			log.Error("panic while scoring", "stack", string(stack))
			v = retry(coded.New(CodeInternal, "score job", "the program failed on this job; the service's log has the place", nil))
		}
	}()
	limited, cancel := context.WithTimeout(ctx, w.cfg.JobTimeout)
	defer cancel()
	v = w.answer(limited, log, d)
	if v.err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return retry(coded.New(CodeTimedOut, "score job", fmt.Sprintf("not done within %s; is the storage slow, or do the job's nodules take a detector that long? Allow more time, fewer nodules a job, or the quicker detector alone", w.cfg.JobTimeout), nil))
	}
	return v
}

// settle tells the broker. Where it cannot be told, the job comes again.
func (w *worker) settle(ctx context.Context, log *slog.Logger, d *bus.Delivery, v verdict, attempt int) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	var err error
	switch v.outcome {
	case outcomeRetried:
		delay := w.delay(attempt)
		log.Warn("job will be tried again", "code", problem.Code(v.err), "error", problem.Summary(v.err), "attempt", attempt, "delay", delay)
		err = d.Retry(ctx, delay)
	case outcomeReturned:
		w.excuse(log, d)
		err = d.Retry(ctx, 0)
		log.Info("job handed back")
	case outcomeDead:
		err = w.putAside(ctx, log, d, v.err)
	default:
		if err = d.Done(ctx); err == nil {
			err = w.ledger.settle(deliveryKey(d))
		}
		log.Info("job done", "outcome", v.outcome)
	}
	if err != nil {
		log.Error("job not settled, it comes again", "outcome", v.outcome, "code", problem.Code(err), "error", problem.Summary(err))
		return
	}
	w.metrics.deliveries.WithLabelValues(v.outcome).Inc()
}

// putAside copies a job to DEAD and ends it.
func (w *worker) putAside(ctx context.Context, log *slog.Logger, d *bus.Delivery, cause error) error {
	code := problem.Code(cause)
	if err := w.audit.append(AuditRecord{Kind: AuditDead, Job: d.Sequence, Codes: []string{code}, Software: w.cfg.Software}); err != nil {
		w.excuse(log, d)
		return errors.Join(err, d.Retry(ctx, w.cfg.RetryDelay))
	}
	if record, ok := refusedRecord(w.cfg.Site, d, cause); ok { // first: a crash after it tells it once more
		if err := w.ledger.refuse(record); err != nil {
			w.excuse(log, d)
			return errors.Join(err, d.Retry(ctx, w.cfg.RetryDelay))
		}
	}
	if err := d.Dead(ctx, bus.Code(code), problem.Summary(cause)); err != nil {
		return err
	}
	log.Warn("job put aside", "code", code, "error", problem.Summary(cause))
	w.metrics.dead.WithLabelValues(code).Inc()
	return w.ledger.settle(deliveryKey(d))
}

// delay doubles with every attempt.
func (w *worker) delay(attempt int) time.Duration {
	delay := w.cfg.RetryDelay
	for range attempt - 1 {
		if delay *= 2; delay >= maxRetryDelay {
			return maxRetryDelay
		}
	}
	return delay
}

// deliveryKey names a message of JOBS, also in a stream that was made anew.
func deliveryKey(d *bus.Delivery) string {
	return fmt.Sprintf("%d/%d", d.Sequence, d.Stored.UnixNano())
}
