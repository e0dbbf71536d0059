package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/coded"
)

// ErrStop is what the function of [Bus.FollowResults] returns to end it
// without an error.
var ErrStop = errors.New("stop following")

// LastResultSeq returns the sequence of the newest result of any site, 0 where
// there was none: where to look on from, later, with [Bus.FindResult].
func (b *Bus) LastResultSeq(ctx context.Context) (uint64, error) { return results.last(ctx, b) }

// ResultsEnd tells when RESULTS was made and the sequence of its newest message,
// of any site: another time means other sequences. It costs the same however many
// messages have left the stream; see [Bus.Holding] for these. Code:
// stream_unavailable.
func (b *Bus) ResultsEnd(ctx context.Context) (made time.Time, last uint64, err error) {
	s, err := b.stream(ctx, StreamResults)
	if err != nil {
		return time.Time{}, 0, coded.New(CodeStream, "read state of stream", "stream "+StreamResults, err)
	}
	info := s.CachedInfo()
	return info.Created, info.State.LastSeq, nil
}

// FindResult looks for a result by its identity among those from sequence
// fromSeq on (0: all that are kept). It reads headers only. A worker asks it
// after a crash whether the result was stored before the crash, which the
// broker's duplicate window does not tell after two minutes.
func (b *Bus) FindResult(ctx context.Context, site, identity string, fromSeq uint64) (seq uint64, found bool, err error) {
	return results.find(ctx, b, "find result", site, headerIdentity, identity, scanStart{sequence: fromSeq})
}

// ResultIdentities gives identity and sequence of the results of a site from
// sequence fromSeq on to fn, in order, and returns when all that are there now
// were seen. It reads headers only.
func (b *Bus) ResultIdentities(ctx context.Context, site string, fromSeq uint64, fn func(identity string, sequence uint64) error) error {
	subject, err := resultSubject(site)
	if err != nil {
		return err
	}
	return b.scan(ctx, "read results", StreamResults, subject, scanStart{sequence: fromSeq, headersOnly: true},
		func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
			return fn(m.Headers().Get(headerIdentity), meta.Sequence.Stream)
		})
}

// StoredResult is a result as it lies in RESULTS.
type StoredResult struct {
	Sequence uint64
	Identity string
	Event    []byte // the message
	Origin   Origin
}

// StoredResults gives the results of a site, oldest first, to fn, and returns
// when all that are there now were seen or fn returned [ErrStop].
func (b *Bus) StoredResults(ctx context.Context, site string, fn func(StoredResult) error) error {
	subject, err := resultSubject(site)
	if err != nil {
		return err
	}
	return b.scan(ctx, "read results", StreamResults, subject, scanStart{}, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		h := m.Headers()
		return fn(StoredResult{
			Sequence: meta.Sequence.Stream, Identity: h.Get(headerIdentity), Event: m.Data(),
			Origin: Origin{URI: h.Get(headerURI), Priority: h.Get(headerPriority)},
		})
	})
}

// ResultAt reads the result at a sequence of RESULTS; there is false where it
// has left the stream. A message that is no result of this schema is there,
// and r is then zero.
func (b *Bus) ResultAt(ctx context.Context, sequence uint64) (env Envelope, r Result, there bool, err error) {
	env, r, err = b.GetResult(ctx, sequence)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return env, r, false, nil
	case err != nil && CodeOf(err) != CodeStream && CodeOf(err) != CodeUnreachable:
		return env, Result{}, true, nil
	}
	return env, r, err == nil, err
}

// NewestResult is the sequence of the newest result of a site that is kept, 0
// where there is none.
func (b *Bus) NewestResult(ctx context.Context, site string) (uint64, error) {
	const op = "read newest result"
	subject, err := resultSubject(site)
	if err != nil {
		return 0, err
	}
	s, err := b.stream(ctx, StreamResults)
	if err != nil {
		return 0, coded.New(CodeStream, op, "stream "+StreamResults, err)
	}
	raw, err := call(ctx, b, op, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return s.GetLastMsgForSubject(ctx, subject)
	})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return 0, nil
	case err != nil:
		return 0, coded.New(CodeStream, op, "stream "+StreamResults, err)
	}
	return raw.Sequence, nil
}

// FollowOptions says from where results are followed. The first that is set
// counts; with none, only results that come from now on are seen.
type FollowOptions struct {
	FromStart bool
	FromSeq   uint64 // see [Bus.LastResultSeq], plus 1
	Since     time.Time
}

// FollowResults calls fn with each result of a site ("" for all sites), in
// order, each once, until ctx ends (it returns its error) or fn returns an
// error ([ErrStop] becomes nil). It outlasts restarts of the broker. What is
// in the stream but is no result of this schema is logged and left out.
func (b *Bus) FollowResults(ctx context.Context, site string, opts FollowOptions, fn func(Envelope, Result) error) error {
	subject := subjectPrefix + "result.*"
	if site != "" {
		var err error
		if subject, err = resultSubject(site); err != nil {
			return err
		}
	}
	cfg := jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverAllPolicy}
	switch {
	case opts.FromStart:
	case opts.FromSeq > 0:
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, opts.FromSeq
	case !opts.Since.IsZero():
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &opts.Since
	default:
		// By sequence rather than "new": what comes while the consumer is made
		// anew after a loss would be missed.
		last, err := b.LastResultSeq(ctx)
		if err != nil {
			return err
		}
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, last+1
	}
	made, err := b.made(ctx)
	if err != nil {
		return err
	}
	started, told := false, false
	for {
		last, err := b.followOnce(ctx, cfg, made, fn)
		var lost *lostError
		if !errors.As(err, &lost) {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
		if remade, err := b.made(ctx); err == nil && !remade.Equal(made) { // its numbers begin anew
			made, last = remade, 0
			cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = jetstream.DeliverAllPolicy, 0, nil
		}
		if last > 0 {
			cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = jetstream.DeliverByStartSequencePolicy, last+1, nil
		}
		if b.nc.IsClosed() || lost.opening && !started {
			return coded.New(CodeStream, "follow results", "stream "+StreamResults, lost.cause)
		}
		started = true
		if !told {
			b.log.Warn("results interrupted, going on", "error", lost.cause)
		}
		told = last == 0
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reconnectWait):
		}
	}
}

// lostError is a failure of the broker or the connection, not of the caller.
type lostError struct {
	cause   error
	opening bool
}

func (e *lostError) Error() string { return e.cause.Error() }

// made is when RESULTS was made.
func (b *Bus) made(ctx context.Context) (time.Time, error) {
	s, err := b.stream(ctx, StreamResults)
	if err != nil {
		return time.Time{}, coded.New(CodeStream, "follow results", "stream "+StreamResults, err)
	}
	return s.CachedInfo().Created, nil
}

// errRemade says that RESULTS is another stream than it was.
var errRemade = errors.New("the stream was made anew")

// remadeCheck is between two looks at whether RESULTS is still the same: the
// client waits without end for numbers that another one does not have.
const remadeCheck = 5 * time.Second

// whileSame ends ctx with errRemade where RESULTS is not the one made then.
func (b *Bus) whileSame(ctx context.Context, made time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		for backoff.Wait(ctx, remadeCheck) == nil {
			if now, err := b.made(ctx); err == nil && !now.Equal(made) {
				cancel(errRemade)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// followOnce follows until something ends it; last is the last sequence seen.
func (b *Bus) followOnce(ctx context.Context, cfg jetstream.OrderedConsumerConfig, made time.Time, fn func(Envelope, Result) error) (last uint64, err error) {
	cons, err := call(ctx, b, "follow results", func(ctx context.Context) (jetstream.Consumer, error) {
		return b.js.OrderedConsumer(ctx, StreamResults, cfg)
	})
	if err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, &lostError{cause: err, opening: true}
	}
	iter, err := cons.Messages()
	if err != nil {
		return 0, &lostError{cause: err}
	}
	defer iter.Stop()
	same, cancel := b.whileSame(ctx, made)
	defer cancel()
	for {
		msg, err := iter.Next(jetstream.NextContext(same))
		if ctx.Err() != nil {
			return last, ctx.Err()
		}
		if err != nil {
			return last, &lostError{cause: errors.Join(err, context.Cause(same))}
		}
		meta, err := msg.Metadata()
		if err != nil {
			return last, &lostError{cause: err}
		}
		last = meta.Sequence.Stream
		env, result, ok := results.understood(b, msg.Data(), last)
		if !ok {
			continue
		}
		if err := fn(env, result); err != nil {
			return last, err
		}
	}
}
