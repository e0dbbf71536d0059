package detector

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
)

// runs reads the rows of n runs, in whatever order they began.
func runs(f *fake, n int) [][]int {
	var all [][]int
	for range n {
		all = append(all, <-f.started)
	}
	slices.SortFunc(all, slices.Compare)
	return all
}

// TestLanes: on a device with two lanes a second run is under way while the
// first one is, of the same caller, too, and never a third.
func TestLanes(t *testing.T) {
	ctx := context.Background()
	f := newFake(2, true)
	f.place(&machine{lanes: 2})
	got := make(chan answer, 2)
	go func() {
		out, err := f.score(ctx, rowsOf(1, 2, 3, 4, 5))
		got <- answer{out, err}
	}()
	if r := runs(f, 2); !slices.Equal(r[0], []int{1, 2}) || !slices.Equal(r[1], []int{3, 4}) {
		t.Fatalf("runs %v are under way", r)
	}
	other := f.ask(t, ctx, 6)
	if len(f.started) != 0 {
		t.Error("a third run is under way")
	}
	for range 3 {
		f.gate <- struct{}{}
	}
	wantRun(t, f, 5, 6)
	if a := <-got; a.err != nil || !slices.Equal(a.out, []int{2, 4, 6, 8, 10}) {
		t.Errorf("got %v, %v", a.out, a.err)
	}
	want(t, other, 12)
	wantBuilt(t, f, 2)
}

// TestLanesCancelled: a caller that has rows in two runs ends both; what others
// have there is done.
func TestLanesCancelled(t *testing.T) {
	f := newFake(2, true)
	f.place(&machine{lanes: 2})
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan answer, 1)
	go func() {
		out, err := f.score(ctx, rowsOf(1, 2, 3))
		gone <- answer{out, err}
	}()
	runs(f, 2)
	stays := f.ask(t, context.Background(), 4)
	cancel() // and nothing comes through the gate before it has left
	if a := <-gone; !errors.Is(a.err, context.Canceled) {
		t.Errorf("a caller that was cancelled got %v, %v", a.out, a.err)
	}
	wantRun(t, f, 4)
	f.gate <- struct{}{}
	want(t, stays, 8)
}

// TestLanesFailed: the first error of a caller in two runs is its answer; who
// is in the same batch gets theirs.
func TestLanesFailed(t *testing.T) {
	f := newFake(2, true)
	f.place(&machine{lanes: 2})
	got := make(chan answer, 1)
	go func() {
		out, err := f.score(context.Background(), rowsOf(1, 2, 3, 255, 4, 5))
		got <- answer{out, err}
	}()
	runs(f, 2)
	other := f.ask(t, context.Background(), 7)
	close(f.gate)
	if a := <-got; !errors.Is(a.err, errRow) {
		t.Errorf("got %v, %v", a.out, a.err)
	}
	want(t, other, 14)
	if out, err := f.score(context.Background(), rowsOf(8)); err != nil || !slices.Equal(out, []int{16}) {
		t.Errorf("afterwards: %v, %v", out, err)
	}
}

// TestOneLane: one run at a time where a device has one lane, has failed, has
// no room for more plans, and on the processor; also when that is found out
// later.
func TestOneLane(t *testing.T) {
	full := func(f *fake) { f.onDevice = func(*int, int) bool { return false } }
	for name, c := range map[string]struct {
		m       *machine
		change  func(f *fake)
		builds  int // of plans, the second of which may not be of use
		between func(f *fake, m *machine)
	}{
		"one lane":  {m: &machine{lanes: 1}, builds: 1},
		"dead":      {m: &machine{lanes: 2, dead: true}, builds: 1},
		"processor": {builds: 1},
		"no room":   {m: &machine{lanes: 2}, change: full, builds: 2},
		"dies":      {m: &machine{lanes: 2}, builds: 2, between: func(_ *fake, m *machine) { m.dead = true }},
		"leaves":    {m: &machine{lanes: 2}, builds: 3, between: func(f *fake, _ *machine) { f.place(nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(1, true)
			if c.change != nil {
				c.change(f)
			}
			if c.m != nil {
				f.place(c.m)
			}
			if c.between != nil {
				first := make(chan answer, 1)
				go func() {
					out, err := f.score(context.Background(), rowsOf(90, 91))
					first <- answer{out, err}
				}()
				runs(f, 2)
				c.between(f, c.m)
				f.gate <- struct{}{}
				f.gate <- struct{}{}
				want(t, first, 180, 182)
			}
			got := make(chan answer, 1)
			go func() {
				out, err := f.score(context.Background(), rowsOf(1, 2, 3))
				got <- answer{out, err}
			}()
			for _, row := range []int{1, 2, 3} {
				wantRun(t, f, row)
				waitFor(t, f, func() bool { return !f.lanes[1].running }) // has looked, and gone
				if len(f.started) != 0 {
					t.Error("two runs are under way")
				}
				f.gate <- struct{}{}
			}
			want(t, got, 2, 4, 6)
			f.mu.Lock()
			defer f.mu.Unlock()
			if len(f.built) != c.builds {
				t.Errorf("plans were built %d times, want %d", len(f.built), c.builds)
			}
		})
	}
}

// waitFor waits until something holds, under the batcher's mutex.
func waitFor(t *testing.T, f *fake, holds func() bool) {
	t.Helper()
	for {
		f.batcher.mu.Lock()
		ok := holds()
		f.batcher.mu.Unlock()
		if ok {
			return
		}
		runtime.Gosched()
	}
}
