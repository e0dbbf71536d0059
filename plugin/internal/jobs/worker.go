package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"go.opentelemetry.io/otel/attribute"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/together"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/internal/tracing"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Worker takes jobs and answers them. All fields but Arrival, Room, Published, ReportUID and Trace are needed.
type Worker struct {
	Site     string
	Software string // name and version that results carry

	Models        func() scoring.Models // asked once for every attempt at a job, which uses these to its end
	Series        series.Reader         // of what may be read
	MaxPaddingPct float64               // see nodule.CutOptions
	Arrival       Arrival               // of series that are still being written

	Slots       int           // jobs worked on at once
	MaxAttempts int           // of one job, before it is put aside
	RetryDelay  time.Duration // before the second attempt, doubled for each after
	JobTimeout  time.Duration // of one attempt, without urgent jobs that are answered meanwhile
	Grace       time.Duration // for what is in work when Run's context ends

	Shared bool // others take jobs of this site too, or may: what ended in their hands is not known here

	Room func() error // tells what keeps jobs from being taken, such as a disk that is full; nil: nothing does

	Pictures func(identity string) Draft // takes what reviewers will look at

	Published func(env bus.Envelope, job bus.Job, s *dicomio.Series, r bus.Result) // told of every new answer when it is on the bus; must not wait; nil: nobody is told

	ReportUID func(r bus.Result) string // of the structured report that goes to a PACS; nil: none goes

	Bus     *bus.Bus
	Queue   *bus.JobQueue
	Ledger  *ledger.Ledger
	Audit   *audit.Trail
	Keeper  Keeper
	Metrics Metrics
	Trace   *tracing.Tracer // nil: none
	Log     *slog.Logger

	locks    keyLocks
	sendOnce sync.Once
	sends    together.Queue[sending]
	sent     atomic.Pointer[ledger.Mark] // how far RESULTS is known by what was stored last: it may still have to be noted
	looks    looks
	taking   func() bool // whether jobs are still taken
	pulse    pulse
}

// Keeper keeps what others need of an answer, in the transaction of the ledger
// that notes it.
type Keeper interface {
	// Result keeps a result that was published.
	Result(tx *bbolt.Tx, e ledger.Entry, r bus.Result) error
	// PutAside keeps a job that could not be scored.
	PutAside(tx *bbolt.Tx, r Refused) error
}

// Draft takes pictures of the nodules of one result.
type Draft interface {
	scoring.Pictures
	Commit() error // keeps them
	Drop()         // ends a draft that was not committed
}

// Refused is a job that could not be scored.
type Refused struct {
	Site     string
	Delivery string // names the message
	Envelope bus.Envelope
	Job      bus.Job
	Why      bus.Problem
}

// Metrics count what a worker does.
type Metrics interface {
	InWork(change int)      // jobs worked on now
	Delivery(o Outcome)     // settled
	DeadLetter(code string) // put aside
	Result(r bus.Result)    // new
}

// Run works in w.Slots slots until ctx ends, and then up to w.Grace longer on
// what they hold. What is not finished by then is handed back. A slot is free for the
// next job when one is scored: what is left of that is waiting for disk and broker,
// which several jobs do together. Its error is
// that of a queue that cannot be read any more.
func (w *Worker) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(w.Grace, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()
	w.taking = func() bool { return ctx.Err() == nil }
	errs := make([]error, w.Slots)
	w.pulse.begin(w.Slots)
	var group sync.WaitGroup
	ending := make(chan struct{}, maxEnding)
	for slot := range errs {
		group.Go(func() {
			for {
				w.pulse.idle(slot)
				if w.hold(ctx, slot) != nil {
					return
				}
				d, err := w.Queue.Next(ctx)
				if err != nil {
					if ctx.Err() == nil {
						errs[slot] = err
					}
					return
				}
				w.pulse.busy(slot)
				h := &holder{ending: ending, free: make(chan struct{})}
				group.Go(func() {
					defer h.end()
					w.handle(context.WithValue(context.WithValue(work, slotKey{}, slot), holderKey{}, h), d)
				})
				<-h.free
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// holdTime is between two looks at whether there is room again.
const holdTime = time.Second

// hold waits until there is room for what a job writes. What cannot be stored
// is better not begun. Its error is that of ctx.
func (w *Worker) hold(ctx context.Context, slot int) error {
	if w.Room == nil {
		return ctx.Err()
	}
	for told := false; ; {
		err := w.Room()
		if err == nil || w.Bus.Closed() { // a queue that is gone is told by Next
			if told {
				w.Log.Info("jobs are taken again")
			}
			return ctx.Err()
		}
		if !told {
			warn(w.Log, "no jobs are taken until there is room", err)
			told = true
		}
		if err := backoff.Wait(ctx, holdTime); err != nil {
			return err
		}
		w.pulse.idle(slot)
	}
}

// handle works on one delivery and settles it. The heartbeat goes on until it
// is settled, so that no other worker gets the job meanwhile.
func (w *Worker) handle(ctx context.Context, d *bus.Delivery) {
	w.Metrics.InWork(+1)
	defer w.Metrics.InWork(-1)
	settle, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer d.KeepAlive(settle)()
	log := w.Log.With("job", d.Sequence, "delivered", d.NumDelivered)
	span := w.traceJob(d)
	ctx = tracing.With(ctx, span)
	// The broker's count is not used: it also counts what was handed back.
	attempt, err := w.Ledger.Begin(deliveryKey(d))
	var how Outcome
	if err == nil {
		how, err = w.attempt(ctx, log, d, attempt)
	}
	outcome, excused := w.outcomeOf(ctx, how, err, attempt)
	if excused && attempt > 0 { // one that could not be counted is not taken back
		w.excuse(log, d)
	}
	leaveSlot(ctx)
	w.settle(settle, log, d, outcome, err, attempt)
	span.Set(attribute.String("nodulescope.outcome", string(outcome)))
	code := ""
	if err != nil {
		code = bus.ProblemOf(err).Code
	}
	span.End(time.Now(), code)
}

// attempt works on a job within its time; a panic is an error of the job.
func (w *Worker) attempt(ctx context.Context, log *slog.Logger, d *bus.Delivery, attempt int) (how Outcome, err error) {
	const op = "score job"
	if attempt > w.MaxAttempts {
		return "", hopeless(coded.New(CodeRetriesExhausted, op, fmt.Sprintf(
			"all %d attempts ended without an answer: the job may crash its worker; look at the service's log before it is replayed", w.MaxAttempts), nil))
	}
	defer func() {
		if r := recover(); r != nil {
			// The value of a panic may hold data of the job: the stack tells enough.
			stack := debug.Stack()
			if p, ok := r.(*detector.Panic); ok {
				stack = p.Stack
			}
			log.Error("panic while scoring", "stack", string(stack))
			err = coded.New(coded.Internal, op, "the program failed on this job; the service's log says where", nil)
		}
	}()
	limited, cancel := withLimit(context.WithValue(ctx, workKey{}, ctx), w.JobTimeout)
	defer cancel()
	how, err = w.answer(limited, log, d)
	if never := (hopelessError{}); errors.As(err, &never) && w.looks.answered(deliveryKey(d)) {
		log.Info("a partial answer is not replaced", "code", coded.CodeOf(err))
		return Answered, nil // the job has its answer
	}
	if err != nil && ctx.Err() == nil && timedOut(limited, err) {
		err = coded.New(CodeTimedOut, op, fmt.Sprintf("not done within %s; is the storage slow, or does scoring take that long? Allow more time, send fewer nodules per job, or use only the faster detector", w.JobTimeout), nil)
	}
	return how, err
}

// excuse takes back that a delivery counts as an attempt.
func (w *Worker) excuse(log *slog.Logger, d *bus.Delivery) {
	if err := w.Ledger.Excuse(deliveryKey(d)); err != nil {
		warn(log, "attempt not taken back yet", err)
	}
}

// deliveryKey names a message of JOBS, also in a stream that was made anew.
func deliveryKey(d *bus.Delivery) string {
	return fmt.Sprintf("%d/%d", d.Sequence, d.Stored.UnixNano())
}
