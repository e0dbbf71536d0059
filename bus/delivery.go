package bus

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Delivery is one job in the hands of one worker. It must be settled once:
// [Delivery.Done], [Delivery.Retry] or [Delivery.Dead]. Where none of them
// succeeds, the job is delivered again after AckWait, perhaps to another
// worker, so the work itself must bear being done twice.
type Delivery struct {
	Data         []byte
	Headers      map[string][]string
	Subject      string
	Priority     string    // "stat" or "routine", from the subject
	Sequence     uint64    // in JOBS
	NumDelivered int       // 1 at the first delivery; hand-backs and lost workers count too
	Stored       time.Time // when the broker took it

	queue *JobQueue
	msg   jetstream.Msg
	mu    sync.Mutex
	stops []func()
}

func newDelivery(q *JobQueue, msg jetstream.Msg) (*Delivery, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, err
	}
	_, priority, _ := parseJobSubject(msg.Subject())
	return &Delivery{
		Data: msg.Data(), Headers: msg.Headers(), Subject: msg.Subject(), Priority: priority,
		Sequence: meta.Sequence.Stream, NumDelivered: int(meta.NumDelivered), Stored: meta.Timestamp,
		queue: q, msg: msg,
	}, nil
}

// TraceParent is the W3C traceparent of the message: that of its header, as NATS clients
// send it, or of the event; "" where neither has a valid one.
func (d *Delivery) TraceParent() string {
	if parent := nats.Header(d.Headers).Get(extTraceParent); validTraceParent(parent) {
		return parent
	}
	var event struct {
		TraceParent string `json:"traceparent"`
	}
	if err := json.Unmarshal(d.Data, &event); err != nil || !validTraceParent(event.TraceParent) {
		return ""
	}
	return event.TraceParent
}

// KeepAlive tells the broker every third of AckWait, beginning now, that the
// job is in work, until stop is called, ctx ends or the delivery is settled.
// stop returns when no further sign will be sent, and may be called twice.
func (d *Delivery) KeepAlive(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(d.queue.opts.AckWait / 3)
		defer tick.Stop()
		for ctx.Err() == nil {
			if err := d.msg.InProgress(); err != nil {
				if errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
					return
				}
				d.queue.bus.log.Warn("job heartbeat not sent", "sequence", d.Sequence, "error", err)
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stops = append(d.stops, stop)
	return stop
}

func (d *Delivery) stopHeartbeats() {
	d.mu.Lock()
	stops := d.stops
	d.stops = nil
	d.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}

// Done removes the job from the queue and waits until the broker has said so
// (double ack). Call it after the result is stored. After an error the job may
// come again.
func (d *Delivery) Done(ctx context.Context) error {
	defer d.stopHeartbeats()
	if err := d.queue.bus.run(ctx, "acknowledge job", d.msg.DoubleAck); err != nil {
		return coded.New(CodeUnreachable, "acknowledge job", "the broker did not confirm; the job may come again", err)
	}
	return nil
}

// Retry gives the job back, to be delivered again after delay at the earliest
// (0: at once), to any worker. Other jobs are not held up by it.
func (d *Delivery) Retry(ctx context.Context, delay time.Duration) error {
	d.stopHeartbeats()
	err := d.msg.NakWithDelay(max(delay, 0))
	if err == nil {
		err = d.queue.bus.flush(ctx)
	}
	if err != nil {
		return coded.New(CodeUnreachable, "give job back", "it comes again after AckWait anyway", err)
	}
	return nil
}

// flush waits until the broker has read what was sent.
func (b *Bus) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return b.nc.FlushWithContext(ctx)
}

// term ends a message and waits for the broker's word, which the client's own
// Term does not.
func (d *Delivery) term(ctx context.Context, reason string) error {
	end := &nats.Msg{Subject: d.msg.Reply(), Data: []byte("+TERM " + reason)}
	return d.queue.bus.run(ctx, "end job", func(ctx context.Context) error {
		_, err := d.queue.bus.nc.RequestMsgWithContext(ctx, end)
		return err
	})
}
