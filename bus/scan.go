package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// scanStart says where a scan begins: a sequence, or a time where set.
type scanStart struct {
	sequence    uint64
	time        time.Time
	headersOnly bool
}

// scan gives the messages of a subject that are in a stream now to fn, in
// order, each once. It returns nil only when all were seen or fn returned
// [ErrStop]: what was lost on the way is an error, never a message that seems
// not to be there.
func (b *Bus) scan(ctx context.Context, op, stream, subject string, from scanStart, fn func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	fail := func(err error) error {
		return coded.New(CodeStream, op, "stream "+stream+" could not be read to its end", err)
	}
	cfg := jetstream.ConsumerConfig{
		FilterSubject: subject, AckPolicy: jetstream.AckNonePolicy, HeadersOnly: from.headersOnly,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from.sequence, 1),
	}
	if !from.time.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &from.time
	}
	c, err := call(ctx, b, "read stream "+stream, func(ctx context.Context) (jetstream.Consumer, error) {
		return b.js.CreateConsumer(ctx, stream, cfg)
	})
	if err != nil {
		return fail(err)
	}
	defer b.dropConsumer(ctx, stream, c.CachedInfo().Name)
	pending := c.CachedInfo().NumPending
	for seen := uint64(0); pending > 0; {
		if err := ctx.Err(); err != nil {
			return fail(err)
		}
		batch, err := c.Fetch(int(min(pending, 256)), jetstream.FetchMaxWait(2*time.Second))
		if err != nil {
			return fail(err)
		}
		before := seen
		for msg := range batch.Messages() {
			meta, err := msg.Metadata()
			if err != nil {
				return fail(err)
			}
			if seen++; meta.Sequence.Consumer != seen {
				return fail(errors.New("a message was lost on the way"))
			}
			pending = meta.NumPending
			if err := fn(msg, meta); err != nil {
				if errors.Is(err, ErrStop) {
					return nil
				}
				return err
			}
		}
		if err := batch.Error(); err != nil {
			return fail(err)
		}
		if seen == before { // nothing came: did messages leave the stream meanwhile?
			info, err := call(ctx, b, "read stream "+stream, c.Info)
			if err != nil {
				return fail(err)
			}
			if info.Delivered.Consumer != seen {
				return fail(errors.New("messages were lost on the way"))
			}
			pending = info.NumPending
		}
	}
	return nil
}

// dropConsumer removes a consumer early; the broker does so anyway when it is
// not used.
func (b *Bus) dropConsumer(ctx context.Context, stream, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := b.js.DeleteConsumer(ctx, stream, name); err != nil {
		b.log.Debug("consumer not removed", "stream", stream, "error", err)
	}
}
