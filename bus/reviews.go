package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// ReviewID is the id of the message of a decision: a digest of result, nodule,
// reviewer and version. A decision that is published again has it again.
func ReviewID(r Review) string {
	return messageID(r.Identity, r.NoduleID, r.Reviewer, fmt.Sprint(r.Version))
}

// LastReviewSeq returns the sequence of the newest decision of any site, 0
// where there was none: where to look on from, later, with [Bus.FindReview].
func (b *Bus) LastReviewSeq(ctx context.Context) (uint64, error) { return reviews.last(ctx, b) }

// FindReview looks for a decision by the id of its message ([ReviewID]) among
// those from sequence fromSeq on (0: all that are kept). It reads headers only.
// A publisher asks it after a crash whether a decision was stored before, which
// the broker's duplicate window does not tell after two minutes.
func (b *Bus) FindReview(ctx context.Context, site, id string, fromSeq uint64) (seq uint64, found bool, err error) {
	return reviews.find(ctx, b, "find review", site, nats.MsgIdHdr, id, scanStart{sequence: fromSeq})
}

// Reviews gives the decisions of a site from sequence fromSeq on (0: all that
// are kept) to fn, in order, and returns when all that are there now were seen
// or fn returned [ErrStop]. What is in the stream but is no decision of this
// schema is logged and left out.
func (b *Bus) Reviews(ctx context.Context, site string, fromSeq uint64, fn func(Envelope, Review) error) error {
	return reviews.each(ctx, b, site, fromSeq, fn)
}

// GetResult reads the result at a sequence of RESULTS.
func (b *Bus) GetResult(ctx context.Context, sequence uint64) (Envelope, Result, error) {
	const op = "read result"
	s, err := b.stream(ctx, StreamResults)
	if err != nil {
		return Envelope{}, Result{}, coded.New(CodeStream, op, "stream "+StreamResults, err)
	}
	raw, err := b.message(ctx, s, sequence)
	if err != nil {
		return Envelope{}, Result{}, coded.New(CodeStream, op, "no result has this sequence number any more", err)
	}
	env, result, err := DecodeResult(raw.Data)
	env.Sequence = sequence
	return env, result, err
}

// WaitingJob is a job that no worker has answered yet.
type WaitingJob struct {
	Envelope
	Job
	Stored time.Time
}

// WaitingJobs lists up to limit jobs of a site that wait or are in work, stat
// first, oldest first. What cannot be decoded is left out.
func (b *Bus) WaitingJobs(ctx context.Context, site string, limit int) ([]WaitingJob, error) {
	const op = "list jobs"
	s, err := b.stream(ctx, StreamJobs)
	if err != nil {
		return nil, coded.New(CodeStream, op, "stream "+StreamJobs, err)
	}
	var jobs []WaitingJob
	for _, priority := range []string{PriorityStat, PriorityRoutine} {
		subject, err := jobSubject(site, priority)
		if err != nil {
			return nil, err
		}
		for sequence := uint64(1); len(jobs) < limit; sequence++ {
			raw, err := b.message(ctx, s, sequence, jetstream.WithGetMsgSubject(subject))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				break
			}
			if err != nil {
				return nil, coded.New(CodeStream, op, "stream "+StreamJobs, err)
			}
			sequence = raw.Sequence
			env, job, err := DecodeJob(raw.Data)
			if err != nil {
				continue
			}
			env.Sequence, job.Priority = raw.Sequence, priority
			jobs = append(jobs, WaitingJob{env, job, raw.Time})
		}
	}
	return jobs, nil
}
