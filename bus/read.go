package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// last is the sequence of the newest message of this kind, of any site; 0 where
// there was none.
func (k kind[T]) last(ctx context.Context, b *Bus) (uint64, error) {
	s, err := b.stream(ctx, k.stream)
	if err != nil {
		return 0, coded.New(CodeStream, "read last "+k.name, "stream "+k.stream, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

// find looks for a message of a site by the value of a header, among those
// from a place on. It reads headers only.
func (k kind[T]) find(ctx context.Context, b *Bus, op, site, header, value string, from scanStart) (seq uint64, found bool, err error) {
	subject, err := k.subject(site)
	if err != nil {
		return 0, false, err
	}
	from.headersOnly = true
	err = b.scan(ctx, op, k.stream, subject, from, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		if m.Headers().Get(header) != value {
			return nil
		}
		seq, found = meta.Sequence.Stream, true
		return ErrStop
	})
	if err != nil {
		return 0, false, err
	}
	return seq, found, nil
}

// each gives the messages of a site from sequence fromSeq on (0: all that are
// kept) to fn, in order, and returns when all that are there now were seen or
// fn returned [ErrStop]. What is in the stream but is no message of this schema
// is logged and left out.
func (k kind[T]) each(ctx context.Context, b *Bus, site string, fromSeq uint64, fn func(Envelope, T) error) error {
	subject, err := k.subject(site)
	if err != nil {
		return err
	}
	return b.scan(ctx, "list "+k.name+"s", k.stream, subject, scanStart{sequence: fromSeq}, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		env, v, ok := k.understood(b, m.Data(), meta.Sequence.Stream)
		if !ok {
			return nil
		}
		return fn(env, v)
	})
}

// understood decodes a message of a stream; one that cannot be is logged.
func (k kind[T]) understood(b *Bus, data []byte, seq uint64) (Envelope, T, bool) {
	env, v, err := k.decode(data)
	if err != nil {
		b.log.Warn(k.name+" not understood, left out", "sequence", seq, "error", err)
	}
	env.Sequence = seq
	return env, v, err == nil
}
