package detector

import (
	"context"
	"slices"
	"sync"

	"github.com/nodulescope/nodulescope/models/compute"
)

// row is one patch as a network reads it.
type row struct {
	voxels, support []float32
	seed            [32]byte
}

// batcher computes the patches of concurrent callers in batches: whatever waits
// when a batch ends goes into the next one, up to what the plans take at once. A caller that is alone waits for nothing. P are the plans, R is what a
// batch gives for a row; it must depend on that row alone.
//
// One goroutine at a time runs, while there is something to run; on a device
// that has two lanes there is a second with plans of its own, so that the copies
// and the host's part of one batch overlap the kernels of the other. Where a batch
// takes one row, as VAE-AD's on the processor, one caller comes after the other;
// one with many rows lets others in between after every turn.
type batcher[P, R any] struct {
	build    func(compute.Backend) (P, error)
	fits     func(p P, waiting int) int // how many of the rows that wait one batch takes
	onDevice func(p P, rows int) bool   // whether a batch of so many is computed by the back end
	run      func(ctx context.Context, p P, rows []row) ([]R, error)
	turn     int // rows after which a caller goes to the end of the queue

	mu      sync.Mutex
	backend compute.Backend // for the next batch; nil: the processor
	queue   []*request[R]
	lanes   [2]lane[P]
	single  bool // the second lane has no room on this back end
}

// request is a caller whose rows are computed. Its fields are guarded by the
// batcher's mutex until ended is closed.
type request[R any] struct {
	rows    []row
	sent    int // rows that are in a batch
	done    int // rows that are computed
	turn    int // of those sent, since it was at the end of the queue
	out     []R
	batches []*batch // those that have some of its rows, once for every part
	left    bool     // it no longer wants them
	err     error
	over    bool // ended is closed
	ended   chan struct{}
}

// place has the plans built anew for another back end, before the next batch.
func (b *batcher[P, R]) place(backend compute.Backend) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backend, b.single = backend, false
	if l := &b.lanes[1]; !l.running {
		*l = lane[P]{}
	}
}

// score computes rows. Where ctx ends it returns its error at once; only a batch
// that nobody else wants is then ended first.
func (b *batcher[P, R]) score(ctx context.Context, rows []row) ([]R, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, nil
	}
	r := &request[R]{rows: rows, out: make([]R, len(rows)), ended: make(chan struct{})}
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
func (b *batcher[P, R]) leave(r *request[R]) {
	b.mu.Lock()
	r.left = true
	b.queue = slices.DeleteFunc(b.queue, func(q *request[R]) bool { return q == r })
	var unwanted []*batch
	for _, t := range r.batches {
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
