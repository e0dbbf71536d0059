// Package together does what several callers ask for at the same time in one go, as
// where one sync of a file serves all of them.
package together

import (
	"errors"
	"sync"
)

// most is how many values are done at once.
const most = 64

// errPanicked is what all of a batch get that ended with a panic.
var errPanicked = errors.New("the program failed on it")

// Queue hands values to Do: what comes while Do is at work waits, and goes to it at
// once when it is done. A value that comes alone waits for nothing. It is safe for
// concurrent use, and must not be copied.
type Queue[T any] struct {
	// Do has one error, or nil, for each value. It is never called twice at a time.
	Do func([]T) []error

	mu      sync.Mutex
	waiting []call[T]
	working bool
}

type call[T any] struct {
	value T
	done  chan error
}

// Add returns when Do was called with the value, and its error for it.
func (q *Queue[T]) Add(value T) error {
	c := call[T]{value, make(chan error, 1)}
	q.mu.Lock()
	q.waiting = append(q.waiting, c)
	if !q.working {
		q.working = true
		go q.work()
	}
	q.mu.Unlock()
	return <-c.done
}

func (q *Queue[T]) work() {
	for {
		q.mu.Lock()
		n := min(len(q.waiting), most)
		batch := q.waiting[:n:n]
		q.waiting = q.waiting[n:]
		if n == 0 {
			q.working, q.waiting = false, nil
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		q.do(batch)
	}
}

// do tells everyone of a batch how it went, also where Do panics: they wait for it.
func (q *Queue[T]) do(batch []call[T]) {
	values, errs := make([]T, len(batch)), []error(nil)
	for i, c := range batch {
		values[i] = c.value
	}
	defer func() {
		failed := recover() != nil
		for i, c := range batch {
			if failed {
				c.done <- errPanicked
			} else {
				c.done <- errs[i]
			}
		}
	}()
	errs = q.Do(values)
}
