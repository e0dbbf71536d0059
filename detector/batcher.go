package detector

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/models/compute"
)

// row is one patch as a network reads it.
type row struct {
	voxels, support []float32
	seed            [32]byte
}

// batcher has the patches of concurrent callers computed together: whatever
// waits when a run ends goes into the next one, up to what the plans take at
// once. A caller that is alone waits for nothing. P are the plans, R is what a
// run gives for a row; it must depend on that row alone.
//
// One goroutine at a time runs, while there is something to run; on a device
// that has two lanes there is a second with plans of its own, so that the copies
// and the host's part of one run overlap the kernels of the other. Where a run
// takes one row, as VAE-AD's on the processor, one caller comes after the other;
// one with many rows lets others in between after every turn.
type batcher[P, R any] struct {
	build    func(compute.Backend) (P, error)
	fits     func(p P, waiting int) int // how many of the rows that wait one run takes
	onDevice func(p P, rows int) bool   // whether a run of so many is computed by the back end
	run      func(ctx context.Context, p P, rows []row) ([]R, error)
	turn     int // rows after which a caller goes to the end of the queue

	mu      sync.Mutex
	backend compute.Backend // for the next run; nil: the processor
	queue   []*rider[R]
	lanes   [2]lane[P]
	single  bool // the second lane has no room on this back end
}

// lane is a goroutine that runs, and its plans.
type lane[P any] struct {
	running bool // guarded by the batcher's mutex

	// Of the goroutine, while it runs.
	plans P
	built bool
	on    compute.Backend // that the plans were built for
}

// rider is a caller whose rows are computed. Its fields are guarded by the
// batcher's mutex until ended is closed.
type rider[R any] struct {
	rows  []row
	sent  int // rows that a run has got
	done  int // rows that are computed
	turn  int // of those sent, since it was at the end of the queue
	out   []R
	trips []*trip // the runs that have some of its rows, once for every part
	left  bool    // it no longer wants them
	err   error
	over  bool // ended is closed
	ended chan struct{}
}

// trip is one run.
type trip struct {
	parts  int // that are still wanted
	cancel context.CancelFunc
	ended  chan struct{}
}

// part is what a rider has in a trip: n rows from lo on.
type part[R any] struct {
	r     *rider[R]
	lo, n int
}

// place has the plans built anew for another back end, before the next run.
func (b *batcher[P, R]) place(backend compute.Backend) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backend, b.single = backend, false
	if l := &b.lanes[1]; !l.running {
		*l = lane[P]{}
	}
}

// score computes rows. Where ctx ends it returns its error at once; only a run
// that nobody else wants is then ended first.
func (b *batcher[P, R]) score(ctx context.Context, rows []row) ([]R, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, nil
	}
	r := &rider[R]{rows: rows, out: make([]R, len(rows)), ended: make(chan struct{})}
	b.mu.Lock()
	b.queue = append(b.queue, r)
	b.wake()
	b.mu.Unlock()
	select {
	case <-r.ended:
	case <-ctx.Done():
		b.leave(r)
		return nil, ctx.Err()
	}
	if p, ok := r.err.(*Panic); ok { //nolint:errorlint // it is not wrapped
		panic(p)
	}
	return r.out, r.err
}

// leave takes a caller out that was cancelled.
func (b *batcher[P, R]) leave(r *rider[R]) {
	b.mu.Lock()
	r.left = true
	b.queue = slices.DeleteFunc(b.queue, func(q *rider[R]) bool { return q == r })
	var unwanted []*trip
	for _, t := range r.trips {
		if t.parts--; t.parts == 0 {
			unwanted = append(unwanted, t)
		}
	}
	b.mu.Unlock()
	for _, t := range unwanted {
		t.cancel()
		<-t.ended
	}
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
		b.ride(l, limit)
	}
}

// stop ends a lane, which keeps its plans or not. The caller holds the mutex.
func (b *batcher[P, R]) stop(l *lane[P], keep bool) {
	if !keep {
		*l = lane[P]{}
	}
	l.running = false
}

// limit is how many rows go into the next run.
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

// ride runs up to a number of the rows that wait.
func (b *batcher[P, R]) ride(l *lane[P], limit int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t := &trip{cancel: cancel, ended: make(chan struct{})}
	defer close(t.ended)
	var parts []part[R]
	var rows []row
	b.mu.Lock()
	for limit > 0 && len(b.queue) > 0 {
		r := b.queue[0]
		b.queue = b.queue[1:]
		p := part[R]{r, r.sent, min(limit, len(r.rows)-r.sent)}
		rows = append(rows, r.rows[p.lo:p.lo+p.n]...)
		r.sent, r.turn = r.sent+p.n, r.turn+p.n
		limit -= p.n
		r.trips, parts = append(r.trips, t), append(parts, p)
		switch {
		case r.sent == len(r.rows):
		case r.turn >= b.turn:
			b.queue, r.turn = append(b.queue, r), 0
		default: // the run is full
			b.queue = slices.Insert(b.queue, 0, r)
		}
	}
	t.parts = len(parts)
	b.wake()
	b.mu.Unlock()
	if len(parts) == 0 { // all have left
		return
	}
	out, err := b.compute(ctx, l, rows)
	if err != nil && len(parts) > 1 && ctx.Err() == nil { // whose fault it is
		for _, p := range parts {
			b.mu.Lock()
			unwanted := p.r.left || p.r.over
			b.mu.Unlock()
			if unwanted {
				continue
			}
			out, err := b.compute(ctx, l, p.r.rows[p.lo:p.lo+p.n])
			b.deliver(t, p, out, err)
		}
		return
	}
	for _, p := range parts {
		if err != nil {
			b.deliver(t, p, nil, err)
			continue
		}
		b.deliver(t, p, out[:p.n], nil)
		out = out[p.n:]
	}
}

// compute runs rows; a panic is an error.
func (b *batcher[P, R]) compute(ctx context.Context, l *lane[P], rows []row) (out []R, err error) {
	if !l.built { // after a panic
		if err := b.ready(l, l.on); err != nil {
			return nil, err
		}
	}
	defer func() {
		if _, ok := err.(*Panic); ok { //nolint:errorlint // it is not wrapped
			b.mu.Lock()
			l.built = false
			b.mu.Unlock()
		}
	}()
	defer caught(&err)
	out, err = b.run(ctx, l.plans, rows)
	if err == nil && len(out) != len(rows) {
		err = fmt.Errorf("detector: %d scores of %d patches", len(out), len(rows))
	}
	return out, err
}

// deliver gives a rider what was computed of its rows. The first error ends it.
func (b *batcher[P, R]) deliver(t *trip, p part[R], out []R, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := p.r
	if i := slices.Index(r.trips, t); i >= 0 {
		r.trips = slices.Delete(r.trips, i, i+1)
	}
	switch {
	case r.left || r.over:
	case err != nil:
		b.queue = slices.DeleteFunc(b.queue, func(q *rider[R]) bool { return q == r })
		r.end(err)
	default:
		copy(r.out[p.lo:], out)
		if r.done += p.n; r.done == len(r.rows) {
			r.end(nil)
		}
	}
}

func (r *rider[R]) end(err error) {
	r.err, r.over = err, true
	close(r.ended)
}

// Panic is what a detector panics with where its computation did, which runs in
// a goroutine of its own: the patches of several callers may be in it.
type Panic struct {
	Value any
	Stack []byte // of that goroutine
}

// Error is value and stack.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// caught makes an error of a panic. It is deferred.
func caught(err *error) {
	if v := recover(); v != nil {
		*err = &Panic{v, debug.Stack()}
	}
}
