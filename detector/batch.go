package detector

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
)

// batch is one run of the network.
type batch struct {
	parts  int // that are still wanted
	cancel context.CancelFunc
	ended  chan struct{}
}

// part is what a request has in a batch: n rows from lo on.
type part[R any] struct {
	r     *request[R]
	lo, n int
}

// runBatch runs up to a number of the rows that wait.
func (b *batcher[P, R]) runBatch(l *lane[P], limit int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t := &batch{cancel: cancel, ended: make(chan struct{})}
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
		r.batches, parts = append(r.batches, t), append(parts, p)
		switch {
		case r.sent == len(r.rows):
		case r.turn >= b.turn:
			b.queue, r.turn = append(b.queue, r), 0
		default: // the batch is full
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

// deliver gives a request what was computed of its rows. The first error ends it.
func (b *batcher[P, R]) deliver(t *batch, p part[R], out []R, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := p.r
	if i := slices.Index(r.batches, t); i >= 0 {
		r.batches = slices.Delete(r.batches, i, i+1)
	}
	switch {
	case r.left || r.over:
	case err != nil:
		b.queue = slices.DeleteFunc(b.queue, func(q *request[R]) bool { return q == r })
		r.end(err)
	default:
		copy(r.out[p.lo:], out)
		if r.done += p.n; r.done == len(r.rows) {
			r.end(nil)
		}
	}
}

func (r *request[R]) end(err error) {
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
