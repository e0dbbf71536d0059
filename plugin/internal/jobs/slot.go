package jobs

import (
	"context"
	"sync"
)

// maxEnding is how many jobs that are scored may be on their way to the broker, over
// all slots.
const maxEnding = 16

// holder is a job that holds a slot.
type holder struct {
	ending chan struct{} // has a place for each job that has left its slot and not ended
	free   chan struct{} // closed when the slot is free
	once   sync.Once
	left   bool
}

// holderKey finds the holder of a slot in the context of its job.
type holderKey struct{}

// leave frees the slot before the job has ended, when there is a place among those
// that are ending.
func (h *holder) leave() {
	h.once.Do(func() {
		h.ending <- struct{}{}
		h.left = true
		close(h.free)
	})
}

// end frees what the job still holds.
func (h *holder) end() {
	h.once.Do(func() { close(h.free) })
	if h.left {
		<-h.ending
	}
}

// leaveSlot frees the slot of a job that has no more use for it. One that overtakes
// another job has none of its own.
func leaveSlot(ctx context.Context) {
	if h, there := ctx.Value(holderKey{}).(*holder); there && !overtakes(ctx) {
		h.leave()
	}
}
