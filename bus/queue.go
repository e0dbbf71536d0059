package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// ConsumerOptions sets up how jobs are taken. The zero value is good.
type ConsumerOptions struct {
	// AckWait is how long a job whose worker went silent stays with it before
	// another one gets it. Default 30 s, at least 100 ms.
	AckWait time.Duration
	// MaxAckPending bounds the jobs that are out at once, over all workers of
	// the site and with those that wait for a retry. Default 1000: a low
	// number would let a few failing jobs hold up all others.
	MaxAckPending int
	// PollWait is how long Next waits on the routine queue before it looks at
	// the stat queue again, and so the longest that an idle worker leaves a
	// stat job unseen. Default 500 ms.
	PollWait time.Duration
}

// JobQueue hands out the jobs of one site. Several processes may have the
// queue of one site open: each job goes to one of them.
type JobQueue struct {
	bus     *Bus
	site    string
	opts    ConsumerOptions
	mu      sync.Mutex // guards the two consumers, which may be made anew
	stat    jetstream.Consumer
	routine jetstream.Consumer
	told    time.Time // when it was last logged that jobs cannot be taken

	asked atomic.Int64 // when the broker was last to be asked for a job, Unix nanoseconds
}

// tellEvery is between two lines of the log on one trouble that lasts.
const tellEvery = time.Minute

// consumerOf is the name of the consumer that hands out jobs of a site and priority.
func consumerOf(site, priority string) string { return fmt.Sprintf("jobs-%s-%s", site, priority) }

// Jobs opens the two durable pull consumers of a site, jobs-<site>-stat and
// jobs-<site>-routine, and creates them where they are missing. A job is
// delivered until it is settled, without limit: counting attempts is for the
// worker (see [Delivery.NumDelivered]), for a message that exhausts a broker's
// limit would stay in the stream for ever, unseen. Codes: site_invalid,
// settings_invalid, stream_unavailable.
func (b *Bus) Jobs(ctx context.Context, site string, opts ConsumerOptions) (*JobQueue, error) {
	if err := CheckSite(site); err != nil {
		return nil, err
	}
	opts.AckWait = cmp.Or(opts.AckWait, 30*time.Second)
	opts.MaxAckPending = cmp.Or(opts.MaxAckPending, 1000)
	opts.PollWait = cmp.Or(opts.PollWait, 500*time.Millisecond)
	if opts.AckWait < 100*time.Millisecond || opts.PollWait < time.Millisecond || opts.MaxAckPending < 1 {
		return nil, coded.New(CodeSettings, "open job queue", "AckWait >= 100ms, PollWait >= 1ms, MaxAckPending >= 1", nil)
	}
	q := &JobQueue{bus: b, site: site, opts: opts}
	if err := q.open(ctx); err != nil {
		return nil, err
	}
	return q, nil
}

const queueOpening = "open job queue"

func (q *JobQueue) open(ctx context.Context) error {
	stat, err := q.consumer(ctx, PriorityStat)
	if err != nil {
		return err
	}
	routine, err := q.consumer(ctx, PriorityRoutine)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stat, q.routine = stat, routine
	return nil
}

func (q *JobQueue) consumer(ctx context.Context, priority string) (jetstream.Consumer, error) {
	subject, err := jobSubject(q.site, priority)
	if err != nil {
		return nil, err
	}
	cfg := jetstream.ConsumerConfig{
		Durable:       consumerOf(q.site, priority),
		Description:   "workers of nodulescope",
		FilterSubject: subject,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       q.opts.AckWait,
		MaxDeliver:    -1,
		MaxAckPending: q.opts.MaxAckPending,
	}
	c, err := call(ctx, q.bus, queueOpening, func(ctx context.Context) (jetstream.Consumer, error) {
		return q.bus.js.CreateOrUpdateConsumer(ctx, StreamJobs, cfg)
	})
	if err != nil {
		return nil, coded.New(CodeStream, "open job queue", "consumer of "+subject, err)
	}
	return c, nil
}

// Reset makes the two consumers anew, so that every job that is not settled is delivered
// again at once: also those that others work on, and those that wait for another attempt.
// Code: stream_unavailable.
func (q *JobQueue) Reset(ctx context.Context) error {
	const op = "reset job queue"
	q.mu.Lock()
	consumers := []jetstream.Consumer{q.stat, q.routine}
	q.mu.Unlock()
	for _, c := range consumers {
		name := c.CachedInfo().Name
		err := q.bus.run(ctx, op, func(ctx context.Context) error { return q.bus.js.DeleteConsumer(ctx, StreamJobs, name) })
		if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return coded.New(CodeStream, op, "consumer "+name, err)
		}
	}
	return q.open(ctx)
}

// Next waits for one job, stat before routine, and takes it: call it when
// there is a free place to work in, for the clock of AckWait runs from here.
// Nothing is taken ahead. It outlasts restarts of the broker and a lost
// consumer, and ends with ctx, up to PollWait later; a job that arrives in
// that while is handed back. Only an end of ctx or [Bus.Close] is an error.
func (q *JobQueue) Next(ctx context.Context) (*Delivery, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q.asked.Store(time.Now().UnixNano())
		msg, err := q.take()
		if msg != nil {
			q.bus.calls.ended(queueOpening, false, nil) // a job came: the queue is open
			if ctx.Err() != nil {
				_ = msg.Nak()
				return nil, ctx.Err()
			}
			d, err := newDelivery(q, msg)
			if err == nil {
				return d, nil
			}
			q.bus.log.Error("job without metadata", "error", err)
			continue
		}
		if err == nil {
			continue
		}
		if errors.Is(err, nats.ErrConnectionClosed) {
			return nil, coded.New(CodeUnreachable, "take job", "the connection was closed", err)
		}
		if err := q.repair(ctx, err); err != nil {
			return nil, err
		}
	}
}

// Asked is when [JobQueue.Next] last turned to the broker, which it does every
// few seconds at least, answered or not; zero where it was not called yet.
func (q *JobQueue) Asked() time.Time {
	if at := q.asked.Load(); at > 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// Urgent takes a stat job that waits now; nil where there is none, or the broker
// cannot say. A worker asks it in the midst of a long job.
func (q *JobQueue) Urgent() *Delivery {
	q.mu.Lock()
	stat := q.stat
	q.mu.Unlock()
	if !q.bus.nc.IsConnected() {
		return nil
	}
	batch, err := stat.FetchNoWait(1)
	if err != nil {
		return nil
	}
	msg := <-batch.Messages()
	if msg == nil {
		return nil
	}
	d, err := newDelivery(q, msg)
	if err != nil {
		return nil
	}
	return d
}

// take asks for one message: stat without waiting, then routine for PollWait.
func (q *JobQueue) take() (jetstream.Msg, error) {
	q.mu.Lock()
	stat, routine := q.stat, q.routine
	q.mu.Unlock()
	if !q.bus.nc.IsConnected() {
		if q.bus.nc.IsClosed() {
			return nil, nats.ErrConnectionClosed
		}
		return nil, nats.ErrDisconnected
	}
	batch, err := stat.FetchNoWait(1)
	if err != nil {
		return nil, err
	}
	if msg := <-batch.Messages(); msg != nil || batch.Error() != nil {
		return msg, batch.Error()
	}
	if batch, err = routine.Fetch(1, jetstream.FetchMaxWait(q.opts.PollWait)); err != nil {
		return nil, err
	}
	return <-batch.Messages(), batch.Error()
}

// repair waits a little after a failed take, and makes the consumers anew
// where the broker has lost them.
func (q *JobQueue) repair(ctx context.Context, cause error) error {
	q.mu.Lock()
	tell := time.Since(q.told) > tellEvery
	if tell {
		q.told = time.Now()
	}
	q.mu.Unlock()
	if tell {
		q.bus.log.Warn("jobs cannot be taken, trying again", "site", q.site, "error", cause)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(q.opts.PollWait):
	}
	if errors.Is(cause, nats.ErrDisconnected) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := q.open(ctx); err != nil && tell {
		q.bus.log.Warn("job queue not opened again", "site", q.site, "error", err)
	}
	return nil
}
