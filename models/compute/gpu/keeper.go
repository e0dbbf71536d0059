package gpu

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/models/compute/gpu/driver"
)

// Retry says when a device that failed, or could not be opened, is tried
// again. The zero value of a field takes the default named behind it.
type Retry struct {
	First time.Duration // 1 min: before the first attempt; it doubles with every failure
	Most  time.Duration // 1 h: the longest wait; a device that worked for as long starts with First again
	Off   bool          // it is not tried again
}

// after is the wait after another failure of a device that worked for a while
// since the wait before.
func (r Retry) after(before, worked time.Duration) time.Duration {
	if before == 0 || worked >= r.Most {
		return r.First
	}
	return min(2*before, r.Most)
}

// Keeper keeps a device in use: after a fault it opens it afresh in the
// background, with a new context and the self-check, while the processor does
// the work. It is safe for concurrent use.
type Keeper struct {
	log   *slog.Logger
	retry Retry
	use   func(*Backend)
	open  func(Options) (*Backend, error)
	o     Options
	clock func(time.Duration) <-chan time.Time
	stop  chan struct{}

	mu      sync.Mutex
	state   KeeperState
	opening int // number of the attempt whose back end is in use
	last    int // of attempts
	since   time.Time
	delay   time.Duration
	closed  bool
	retries sync.WaitGroup
}

// KeeperState is how a device is.
type KeeperState struct {
	Backend *Backend  // the newest; nil: none could be opened yet
	Err     error     // why it is not used now; nil: it is used
	Faults  int       // how often a device that was in use failed
	Next    time.Time // when it is tried again; zero: it is not
}

// Keep opens the first device of a list that can be opened and passes the
// self-check, and opens the same again when it has failed; where none can be
// opened, all of the list are tried again. use is told every back end that is
// to be used from then on, the first before Keep returns; those before have
// failed. Options.OnFault is the Keeper's own.
func Keep(try []driver.Device, o Options, r Retry, use func(*Backend)) *Keeper {
	return newKeeper(func(o Options) (*Backend, error) { return OpenFirst(try, o) }, o, r, use)
}

func newKeeper(open func(Options) (*Backend, error), o Options, r Retry, use func(*Backend)) *Keeper {
	k := &Keeper{log: o.Log, retry: r, use: use, open: open, o: o, clock: time.After, stop: make(chan struct{})}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.retry.First <= 0 {
		k.retry.First = time.Minute
	}
	if k.retry.Most <= 0 {
		k.retry.Most = time.Hour
	}
	k.retry.Most = max(k.retry.First, k.retry.Most)
	return k
}
