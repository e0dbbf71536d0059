// Package backoff has the waits between attempts at what may work later.
package backoff

import (
	"context"
	"time"
)

// Doubling waits First before the second attempt and twice as long before each
// further one, up to Max.
type Doubling struct{ First, Max time.Duration }

// After is the wait after an attempt, counted from 1.
func (d Doubling) After(attempt int) time.Duration {
	wait := min(d.First, d.Max)
	for range attempt - 1 {
		if wait = d.Next(wait); wait == d.Max || wait <= 0 {
			break
		}
	}
	return wait
}

// Next is the wait that follows one of last; after none (0) it is First.
func (d Doubling) Next(last time.Duration) time.Duration {
	if last <= 0 {
		return min(d.First, d.Max)
	}
	if last > d.Max/2 { // doubling may overflow
		return d.Max
	}
	return 2 * last
}

// Wait returns after a time, or with ctx's error when ctx ends before.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
