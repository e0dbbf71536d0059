package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Backlog is what waits on one priority of a site's queue, jobs in work among
// it.
type Backlog struct {
	Priority string
	Jobs     uint64
	Oldest   time.Time // when the oldest of them was stored; zero where there is none
}

// Backlog asks what waits, stat first. Code: stream_unavailable.
func (b *Bus) Backlog(ctx context.Context, site string) (list []Backlog, err error) {
	const op = "count jobs"
	s, err := b.stream(ctx, StreamJobs)
	if err != nil {
		return nil, coded.New(CodeStream, op, "stream "+StreamJobs, err)
	}
	for _, priority := range []string{PriorityStat, PriorityRoutine} {
		subject, err := jobSubject(site, priority)
		if err != nil {
			return nil, err
		}
		n, err := b.count(ctx, s, subject)
		if err != nil {
			return nil, coded.New(CodeStream, op, "stream "+StreamJobs, err)
		}
		waiting := Backlog{Priority: priority, Jobs: n}
		if n > 0 {
			first, err := b.message(ctx, s, 1, jetstream.WithGetMsgSubject(subject))
			if err == nil {
				waiting.Oldest = first.Time
			} else if !errors.Is(err, jetstream.ErrMsgNotFound) { // done meanwhile
				return nil, coded.New(CodeStream, op, "stream "+StreamJobs, err)
			}
		}
		list = append(list, waiting)
	}
	return list, nil
}

// count is how many messages of a subject are in a stream.
func (b *Bus) count(ctx context.Context, s jetstream.Stream, subject string) (uint64, error) {
	info, err := call(ctx, b, "count messages", func(ctx context.Context) (*jetstream.StreamInfo, error) {
		return s.Info(ctx, jetstream.WithSubjectFilter(subject))
	})
	if err != nil {
		return 0, err
	}
	return info.State.Subjects[subject], nil
}

// DeadCount is how many dead letters of a site are kept. Code:
// stream_unavailable.
func (b *Bus) DeadCount(ctx context.Context, site string) (uint64, error) {
	subject, err := deadSubject(site)
	if err != nil {
		return 0, err
	}
	s, err := b.stream(ctx, StreamDead)
	if err == nil {
		var n uint64
		if n, err = b.count(ctx, s, subject); err == nil {
			return n, nil
		}
	}
	return 0, coded.New(CodeStream, "count dead letters", "stream "+StreamDead, err)
}
