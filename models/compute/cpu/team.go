package cpu

import (
	"runtime"
	"sync"
)

// team runs the parts of a step on a number of workers: the caller and some of
// the process's helpers. Work is split by part, never by luck: which worker
// takes a part does not change what it computes. A team is used by one plan run
// at a time.
type team struct {
	size int
	done sync.WaitGroup
}

// share is what a helper is asked to do: parts [lo, hi) as one worker.
type share struct {
	f      func(worker, part int)
	worker int
	lo, hi int
	done   *sync.WaitGroup
}

// helpers are goroutines that every team of the process shares. They wait on
// one channel and never ask for help themselves, so that no team waits for
// another for ever.
var helpers struct {
	mu    sync.Mutex
	count int
	work  chan share
}

// newTeam makes a team; size 0 means one worker per processor.
func newTeam(size int) *team {
	if size <= 0 {
		size = runtime.GOMAXPROCS(0)
	}
	helpers.mu.Lock()
	defer helpers.mu.Unlock()
	if helpers.work == nil {
		helpers.work = make(chan share, 64)
	}
	for ; helpers.count < size-1; helpers.count++ {
		go func() {
			for s := range helpers.work {
				for p := s.lo; p < s.hi; p++ {
					s.f(s.worker, p)
				}
				s.done.Done()
			}
		}()
	}
	return &team{size: size}
}

// each runs f(worker, part) for every part in [0, parts): worker w takes the
// w-th of equal contiguous shares. It returns when all are done, and allocates
// nothing.
func (t *team) each(parts int, f func(worker, part int)) {
	n := min(t.size, parts)
	if n > 1 {
		t.done.Add(n - 1)
		for w := 1; w < n; w++ {
			helpers.work <- share{f, w, w * parts / n, (w + 1) * parts / n, &t.done}
		}
	}
	for p := range parts / max(n, 1) {
		f(0, p)
	}
	if n > 1 {
		t.done.Wait()
	}
}

// splits is how many equal ranges n elements are worth, none much smaller than
// grain.
func (t *team) splits(n, grain int) int { return max(1, min(t.size, n/grain)) }

// span is part p of parts equal ones of [0, n).
func span(n, p, parts int) (lo, hi int) { return p * n / parts, (p + 1) * n / parts }
