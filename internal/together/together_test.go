package together

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// What comes while it is at work is done at once afterwards, each with its own end.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		odd, first := errors.New("odd"), make(chan struct{})
		q := Queue[int]{Do: func(values []int) (errs []error) {
			if len(batches) == 0 {
				<-first
			}
			batches = append(batches, values)
			for _, v := range values {
				if v%2 == 1 {
					errs = append(errs, odd)
				} else {
					errs = append(errs, nil)
				}
			}
			return errs
		}}
		var group sync.WaitGroup
		for i := range 101 {
			group.Go(func() {
				if err := q.Add(i); (err != nil) != (i%2 == 1) {
					t.Errorf("%d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		close(first)
		group.Wait()
		var sizes []int
		for _, b := range batches {
			sizes = append(sizes, len(b))
		}
		if !slices.Equal(sizes, []int{1, 64, 36}) || !slices.IsSorted(slices.Concat(batches...)) {
			t.Errorf("batches of %d: %d", sizes, batches)
		}
	})
}

// A panic is an error of those who were in the batch, and the next goes on.
func TestPanic(t *testing.T) {
	q := Queue[bool]{Do: func(values []bool) []error {
		if values[0] {
			panic("it fails")
		}
		return make([]error, len(values))
	}}
	if err := q.Add(true); err == nil {
		t.Error("no error")
	}
	if err := q.Add(false); err != nil {
		t.Error(err)
	}
}
