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

// Unclaimed counts the jobs that wait at sites for which no service has ever run, by
// site: their senders have its name wrong, and the broker takes them all the same. Code:
// stream_unavailable.
func (b *Bus) Unclaimed(ctx context.Context) (map[string]uint64, error) {
	sites := map[string]uint64{}
	s, err := b.stream(ctx, StreamJobs)
	if err == nil {
		var info *jetstream.StreamInfo
		info, err = call(ctx, b, "list subjects", func(ctx context.Context) (*jetstream.StreamInfo, error) {
			return s.Info(ctx, jetstream.WithSubjectFilter(subjectPrefix+"job.*.*"))
		})
		for subject, n := range subjectsOf(info) {
			site, priority, ok := parseJobSubject(subject)
			if err != nil || !ok {
				continue // those on no priority are told of when the stream is made
			}
			_, err = call(ctx, b, "find queue", func(ctx context.Context) (jetstream.Consumer, error) {
				return s.Consumer(ctx, consumerOf(site, priority))
			})
			if errors.Is(err, jetstream.ErrConsumerNotFound) {
				sites[site] += n
				err = nil
			}
		}
	}
	if err != nil {
		return nil, coded.New(CodeStream, "look for jobs of other sites", "stream "+StreamJobs, err)
	}
	return sites, nil
}

func subjectsOf(info *jetstream.StreamInfo) map[string]uint64 {
	if info == nil {
		return nil
	}
	return info.State.Subjects
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
