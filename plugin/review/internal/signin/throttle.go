package signin

import (
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

// Attempts at signing in that fail: after freeAttempts at one name from one
// address, and addressFactor times as many at any names, each further one from
// there has to wait, twice as long every time. Whoever comes from elsewhere does
// not: nobody can lock a name for its owner.
const (
	freeAttempts  = 5
	firstPenalty  = 5 * time.Second
	lastPenalty   = 15 * time.Minute
	forgetAfter   = 30 * time.Minute
	maxThrottled  = 10_000
	addressFactor = 4 // an address may stand for many people
)

// throttle slows down guessing. It is safe for concurrent use.
type throttle struct {
	mu  sync.Mutex
	bad map[string]*failures
}

type failures struct {
	count int
	last  time.Time
	until time.Time // nothing is tried before
}

// keyOf names a name from an address, or with an empty name the address. A name
// holds no space.
func keyOf(name, address string) string { return origin(address) + " " + accounts.Fold(name) }

// wait tells how long an attempt at a name from an address has to wait, and counts
// it where it need not: it is taken back by succeed.
func (t *throttle) wait(now time.Time, name, address string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bad == nil {
		t.bad = map[string]*failures{}
	}
	keys := map[string]int{keyOf(name, address): freeAttempts, keyOf("", address): addressFactor * freeAttempts}
	for key := range keys {
		if f := t.bad[key]; f != nil && now.Before(f.until) {
			return f.until.Sub(now)
		}
	}
	t.tidy(now)
	for key, free := range keys {
		f := t.bad[key]
		if f == nil || now.Sub(f.last) > forgetAfter {
			f = &failures{}
			t.bad[key] = f
		}
		f.count, f.last = f.count+1, now
		if over := f.count - free; over >= 0 {
			f.until = now.Add(min(lastPenalty, firstPenalty<<min(over, 20)))
		}
	}
	return 0
}

// succeed forgets the failures of a name from an address. Those of the address
// stay, less the one that wait counted.
func (t *throttle) succeed(name, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.bad, keyOf(name, address))
	if f := t.bad[keyOf("", address)]; f != nil {
		f.count, f.until = f.count-1, time.Time{}
	}
}

// tidy bounds the memory: what is old goes, and where too much is left, all of
// it that holds nobody back.
func (t *throttle) tidy(now time.Time) {
	if len(t.bad) < maxThrottled {
		return
	}
	for key, f := range t.bad {
		if now.Sub(f.last) > forgetAfter || !now.Before(f.until) {
			delete(t.bad, key)
		}
	}
	for key := range t.bad { // an attack from very many addresses
		if len(t.bad) < maxThrottled {
			return
		}
		delete(t.bad, key)
	}
}
