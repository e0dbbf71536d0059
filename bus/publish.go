package bus

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Headers of messages.
const (
	headerContentType = "Content-Type"
	headerIdentity    = "Nodulescope-Identity" // of a result: what [Bus.FindResult] looks for
	headerURI         = "Nodulescope-Job-Uri"  // of a result: see [Origin]
	headerPriority    = "Nodulescope-Job-Priority"
)

// Origin is what a result does not tell of its job and a ledger that is made
// anew needs: where the images are, for those who review it, and how urgent it
// was. It stands in headers of the message.
type Origin struct {
	URI      string
	Priority string
}

const maxOriginBytes = 4096

// headers adds the origin as far as a header can hold it.
func (o Origin) headers(h nats.Header) nats.Header {
	for name, value := range map[string]string{headerURI: o.URI, headerPriority: o.Priority} {
		if value != "" && len(value) <= maxOriginBytes && printable(value) {
			h.Set(name, value)
		}
	}
	return h
}

// Ack says where a message was stored.
type Ack struct {
	Sequence  uint64 // in its stream
	Duplicate bool   // the broker had it already, within DuplicateWindow; Sequence is that of the first
}

// SubmitJob stores a job and waits for the broker's acknowledgement: once it
// returns nil, the job outlives a crash of broker and worker. It refuses what
// [EncodeJob] refuses, before anything is sent. (source, id) names the job:
// the same pair within DuplicateWindow is stored once, so a submission whose
// answer was lost can be repeated; a broker that starts again forgets the ids of
// jobs that were done meanwhile, and the worker's ledger then decides. An answer
// that does not come is asked for again (see [Bus.Health]). Other codes: site_invalid,
// stream_unavailable (also when the queue is full), bus_unreachable.
func (b *Bus) SubmitJob(ctx context.Context, site, source, id string, job Job, opts ...EventOption) (Ack, error) {
	subject, err := jobSubject(site, job.Priority)
	if err != nil {
		return Ack{}, err
	}
	data, err := EncodeJob(source, id, job, opts...)
	if err != nil {
		return Ack{}, err
	}
	return b.publish(ctx, "submit job", StreamJobs, subject, messageID(source, id), data, nil)
}

// PublishResult stores a result and waits for the broker's acknowledgement.
// The message id is r.Identity, so a repetition within DuplicateWindow is
// stored once; beyond the window it is for the caller to ask [Bus.FindResult]
// or a ledger first. Codes: site_invalid, result_invalid, message_too_large
// (the broker's max_payload, headers included), stream_unavailable,
// bus_unreachable.
func (b *Bus) PublishResult(ctx context.Context, site, source string, r Result, opts ...EventOption) (Ack, error) {
	return results.publish(ctx, b, "publish result", site, source, r.Identity, r, resultHeader(r), opts)
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
	return results.store(ctx, b, "publish result", site, r.Identity, event, resultHeader(r))
}

// ErrOvertaken says that a result was not stored because another one of its
// site was.
var ErrOvertaken = errors.New("another result of the site was stored before")

// PublishResultAfter is [Bus.PublishResultEvent] on the condition that last is
// the sequence of the newest result of the site (0: none is kept). Otherwise
// nothing is stored, and the error is [ErrOvertaken]: look for the identity
// among those that have come ([Bus.ResultIdentities]), and try again where it is
// not there. So a result is stored once by any number of workers.
func (b *Bus) PublishResultAfter(ctx context.Context, site string, event []byte, origin Origin, last uint64) (Ack, error) {
	_, r, err := DecodeResult(event)
	if err != nil {
		return Ack{}, err
	}
	subject, err := resultSubject(site)
	if err != nil {
		return Ack{}, err
	}
	return b.publish(ctx, "publish result", StreamResults, subject, r.Identity, event, origin.headers(resultHeader(r)),
		jetstream.WithExpectLastSequencePerSubject(last))
}

func resultHeader(r Result) nats.Header {
	return nats.Header{headerIdentity: {r.Identity}}
}

// PublishReview stores a decision and waits for the broker's acknowledgement.
func (b *Bus) PublishReview(ctx context.Context, site, source string, r Review, opts ...EventOption) (Ack, error) {
	return reviews.publish(ctx, b, "publish review", site, source, ReviewID(r), r, nil, opts)
}

// publish encodes and stores a message under its id.
func (k kind[T]) publish(ctx context.Context, b *Bus, op, site, source, id string, v T, header nats.Header, opts []EventOption) (Ack, error) {
	data, err := k.encode(source, id, v, opts...)
	if err != nil {
		return Ack{}, err
	}
	return k.store(ctx, b, op, site, id, data, header)
}

// store stores an encoded message under its id.
func (k kind[T]) store(ctx context.Context, b *Bus, op, site, id string, data []byte, header nats.Header) (Ack, error) {
	subject, err := k.subject(site)
	if err != nil {
		return Ack{}, err
	}
	return b.publish(ctx, op, k.stream, subject, id, data, header)
}

func (b *Bus) publish(ctx context.Context, op, stream, subject, id string, data []byte, header nats.Header, more ...jetstream.PublishOpt) (Ack, error) {
	more = append(more, jetstream.WithMsgID(id), jetstream.WithExpectStream(stream))
	if header == nil {
		header = nats.Header{}
	}
	header.Set(headerContentType, contentType)
	var event struct {
		TraceParent string `json:"traceparent"`
	}
	if json.Unmarshal(data, &event) == nil && validTraceParent(event.TraceParent) {
		header.Set(extTraceParent, event.TraceParent)
	}
	msg := &nats.Msg{Subject: subject, Data: data, Header: header}
	ack, err := call(ctx, b, op, func(ctx context.Context) (*jetstream.PubAck, error) {
		return b.js.PublishMsg(ctx, msg, more...)
	})
	var api *jetstream.APIError
	switch {
	case err == nil:
		return Ack{Sequence: ack.Sequence, Duplicate: ack.Duplicate}, nil
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return Ack{}, coded.New(CodeMessageTooLarge, op, "raise max_payload of the broker, or split the job", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrConnectionClosed):
		return Ack{}, coded.New(CodeUnreachable, op, "not acknowledged, so it may or may not be stored: send it again", err)
	case errors.As(err, &api) && (api.ErrorCode == wrongLast || api.ErrorCode == wrongLastInWork):
		return Ack{}, ErrOvertaken
	case errors.As(err, &api) && api.ErrorCode == beingStored:
		return Ack{}, coded.New(CodeUnreachable, op, "the broker is storing it at this moment: ask again", err)
	default:
		return Ack{}, coded.New(CodeStream, op, "not stored: is stream "+stream+" there, not full, and may we write to it?", err)
	}
}
