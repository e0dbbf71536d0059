package compute

import (
	"runtime"
	"sync"
)

// team runs the parts of a step on a fixed number of goroutines. Work is
// split by part, never by luck: which worker takes a part does not change what
// it computes. A team is used by one plan run at a time.
type team struct {
	size int
	done sync.WaitGroup
}

// newTeam makes a team; size 0 means one worker per processor.
func newTeam(size int) *team {
	if size <= 0 {
		size = runtime.GOMAXPROCS(0)
	}
	return &team{size: size}
}

// each runs f(worker, part) for every part in [0, parts): worker w takes the
// w-th of equal contiguous shares.
func (t *team) each(parts int, f func(worker, part int)) {
	n := min(t.size, parts)
	if n <= 1 {
		for p := range parts {
			f(0, p)
		}
		return
	}
	t.done.Add(n - 1)
	for w := 1; w < n; w++ {
		go func() {
			defer t.done.Done()
			for p := w * parts / n; p < (w+1)*parts/n; p++ {
				f(w, p)
			}
		}()
	}
	for p := range parts / n {
		f(0, p)
	}
	t.done.Wait()
}

// split runs f(worker, lo, hi) over equal shares of [0, n), none smaller than
// grain except the last.
func (t *team) split(n, grain int, f func(worker, lo, hi int)) {
	parts := min(t.size, (n+grain-1)/grain)
	if parts <= 1 {
		f(0, 0, n)
		return
	}
	t.each(parts, func(w, p int) { f(w, p*n/parts, (p+1)*n/parts) })
}
