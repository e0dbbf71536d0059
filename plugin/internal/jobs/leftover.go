package jobs

import (
	"context"
	"time"

	"github.com/nodulescope/nodulescope/bus"
)

// clockSlack is by how much the clocks of a cluster's servers may differ.
const clockSlack = 10 * time.Second

// remember keeps in mind what the streams hold, without jobs that are left over.
// Where the broker's clock has gone back, jobs that were out then come again only when it
// shows that time once more, days later perhaps, and their worker may be gone: all are
// handed out anew.
func (w *Worker) remember(ctx context.Context, known, now map[string]bus.Holding) error {
	before := known[bus.StreamJobs]
	dropped, err := w.dropLeftover(ctx, before, now[bus.StreamJobs])
	if back := before.Seen.Sub(now[bus.StreamJobs].Seen); err == nil && back > clockSlack {
		w.Log.Warn("the clock of the broker has gone back: all jobs are handed out anew", "by", back.Round(time.Second))
		err = w.Queue.Reset(ctx)
	}
	if err == nil && dropped {
		now, err = w.holdings(ctx)
	}
	if err != nil {
		return err
	}
	return w.Ledger.SetHoldings(w.Site, now)
}

// dropLeftover removes jobs from the queue that had ended or left it, as before tells, and
// that the broker holds all the same, see [bus.JobQueue.Leftover]: they would count as
// waiting for ever. Where the oldest job is none of them, none is looked for.
func (w *Worker) dropLeftover(ctx context.Context, before, now bus.Holding) (dropped bool, err error) {
	if now.Messages == 0 || now.Sparse || before.Sparse || !before.Created.Equal(now.Created) || now.Last < before.Last {
		return false, nil
	}
	settled, err := w.settledOf(before, []uint64{now.First})
	if err != nil || len(settled) == 0 {
		return false, err
	}
	var held []uint64
	for s := now.First; s <= now.Last && uint64(len(held)) < now.Messages; s++ {
		if now.Has(s) {
			held = append(held, s)
		}
	}
	if settled, err = w.settledOf(before, held); err != nil {
		return false, err
	}
	left, err := w.Queue.Leftover(ctx, settled)
	if err != nil || len(left) == 0 {
		return false, err
	}
	w.Log.Warn("the broker held jobs that have ended; they are removed from the queue", "jobs", len(left), "sequences", ranges(left))
	return true, w.Bus.Remove(ctx, bus.StreamJobs, left)
}

// settledOf are those of some jobs that have ended, with the time at which they were stored,
// or were gone already, with 0.
func (w *Worker) settledOf(before bus.Holding, sequences []uint64) (settled map[uint64]uint64, err error) {
	if settled, err = w.Ledger.Ended(sequences); err != nil {
		return nil, err
	}
	for _, s := range sequences {
		if s <= before.Last && !before.Has(s) {
			settled[s] = 0
		}
	}
	return settled, nil
}
