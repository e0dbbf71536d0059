package detector

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nodulescope/nodulescope/models/compute"
)

// errRow is what a run of a row with seed 255 fails with.
var errRow = errors.New("a bad row")

// fake is a batcher whose runs wait to be let go, where gate is not nil, and
// double the first byte of the seed.
type fake struct {
	batcher[*int, int]
	gate    chan struct{}
	started chan []int // rows of every run

	mu    sync.Mutex
	built []compute.Backend
}

func newFake(limit int, gated bool) *fake {
	f := &fake{started: make(chan []int, 100)}
	if gated {
		f.gate = make(chan struct{})
	}
	f.build = func(b compute.Backend) (*int, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.built = append(f.built, b)
		return new(int), nil
	}
	f.turn = 3
	f.onDevice = func(*int, int) bool { return true }
	f.fits = func(*int, int) int { return limit }
	f.run = func(ctx context.Context, _ *int, rows []row) ([]int, error) {
		var seeds, out []int
		for _, r := range rows {
			seeds, out = append(seeds, int(r.seed[0])), append(out, 2*int(r.seed[0]))
		}
		f.started <- seeds
		if f.gate != nil {
			select {
			case <-f.gate:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		switch {
		case slices.Contains(seeds, 255):
			return nil, errRow
		case slices.Contains(seeds, 254):
			panic("a broken row")
		}
		return out, nil
	}
	return f
}

func rowsOf(seeds ...int) []row {
	var rows []row
	for _, s := range seeds {
		rows = append(rows, row{seed: [32]byte{byte(s)}})
	}
	return rows
}

// answer is what a caller got.
type answer struct {
	out []int
	err error
}

// ask scores in the background and returns once the rows wait.
func (f *fake) ask(t *testing.T, ctx context.Context, seeds ...int) <-chan answer { //nolint:revive // the test comes first
	t.Helper()
	f.batcher.mu.Lock()
	before := len(f.queue)
	f.batcher.mu.Unlock()
	got := make(chan answer, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				got <- answer{nil, v.(*Panic)}
			}
		}()
		out, err := f.score(ctx, rowsOf(seeds...))
		got <- answer{out, err}
	}()
	for {
		f.batcher.mu.Lock()
		waits := len(f.queue) > before
		f.batcher.mu.Unlock()
		if waits {
			return got
		}
	}
}

// busy starts a run of row 100 that others have to wait for.
func (f *fake) busy(t *testing.T) <-chan answer {
	t.Helper()
	got := make(chan answer, 1)
	go func() {
		out, err := f.score(context.Background(), rowsOf(100))
		got <- answer{out, err}
	}()
	if r := <-f.started; !slices.Equal(r, []int{100}) {
		t.Fatalf("the first run has rows %v", r)
	}
	return got
}

func want(t *testing.T, got <-chan answer, out ...int) {
	t.Helper()
	if a := <-got; a.err != nil || !slices.Equal(a.out, out) {
		t.Errorf("got %v, %v, want %v", a.out, a.err, out)
	}
}

// wantBuilt wants plans to have been built so often.
func wantBuilt(t *testing.T, f *fake, times int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.built) != times {
		t.Errorf("plans were built %d times, want %d", len(f.built), times)
	}
}

func wantRun(t *testing.T, f *fake, rows ...int) {
	t.Helper()
	if got := <-f.started; !slices.Equal(got, rows) {
		t.Errorf("a run has rows %v, want %v", got, rows)
	}
}

// TestBatches: who waits is in one batch, in order of arrival; a caller with
// more than one batch takes lets others in between, and everybody gets their own.
func TestBatches(t *testing.T) {
	ctx := context.Background()
	f := newFake(4, true)
	first := f.busy(t) // alone, at once
	a := f.ask(t, ctx, 1)
	b := f.ask(t, ctx, 2, 3, 4, 5, 6, 7, 8, 9)
	c := f.ask(t, ctx, 10, 11)
	for range 4 {
		f.gate <- struct{}{}
	}
	want(t, first, 200)
	wantRun(t, f, 1, 2, 3, 4)
	wantRun(t, f, 10, 11, 5, 6) // 2 to 4 were a turn
	wantRun(t, f, 7, 8, 9)
	want(t, a, 2)
	want(t, b, 4, 6, 8, 10, 12, 14, 16, 18)
	want(t, c, 20, 22)
	if out, err := f.score(ctx, nil); out != nil || err != nil {
		t.Errorf("nothing gives %v, %v", out, err)
	}
	wantBuilt(t, f, 1)
}

// TestBatchesTakeTurns: where a batch takes one row, callers come one after the
// other, turn by turn.
func TestBatchesTakeTurns(t *testing.T) {
	f := newFake(1, true)
	first := f.busy(t)
	a := f.ask(t, context.Background(), 1, 2, 3, 4)
	b := f.ask(t, context.Background(), 5, 6)
	for range 7 {
		f.gate <- struct{}{}
	}
	want(t, first, 200)
	for _, row := range []int{1, 2, 3, 5, 6, 4} {
		wantRun(t, f, row)
	}
	want(t, a, 2, 4, 6, 8)
	want(t, b, 10, 12)
}

// TestBatchCancelled: a caller that is cancelled, while it waits or is in a batch,
// takes nobody with it; a run that nobody wants any more ends.
func TestBatchCancelled(t *testing.T) {
	f := newFake(4, true)
	first := f.busy(t)
	gone, cancelGone := context.WithCancel(context.Background())
	inBatch, cancelInBatch := context.WithCancel(context.Background())
	waits := f.ask(t, gone, 1)
	batched := f.ask(t, inBatch, 2)
	stays := f.ask(t, context.Background(), 3)
	cancelGone()
	if a := <-waits; !errors.Is(a.err, context.Canceled) {
		t.Errorf("a caller that was cancelled got %v, %v", a.out, a.err)
	}
	f.gate <- struct{}{}
	want(t, first, 200)
	wantRun(t, f, 2, 3)
	cancelInBatch()
	if a := <-batched; !errors.Is(a.err, context.Canceled) { // the run still waits
		t.Errorf("a caller that was cancelled on the way got %v, %v", a.out, a.err)
	}
	f.gate <- struct{}{}
	want(t, stays, 6)

	alone, cancelAlone := context.WithCancel(context.Background())
	last := make(chan answer, 1)
	go func() {
		out, err := f.score(alone, rowsOf(4))
		last <- answer{out, err}
	}()
	wantRun(t, f, 4)
	cancelAlone() // and nothing comes through the gate
	if a := <-last; !errors.Is(a.err, context.Canceled) {
		t.Errorf("the only caller got %v, %v", a.out, a.err)
	}
	if _, err := f.score(alone, rowsOf(5)); !errors.Is(err, context.Canceled) || len(f.started) != 0 {
		t.Errorf("a caller that was cancelled before got %v, %d runs", err, len(f.started))
	}
}

// TestBatchFailed: an error, and a panic, reach the caller whose rows they
// are of.
func TestBatchFailed(t *testing.T) {
	ctx := context.Background()
	f := newFake(8, true)
	first := f.busy(t)
	a, b, c, d := f.ask(t, ctx, 1), f.ask(t, ctx, 2, 255), f.ask(t, ctx, 254), f.ask(t, ctx, 3)
	for range 6 {
		f.gate <- struct{}{}
	}
	want(t, first, 200)
	wantRun(t, f, 1, 2, 255, 254, 3)
	want(t, a, 2)
	want(t, d, 6)
	if got := <-b; !errors.Is(got.err, errRow) {
		t.Errorf("an error came as %v", got.err)
	}
	p, ok := (<-c).err.(*Panic) //nolint:errorlint // it is not wrapped
	if !ok || p.Value != "a broken row" || !strings.Contains(p.Error(), "batcher_test.go") {
		t.Errorf("a panic came as %v", p)
	}
	f.build = func(compute.Backend) (*int, error) { return nil, errRow }
	f.built = nil
	f.place(nil)
	f.lanes[0].built = false
	if _, err := f.score(ctx, rowsOf(1)); !errors.Is(err, errRow) {
		t.Errorf("plans that cannot be built give %v", err)
	}
}

// machine is a back end that runs nothing.
type machine struct {
	compute.Backend
	lanes int
	dead  bool
}

func (m *machine) Lanes() int  { return m.lanes }
func (m *machine) Alive() bool { return !m.dead }

// TestBatchPlaced: another back end is used from the next batch on.
func TestBatchPlaced(t *testing.T) {
	f := newFake(4, true)
	first := f.busy(t)
	to := &machine{}
	f.place(to)
	next := f.ask(t, context.Background(), 1)
	f.gate <- struct{}{}
	f.gate <- struct{}{}
	want(t, first, 200)
	want(t, next, 2)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.built) != 2 || f.built[0] != nil || f.built[1] != to {
		t.Errorf("plans were built for %v", f.built)
	}
}

// TestBatchesOfMany: many callers, cancelled now and then, each get their own.
func TestBatchesOfMany(t *testing.T) {
	for _, on := range []compute.Backend{nil, &machine{lanes: 2}} {
		manyCallers(t, on)
	}
}

func manyCallers(t *testing.T, on compute.Backend) {
	t.Helper()
	f := newFake(5, false)
	f.place(on)
	f.started = make(chan []int, 4000)
	var all sync.WaitGroup
	for caller := range 20 {
		all.Go(func() {
			for i := range 50 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%7 == 3 {
					go cancel()
				}
				a, b := caller, (caller+i)%100
				out, err := f.score(ctx, rowsOf(a, b))
				if err == nil && !slices.Equal(out, []int{2 * a, 2 * b}) || err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("rows %d and %d gave %v, %v", a, b, out, err)
				}
				cancel()
			}
		})
	}
	all.Wait()
}
