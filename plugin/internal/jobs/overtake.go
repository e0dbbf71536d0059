package jobs

import (
	"context"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

const (
	overtakeEvery = 250 * time.Millisecond // between two looks for urgent jobs in the midst of another one
	busyDelay     = time.Second            // of an urgent job whose series is in work
)

// errBusy has an urgent job come again, without counting as an attempt, whose
// series is being worked on: by the very job that it overtakes, perhaps.
var errBusy = coded.New(coded.Internal, "score job", "another job works on the series", nil)

// workKey finds the context of the work, without the limit of a job, in that of
// a job, and slotKey the slot that it has; overtakeKey marks one of a job that
// overtakes another.
type (
	workKey     struct{}
	slotKey     struct{}
	overtakeKey struct{}
)

func overtakes(ctx context.Context) bool { return ctx.Value(overtakeKey{}) != nil }

// overtaken has urgent jobs answered between the batches of a routine one: it
// may have hundreds of nodules, and hold the only slot. They take nothing from its time.
func (w *Worker) overtaken(ctx context.Context, d *bus.Delivery) func(scoring.Progress) {
	work, there := ctx.Value(workKey{}).(context.Context)
	slot, has := ctx.Value(slotKey{}).(int)
	if d.Priority == bus.PriorityStat || !there || !has {
		return nil
	}
	work = context.WithValue(work, overtakeKey{}, true)
	last, seen := time.Now(), map[uint64]bool{}
	return func(p scoring.Progress) {
		if time.Since(last) < overtakeEvery || p.Done == p.Total {
			return
		}
		for ctx.Err() == nil && w.taking() && (w.Room == nil || w.Room() == nil) {
			urgent := w.Queue.Urgent()
			if urgent == nil {
				break
			}
			if seen[urgent.Sequence] { // it could not be answered: with many such this job would never go on
				if err := urgent.Retry(work, busyDelay); err != nil {
					warn(w.Log, "urgent job not handed back, it comes again", err, "job", urgent.Sequence)
				}
				break
			}
			seen[urgent.Sequence] = true
			w.Log.Info("an urgent job overtakes", "job", urgent.Sequence, "overtaken", d.Sequence)
			resume, resumeBeat := pause(ctx), w.pulse.overtake(slot)
			w.handle(work, urgent)
			resumeBeat()
			resume()
		}
		last = time.Now()
	}
}
