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
// One goroutine at a time runs, while there is something to run. Where a run
// takes one row, as VAE-AD's on the processor, one caller comes after the other;
// one with many rows lets others in between after every turn.
type batcher[P, R any] struct {
	build func(compute.Backend) (P, error)
	fits  func(p P, waiting int) int // how many of the rows that wait one run takes
	run   func(ctx context.Context, p P, rows []row) ([]R, error)
	turn  int // rows after which a caller goes to the end of the queue

	mu      sync.Mutex
	backend compute.Backend // for the next run; nil: the processor
	queue   []*rider[R]
	running bool

	// Of the goroutine that runs.
	plans P
	built bool
	on    compute.Backend // that the plans were built for
}

// rider is a caller whose rows are computed. Its fields are guarded by the
// batcher's mutex until ended is closed.
type rider[R any] struct {
	rows  []row
	sent  int // rows that a run has got
	turn  int // of these, since it was at the end of the queue
	out   []R
	trip  *trip // the run that has some of its rows
	left  bool  // it no longer wants them
	err   error
	ended chan struct{}
}

// trip is one run.
type trip struct {
	riders int // that still want it
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
	b.backend = backend
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
	if !b.running {
		b.running = true
		go b.work()
	}
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
	t := r.trip
	if t != nil {
		t.riders--
		if t.riders > 0 {
			t = nil
		}
	}
	b.mu.Unlock()
	if t != nil {
		t.cancel()
		<-t.ended
	}
}

// work runs until nobody waits.
func (b *batcher[P, R]) work() {
	for {
		err := b.ready()
		b.mu.Lock()
		waiting := 0
		for _, r := range b.queue {
			waiting += len(r.rows) - r.sent
		}
		switch {
		case waiting == 0:
			b.running = false
			b.mu.Unlock()
			return
		case err != nil:
			for _, r := range b.queue {
				r.end(err)
			}
			b.queue = nil
			b.mu.Unlock()
			continue
		}
		b.mu.Unlock()
		b.ride(b.limit(waiting))
	}
}

// limit is how many rows go into the next run.
func (b *batcher[P, R]) limit(waiting int) int {
	var err error
	n := func() int {
		defer caught(&err) // a run will tell
		return b.fits(b.plans, waiting)
	}()
	return max(1, n)
}

// ready builds the plans where there are none for the back end of now.
func (b *batcher[P, R]) ready() (err error) {
	b.mu.Lock()
	backend := b.backend
	b.mu.Unlock()
	if b.built && b.on == backend {
		return nil
	}
	defer caught(&err)
	plans, err := b.build(backend)
	if err == nil {
		b.plans, b.on, b.built = plans, backend, true
	}
	return err
}

// ride runs up to a number of the rows that wait.
func (b *batcher[P, R]) ride(limit int) {
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
		r.trip, parts = t, append(parts, p)
		switch {
		case r.sent == len(r.rows):
		case r.turn >= b.turn:
			b.queue, r.turn = append(b.queue, r), 0
		default: // the run is full
			b.queue = slices.Insert(b.queue, 0, r)
		}
	}
	t.riders = len(parts)
	b.mu.Unlock()
	if len(parts) == 0 { // all have left
		return
	}
	out, err := b.compute(ctx, rows)
	if err != nil && len(parts) > 1 && ctx.Err() == nil { // whose fault it is
		for _, p := range parts {
			b.mu.Lock()
			left := p.r.left
			b.mu.Unlock()
			if left {
				continue
			}
			out, err := b.compute(ctx, p.r.rows[p.lo:p.lo+p.n])
			b.deliver(p, out, err)
		}
		return
	}
	for _, p := range parts {
		if err != nil {
			b.deliver(p, nil, err)
			continue
		}
		b.deliver(p, out[:p.n], nil)
		out = out[p.n:]
	}
}

// compute runs rows; a panic is an error.
func (b *batcher[P, R]) compute(ctx context.Context, rows []row) (out []R, err error) {
	if !b.built { // after a panic
		if err := b.ready(); err != nil {
			return nil, err
		}
	}
	defer func() {
		if _, ok := err.(*Panic); ok { //nolint:errorlint // it is not wrapped
			b.built = false
		}
	}()
	defer caught(&err)
	out, err = b.run(ctx, b.plans, rows)
	if err == nil && len(out) != len(rows) {
		err = fmt.Errorf("detector: %d scores of %d patches", len(out), len(rows))
	}
	return out, err
}

// deliver gives a rider what was computed of its rows.
func (b *batcher[P, R]) deliver(p part[R], out []R, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := p.r
	r.trip = nil
	switch {
	case r.left:
	case err != nil:
		b.queue = slices.DeleteFunc(b.queue, func(q *rider[R]) bool { return q == r })
		r.end(err)
	default:
		copy(r.out[p.lo:], out)
		if p.lo+p.n == len(r.rows) {
			r.end(nil)
		}
	}
}

func (r *rider[R]) end(err error) {
	r.err = err
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
