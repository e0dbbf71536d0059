package gpu

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
)

// Retry says when a device that failed, or could not be opened, is tried
// again. The zero value of a field takes the default named behind it.
type Retry struct {
	Off   bool          // it is not tried again
	First time.Duration // 1 min: the first wait; every failure doubles it
	Most  time.Duration // 1 h: the longest wait; after a device has worked for as long, the next is First again
}

func (r Retry) withDefaults() Retry {
	if r.First <= 0 {
		r.First = time.Minute
	}
	if r.Most <= 0 {
		r.Most = time.Hour
	}
	r.Most = max(r.First, r.Most)
	return r
}

// next is the wait after another failure of a device that worked for a while
// since the wait before.
func (r Retry) next(before, worked time.Duration) time.Duration {
	if before == 0 || worked >= r.Most {
		return r.First
	}
	return min(2*before, r.Most)
}

// Keeper keeps a device in use: after a fault it opens it afresh in the
// background, with a context of its own and the self-check, while the processor
// does the work. It is safe for concurrent use.
type Keeper struct {
	log   *slog.Logger
	retry Retry
	o     Options
	use   func(*Backend)
	open  func(before *Backend, o Options) (*Backend, error)
	clock func(time.Duration) <-chan time.Time
	stop  chan struct{}

	mu     sync.Mutex
	state  KeeperState
	last   int // attempts made
	inUse  int // the attempt that gave state.Backend
	since  time.Time
	delay  time.Duration
	closed bool
}

// KeeperState is how a device is.
type KeeperState struct {
	Backend *Backend  // the newest; nil: none could be opened yet
	Err     error     // why the processor does the work; nil: the device does
	Faults  int       // how often a device that was in use failed
	Next    time.Time // when it is tried again; zero: it is not
}

// Keep opens the first device of a list (at least one) that can be opened and
// passes the self-check. After a fault it opens the same device again; where
// none could be opened, it tries all of the list. use is told every back end
// that is to be used from then on, the first before Keep returns: those before
// it have failed. Options.OnFault is the Keeper's own.
func Keep(try []driver.Device, o Options, r Retry, use func(*Backend)) *Keeper {
	return newKeeper(func(before *Backend, o Options) (*Backend, error) {
		if before != nil {
			return OpenFirst([]driver.Device{before.Device()}, o)
		}
		return OpenFirst(try, o)
	}, o, r, use, time.After)
}

func newKeeper(open func(*Backend, Options) (*Backend, error), o Options, r Retry, use func(*Backend), clock func(time.Duration) <-chan time.Time) *Keeper {
	k := &Keeper{log: o.Log, retry: r.withDefaults(), o: o, use: use, open: open, clock: clock, stop: make(chan struct{})}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if err := k.attempt(); err != nil {
		k.down(err, 0)
	}
	return k
}

// State is how the device is now.
func (k *Keeper) State() KeeperState {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// Close ends the attempts and releases the device. No plan may run.
func (k *Keeper) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	k.closed = true
	close(k.stop)
	if k.state.Backend != nil {
		k.state.Backend.Close()
	}
}

// attempt opens the device and has it used.
func (k *Keeper) attempt() error {
	k.mu.Lock()
	k.last++
	me, before := k.last, k.state.Backend
	k.mu.Unlock()
	o := k.o
	o.OnFault = func(err error) { k.fault(me, err) }
	b, err := k.open(before, o)
	if err != nil {
		return err
	}
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		b.Close()
		return nil
	}
	k.state.Backend, k.state.Err, k.state.Next = b, nil, time.Time{}
	k.inUse, k.since = me, time.Now()
	k.mu.Unlock()
	if me > 1 {
		k.log.Info("device is back: it computes again", "device", b.device.ID(), "name", b.device.Name)
	}
	k.use(b)
	if err := b.Err(); err != nil { // before anybody listened
		k.fault(me, err)
	}
	return nil
}

// fault is told that the back end of an attempt has failed. Where that was not
// in use yet, its attempt fails.
func (k *Keeper) fault(attempt int, err error) {
	k.mu.Lock()
	if k.closed || k.inUse != attempt || k.state.Err != nil {
		k.mu.Unlock()
		return
	}
	k.state.Faults++
	k.state.Err = err
	worked := time.Since(k.since)
	k.mu.Unlock()
	k.down(err, worked)
}

// down leaves the work to the processor and tries the device again later.
func (k *Keeper) down(err error, worked time.Duration) {
	k.mu.Lock()
	k.state.Err, k.state.Next = err, time.Time{}
	if k.retry.Off || k.closed {
		k.mu.Unlock()
		return
	}
	k.delay = k.retry.next(k.delay, worked)
	k.state.Next = time.Now().Add(k.delay)
	delay := k.delay
	k.mu.Unlock()
	k.log.Info("device will be tried again", "after", delay)
	go func() {
		select {
		case <-k.clock(delay):
		case <-k.stop:
			return
		}
		if err := k.attempt(); err != nil {
			k.down(err, 0)
		}
	}()
}
