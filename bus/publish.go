package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Headers of messages.
const (
	HeaderContentType = "Content-Type"
	HeaderIdentity    = "Nodulescope-Identity" // of a result: what [Bus.FindResult] looks for
)

// Ack says where a message was stored.
type Ack struct {
	Sequence  uint64 // in its stream
	Duplicate bool   // the broker had it already, within DuplicateWindow; Sequence is that of the first
}

// SubmitJob stores a job and waits for the broker's acknowledgement: once it
// returns nil, the job outlives a crash of broker and worker. It refuses what
// [EncodeJob] refuses, before anything is sent. (source, id) names the job:
// the same pair within DuplicateWindow is stored once, so a submission whose
// answer was lost can be repeated. Other codes: site_invalid,
// stream_unavailable (also when the queue is full), bus_unreachable.
func (b *Bus) SubmitJob(ctx context.Context, site, source, id string, job Job, opts ...EventOption) (Ack, error) {
	subject, err := JobSubject(site, job.Priority)
	if err != nil {
		return Ack{}, err
	}
	data, err := EncodeJob(source, id, job, opts...)
	if err != nil {
		return Ack{}, err
	}
	return b.publish(ctx, "submit job", StreamJobs, subject, digest(source, id), data, nil)
}

// PublishResult stores a result and waits for the broker's acknowledgement.
// The message id is r.Identity, so a repetition within DuplicateWindow is
// stored once; beyond the window it is for the caller to ask [Bus.FindResult]
// or a ledger first. Codes: site_invalid, result_invalid, message_too_large
// (the broker's max_payload, headers included), stream_unavailable,
// bus_unreachable.
func (b *Bus) PublishResult(ctx context.Context, site, source string, r Result, opts ...EventOption) (Ack, error) {
	data, err := EncodeResult(source, r, opts...)
	if err != nil {
		return Ack{}, err
	}
	return b.publishResult(ctx, site, r.Identity, data)
}

// PublishResultEvent is [Bus.PublishResult] for an event that was encoded
// before: its bytes are stored as they are, unknown fields included, so that a
// result which is published again after a crash is the same message. Other
// codes: those of [DecodeResult].
func (b *Bus) PublishResultEvent(ctx context.Context, site string, event []byte) (Ack, error) {
	_, r, err := DecodeResult(event)
	if err != nil {
		return Ack{}, err
	}
	return b.publishResult(ctx, site, r.Identity, event)
}

func (b *Bus) publishResult(ctx context.Context, site, identity string, data []byte) (Ack, error) {
	subject, err := ResultSubject(site)
	if err != nil {
		return Ack{}, err
	}
	header := nats.Header{HeaderIdentity: {identity}}
	return b.publish(ctx, "publish result", StreamResults, subject, identity, data, header)
}

// PublishReview stores a decision and waits for the broker's acknowledgement.
func (b *Bus) PublishReview(ctx context.Context, site, source string, r Review, opts ...EventOption) (Ack, error) {
	subject, err := ReviewSubject(site)
	if err != nil {
		return Ack{}, err
	}
	data, err := EncodeReview(source, r, opts...)
	if err != nil {
		return Ack{}, err
	}
	return b.publish(ctx, "publish review", StreamReviews, subject, reviewID(r), data, nil)
}

func (b *Bus) publish(ctx context.Context, op, stream, subject, id string, data []byte, header nats.Header) (Ack, error) {
	if header == nil {
		header = nats.Header{}
	}
	header.Set(HeaderContentType, ContentType)
	msg := &nats.Msg{Subject: subject, Data: data, Header: header}
	ack, err := b.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(stream))
	switch {
	case err == nil:
		return Ack{Sequence: ack.Sequence, Duplicate: ack.Duplicate}, nil
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return Ack{}, refuse(CodeMessageTooLarge, op, "raise max_payload of the broker, or split the job", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrConnectionClosed):
		return Ack{}, refuse(CodeUnreachable, op, "not acknowledged: it may be stored or not, repeat it", err)
	default:
		return Ack{}, refuse(CodeStream, op, "not stored: is stream "+stream+" there, not full, and may we write to it?", err)
	}
}
