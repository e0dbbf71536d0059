package detector

import (
	"github.com/nodulescope/nodulescope/models/compute"
)

// lane is a goroutine that runs, and its plans.
type lane[P any] struct {
	running bool // guarded by the batcher's mutex

	// Of the goroutine, while it runs.
	plans P
	built bool
	on    compute.Backend // that the plans were built for
}

// wake starts a lane where rows wait and one is free; it wakes the next one
// where it leaves rows. The caller holds the mutex.
func (b *batcher[P, R]) wake() {
	if len(b.queue) == 0 {
		return
	}
	for i := range b.lanes {
		l := &b.lanes[i]
		if l.running {
			continue
		}
		if i == 0 || b.second() {
			l.running = true
			go b.work(l)
		}
		return
	}
}

// second says whether the second lane may run. The caller holds the mutex.
func (b *batcher[P, R]) second() bool {
	if b.backend == nil || b.single || !b.backend.Alive() {
		return false
	}
	l := &b.lanes[1]
	return (l.built && l.on == b.backend) || b.backend.Lanes() > 1 // which may be 1 for what this lane takes
}

// work runs until nobody waits. The first lane computes whatever comes, the
// second only what the device does.
func (b *batcher[P, R]) work(l *lane[P]) {
	first := l == &b.lanes[0]
	for {
		b.mu.Lock()
		waiting := 0
		for _, r := range b.queue {
			waiting += len(r.rows) - r.sent
		}
		if waiting == 0 || !first && !b.second() {
			b.stop(l, first || waiting == 0)
			b.mu.Unlock()
			return
		}
		backend := b.backend
		b.mu.Unlock()
		err := b.ready(l, backend)
		limit := 1
		if err == nil {
			limit = b.limit(l, waiting)
		}
		if !first && (err != nil || !b.there(l, min(limit, waiting))) {
			b.mu.Lock()
			b.single = b.backend == backend
			b.stop(l, false)
			b.mu.Unlock()
			return
		}
		if err != nil {
			b.mu.Lock()
			for _, r := range b.queue {
				r.end(err)
			}
			b.queue = nil
			b.mu.Unlock()
			continue
		}
		b.runBatch(l, limit)
	}
}

// stop ends a lane, which keeps its plans or not. The caller holds the mutex.
func (b *batcher[P, R]) stop(l *lane[P], keep bool) {
	if !keep {
		*l = lane[P]{}
	}
	l.running = false
}

// limit is how many rows go into the next batch.
func (b *batcher[P, R]) limit(l *lane[P], waiting int) int {
	var err error
	n := func() int {
		defer caught(&err) // a run will tell
		return b.fits(l.plans, waiting)
	}()
	return max(1, n)
}

// there says whether the back end computes a run of the second lane.
func (b *batcher[P, R]) there(l *lane[P], rows int) bool {
	var err error
	return func() bool {
		defer caught(&err)
		return b.onDevice(l.plans, rows)
	}()
}

// ready builds the plans of a lane where there are none for a back end.
func (b *batcher[P, R]) ready(l *lane[P], backend compute.Backend) (err error) {
	if l.built && l.on == backend {
		return nil
	}
	defer caught(&err)
	plans, err := b.build(backend)
	if err == nil {
		b.mu.Lock()
		l.plans, l.on, l.built = plans, backend, true
		b.mu.Unlock()
	}
	return err
}
