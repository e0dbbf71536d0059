package bus

import (
	"context"
	"errors"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Leftover lists those of some jobs, by the sequence and the Unix time in nanoseconds at
// which they were stored (0: whenever), that the broker has settled and holds all the same. A disk that
// was full when they were to be removed has them back when the broker starts again: no
// worker is given them, and nobody else removes them. Code: stream_unavailable.
func (q *JobQueue) Leftover(ctx context.Context, settled map[uint64]uint64) (sequences []uint64, err error) {
	const op = "look for settled jobs"
	if len(settled) == 0 {
		return nil, nil
	}
	s, err := q.bus.stream(ctx, StreamJobs)
	if err != nil {
		return nil, coded.New(CodeStream, op, "stream "+StreamJobs, err)
	}
	floors, err := q.floors(ctx)
	if err != nil {
		return nil, err
	}
	for sequence, stored := range settled {
		m, err := q.bus.message(ctx, s, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, coded.New(CodeStream, op, "stream "+StreamJobs, err)
		}
		if sequence <= floors[m.Subject] && (stored == 0 || uint64(m.Time.UnixNano()) == stored) {
			sequences = append(sequences, sequence)
		}
	}
	slices.Sort(sequences)
	return sequences, nil
}

// floors are up to which sequence all jobs of a subject are settled, by subject.
func (q *JobQueue) floors(ctx context.Context) (map[string]uint64, error) {
	q.mu.Lock()
	consumers := []jetstream.Consumer{q.stat, q.routine}
	q.mu.Unlock()
	floors := map[string]uint64{}
	for _, c := range consumers {
		info, err := call(ctx, q.bus, "read state of job queue", c.Info)
		if err != nil {
			return nil, coded.New(CodeStream, "read state of job queue", "consumer "+c.CachedInfo().Name, err)
		}
		floors[info.Config.FilterSubject] = info.AckFloor.Stream
	}
	return floors, nil
}
