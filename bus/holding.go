package bus

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Streams are the names of all streams.
func Streams() []string { return []string{StreamJobs, StreamResults, StreamReviews, StreamDead} }

// Holding is what a stream, of all sites, holds: noted while all is well, it
// tells later what is gone.
type Holding struct {
	Created  time.Time `json:"created"` // when the stream was made: another time means other sequences
	First    uint64    `json:"first"`   // sequences of the oldest and the newest message
	Last     uint64    `json:"last"`
	Messages uint64    `json:"messages"`
	Deleted  []uint64  `json:"deleted,omitempty"` // sequences in between that are gone, rising

	// Sparse tells that more is missing in between than can be listed, which no
	// stream of ours comes to but by damage: Deleted is then empty, and which
	// messages are there is not known.
	Sparse bool `json:"sparse,omitempty"`

	// Drops tells that the stream lets go of its oldest messages now: it is
	// full, or has an age limit.
	Drops bool `json:"drops,omitempty"`

	Seen time.Time `json:"seen,omitzero"` // when, by the broker's clock
}

// maxDeleted is how many missing sequences are listed.
const maxDeleted = 1 << 20

// Has tells whether a message is there, as far as the broker knows.
func (h Holding) Has(sequence uint64) bool {
	if sequence < h.First || sequence > h.Last || h.Messages == 0 {
		return false
	}
	_, gone := slices.BinarySearch(h.Deleted, sequence)
	return !gone
}

// Gone lists what was there at h, or came after it, and is not there now, in
// the same stream, 2^20 at most: more is what a damaged number says. What the
// stream dropped by its limits is not among them.
func (h Holding) Gone(now Holding) (sequences []uint64) {
	if h.Sparse || now.Sparse {
		return nil
	}
	from := max(h.First, 1)
	if now.Drops {
		from = max(from, now.First)
	}
	if h.Messages == 0 { // of what is before its end nothing was there
		from = max(from, h.Last+1)
	}
	last := min(max(h.Last, now.Last), math.MaxUint64-1)
	if last-min(h.Last, last) > maxDeleted { // a damaged number: so many cannot have come
		last = h.Last
	}
	missing := func(first, last uint64) {
		for s := max(first, from); s <= last && len(sequences) < maxDeleted; s++ {
			if s > h.Last || h.Has(s) {
				sequences = append(sequences, s)
			}
		}
	}
	if now.Messages == 0 {
		missing(from, last)
		return sequences
	}
	missing(from, min(now.First-1, last))
	for _, s := range now.Deleted {
		missing(s, s)
	}
	if now.Last < last {
		missing(now.Last+1, last)
	}
	return sequences
}

// Holding asks what a stream holds. Code: stream_unavailable.
func (b *Bus) Holding(ctx context.Context, stream string) (Holding, error) {
	s, err := b.stream(ctx, stream)
	if err != nil {
		return Holding{}, coded.New(CodeStream, "read state of stream", "stream "+stream, err)
	}
	info := s.CachedInfo()
	sparse := info.State.NumDeleted > maxDeleted || info.State.NumDeleted < 0
	if info.State.NumDeleted > 0 && !sparse { // the server would list as many as a damaged number says
		info, err = call(ctx, b, "read state of stream", func(ctx context.Context) (*jetstream.StreamInfo, error) {
			return s.Info(ctx, jetstream.WithDeletedDetails(true))
		})
		if err != nil {
			return Holding{}, coded.New(CodeStream, "read state of stream", "stream "+stream, err)
		}
	}
	st, cfg := info.State, info.Config
	slices.Sort(st.Deleted)
	full := cfg.MaxBytes > 0 && int64(st.Bytes)+int64(max(cfg.MaxMsgSize, 0)) >= cfg.MaxBytes || cfg.MaxMsgs > 0 && int64(st.Msgs) >= cfg.MaxMsgs
	return Holding{
		Created: info.Created, First: st.FirstSeq, Last: st.LastSeq, Messages: st.Msgs, Deleted: st.Deleted, Sparse: sparse,
		Seen:  info.TimeStamp,
		Drops: cfg.Discard == jetstream.DiscardOld && (full || cfg.MaxAge > 0),
	}, nil
}

// Unreadable reads every message that h names and lists those that the broker
// cannot give, although it counts them: their bytes were damaged. One that left
// the stream meanwhile is not among them.
func (b *Bus) Unreadable(ctx context.Context, stream string, h Holding) (sequences []uint64, err error) {
	const op = "read through stream"
	s, err := b.stream(ctx, stream)
	if err != nil {
		return nil, coded.New(CodeStream, op, "stream "+stream, err)
	}
	for sequence := h.First; sequence <= h.Last && h.Messages > 0 && !h.Sparse; sequence++ {
		if !h.Has(sequence) {
			continue
		}
		_, err := b.message(ctx, s, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			sequences = append(sequences, sequence)
		} else if err != nil {
			return nil, coded.New(CodeStream, op, "stream "+stream, err)
		}
	}
	if len(sequences) == 0 {
		return nil, nil
	}
	now, err := b.Holding(ctx, stream)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(sequences, func(s uint64) bool { return !now.Has(s) }), nil
}

// Remove takes messages out of a stream that cannot be read.
func (b *Bus) Remove(ctx context.Context, stream string, sequences []uint64) error {
	const op = "remove damaged message"
	s, err := b.stream(ctx, stream)
	if err != nil {
		return coded.New(CodeStream, op, "stream "+stream, err)
	}
	for _, sequence := range sequences {
		err := b.run(ctx, op, func(ctx context.Context) error { return s.DeleteMsg(ctx, sequence) })
		if err != nil && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			return coded.New(CodeStream, op, "stream "+stream, err)
		}
	}
	return nil
}

// Reconnects counts how often the connection was lost and made again: what was
// known of the broker before may no longer hold.
func (b *Bus) Reconnects() uint64 { return b.nc.Stats().Reconnects }
