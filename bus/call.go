package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// How one exchange with the broker is bounded. All attempts together end well
// within a minute, whatever time the caller has.
const (
	callTime     = 4 * time.Second // of one attempt
	callAttempts = 3
	callWait     = 250 * time.Millisecond // before the second, doubled for the next
	troubleTime  = 30 * time.Second       // that a failed call counts against health, where no later one went well
)

// call has one exchange with the broker. Each attempt has callTime, or until the
// connection is lost, however much ctx has: the client's own limit counts only where ctx has none, so that
// one lost reply would hold a worker for as long as its job may take. What may
// pass is tried again, so do must bear being done twice. op names the kind of
// exchange in the health of the bus.
func call[T any](ctx context.Context, b *Bus, op string, do func(context.Context) (T, error)) (v T, err error) {
	wait := backoff.Doubling{First: callWait, Max: callTime}
	for attempt := 1; ; attempt++ {
		v, err = callOnce(ctx, b, do)
		if err != nil && ctx.Err() != nil {
			return v, err // the caller's own end tells nothing of the broker
		}
		passing := err != nil && mayPass(err) && !b.nc.IsClosed()
		again := passing && !Denied(err)
		if !again || attempt > 1 { // one lost reply is no trouble yet
			b.calls.ended(op, passing, err)
		}
		if !again || attempt == callAttempts {
			return v, err
		}
		b.log.Debug("bus call tried again", "call", op, "attempt", attempt, "error", err)
		if ended := backoff.Wait(ctx, wait.After(attempt)); ended != nil {
			return v, errors.Join(ended, err)
		}
	}
}

func callOnce[T any](ctx context.Context, b *Bus, do func(context.Context) (T, error)) (v T, err error) {
	limited, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	defer b.lost.whenLost(cancel)()
	begin := time.Now()
	v, err = do(limited)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		err = errors.Join(nats.ErrDisconnected, err)
	}
	if err != nil && ctx.Err() == nil {
		err = b.calls.explained(err, begin)
	}
	if b.observe != nil {
		b.observe(time.Since(begin), err != nil && mayPass(err))
	}
	return v, err
}

// run is call for what returns nothing.
func (b *Bus) run(ctx context.Context, op string, do func(context.Context) error) error {
	_, err := call(ctx, b, op, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

func (b *Bus) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return call(ctx, b, "find stream "+name, func(ctx context.Context) (jetstream.Stream, error) { return b.js.Stream(ctx, name) })
}

func (b *Bus) message(ctx context.Context, s jetstream.Stream, seq uint64, opts ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	return call(ctx, b, "read message", func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return s.GetMsg(ctx, seq, opts...) })
}

// beingStored is the broker's answer to a message whose first copy the servers
// of a cluster have not agreed on yet: asked again, it tells where that is.
const beingStored jetstream.ErrorCode = 10158

// What the broker answers where a message is to come after another one than it
// does, or one that the servers of a cluster are still storing.
const wrongLast, wrongLastInWork jetstream.ErrorCode = 10071, 10164

// mayPass tells errors of a broker that may work a moment later: a reply that
// was lost, an election, a server that starts.
func mayPass(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.Code == 503 || api.ErrorCode == beingStored
	}
	return slices.ContainsFunc([]error{
		context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse,
		nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrConnectionClosed, nats.ErrReconnectBufExceeded,
	}, func(passing error) bool { return errors.Is(err, passing) })
}

// losses tells exchanges that wait for an answer that their connection is lost: there
// will be none.
type losses struct {
	mu      sync.Mutex
	waiting map[*func()]struct{}
}

// whenLost has do called when the connection is lost, until end is called.
func (l *losses) whenLost(do func()) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = map[*func()]struct{}{}
	}
	key := &do
	l.waiting[key] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiting, key)
	}
}

// lost tells all that wait now.
func (l *losses) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for do := range l.waiting {
		(*do)()
	}
}

// calls remembers which exchanges with the broker fail now, for its health.
type calls struct {
	mu       sync.Mutex
	failing  map[string]failing // by kind of exchange
	denial   error              // the last one that the broker told of
	deniedAt time.Time
}

// denied notes that the broker does not permit something. It says so beside the
// exchange, which it leaves without an answer.
func (c *calls) denied(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denial, c.deniedAt = err, time.Now()
}

// explained adds to the error of an exchange that begin was the start of what the
// broker has not permitted since.
func (c *calls) explained(err error, begin time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.denial == nil || c.deniedAt.Before(begin) || !mayPass(err) {
		return err
	}
	return fmt.Errorf("this user may not do that: %w, %w", c.denial, err)
}

// Denied tells errors of who is not let in, or may not do what was asked for.
func Denied(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrPermissionViolation)
}

type failing struct {
	since, last time.Time
	err         error
}

// ended notes how an exchange went. A refusal is an answer: it is no failure.
func (c *calls) ended(op string, failed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !failed {
		delete(c.failing, op)
		return
	}
	if c.failing == nil {
		c.failing = map[string]failing{}
	}
	f := c.failing[op]
	f.last, f.err = time.Now(), err
	if f.since.IsZero() {
		f.since = f.last
	}
	c.failing[op] = f
}

// trouble is an error where exchanges fail that nothing has shown to work
// since. One that nobody has tried for troubleTime says nothing any more.
func (c *calls) trouble() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for op, f := range c.failing {
		if time.Since(f.last) > troubleTime {
			delete(c.failing, op)
			continue
		}
		why := ": is the broker, or its cluster, in order?"
		if Denied(f.err) {
			why = ": this user may not do that"
		}
		return coded.New(CodeUnreachable, "check bus", "\""+op+"\" has had no good answer since "+f.since.UTC().Format(time.RFC3339)+why, f.err)
	}
	return nil
}
