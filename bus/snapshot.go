package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// Snapshot describes the copy of a stream that [Bus.Snapshot] has written.
type Snapshot struct {
	Stream string          `json:"stream"`
	Config json.RawMessage `json:"config"` // as the broker gave it, and wants it back
	State  json.RawMessage `json:"state"`
}

// Messages is how many messages the copy holds.
func (s Snapshot) Messages() (n uint64, err error) {
	var state struct {
		Messages uint64 `json:"messages"`
	}
	err = json.Unmarshal(s.State, &state)
	return state.Messages, err
}

const (
	snapshotChunk = 128 << 10
	snapshotWait  = 20 * time.Second // for one chunk
	restoreWait   = 10 * time.Minute // for the end of a restore
)

// Snapshot writes a copy of a stream to w as it is at one moment, with its
// consumers, in the format of the broker. Every message's checksum is looked at
// first. Code: stream_unavailable.
func (b *Bus) Snapshot(ctx context.Context, stream string, w io.Writer) (Snapshot, error) {
	const op = "copy stream"
	fail := func(err error) (Snapshot, error) {
		return Snapshot{}, coded.New(CodeStream, op, "stream "+stream, err)
	}
	chunks, err := b.nc.SubscribeSync(b.nc.NewInbox())
	if err != nil {
		return fail(err)
	}
	defer func() { _ = chunks.Unsubscribe() }() // the connection may be gone
	made := Snapshot{Stream: stream}
	request := map[string]any{"deliver_subject": chunks.Subject, "jsck": true, "chunk_size": snapshotChunk}
	if err := b.ask(ctx, "STREAM.SNAPSHOT."+stream, request, &made); err != nil {
		return fail(err)
	}
	for {
		chunk, err := nextChunk(ctx, chunks)
		if err != nil {
			return fail(err)
		}
		if len(chunk.Data) == 0 {
			if status := chunk.Header.Get("Status"); status != "" && status != "204" {
				return fail(fmt.Errorf("the broker ended it: %s %s", status, chunk.Header.Get("Description")))
			}
			return made, nil
		}
		if _, err := w.Write(chunk.Data); err != nil {
			return fail(err)
		}
		if chunk.Reply != "" {
			if err := chunk.Respond(nil); err != nil {
				return fail(err)
			}
		}
	}
}

func nextChunk(ctx context.Context, chunks *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	return chunks.NextMsgWithContext(ctx)
}

// ErrSnapshotRefused says that a broker, which answered and has the room, cannot make a
// stream of a copy: the copy is bad.
var ErrSnapshotRefused = errors.New("the broker refuses the copy")

// RestoreSnapshot makes a stream of its copy, which must not be there. Messages
// have the numbers that they had; the stream counts as made now. The copy must be
// whole: see that before. Code: stream_unavailable; the error is also
// [ErrSnapshotRefused] where it is the copy's fault.
//
// A server gives up where one part of the copy takes it longer than 5 s to store, which a
// slow disk does that is synced at every message: see ServerOptions.SyncLater.
func (b *Bus) RestoreSnapshot(ctx context.Context, s Snapshot, r io.Reader) error {
	const op = "restore stream"
	fail := func(err error) error {
		if refused := (*refusal)(nil); errors.As(err, &refused) && refused.damage() {
			err = errors.Join(ErrSnapshotRefused, err)
		}
		return coded.New(CodeStream, op, "stream "+s.Stream, err)
	}
	var where struct {
		Subject string `json:"deliver_subject"`
	}
	if err := b.ask(ctx, "STREAM.RESTORE."+s.Stream, map[string]any{"config": s.Config, "state": s.State}, &where); err != nil {
		return fail(err)
	}
	chunk := make([]byte, snapshotChunk)
	for {
		n, err := io.ReadFull(r, chunk)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fail(err)
		}
		wait := snapshotWait
		if n == 0 { // it answers when all is stored
			wait = restoreWait
		}
		answer, sendErr := b.send(ctx, wait, where.Subject, chunk[:n])
		if sendErr != nil {
			return fail(sendErr)
		}
		if n == 0 || len(answer.Data) > 0 { // the end, or a refusal
			return b.restored(s, answer.Data, fail)
		}
	}
}

// restored reads what the broker says at the end.
func (b *Bus) restored(s Snapshot, answer []byte, fail func(error) error) error {
	var told struct {
		State json.RawMessage `json:"state"`
	}
	if err := readAnswer(answer, &told); err != nil {
		return fail(err)
	}
	want, err := s.Messages()
	if err != nil {
		return fail(err)
	}
	if have, err := (Snapshot{State: told.State}).Messages(); err != nil || have != want {
		return fail(errors.Join(ErrSnapshotRefused, fmt.Errorf("it has %d messages of %d", have, want), err))
	}
	return nil
}

func (b *Bus) send(ctx context.Context, wait time.Duration, subject string, data []byte) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return b.nc.RequestWithContext(ctx, subject, data)
}

// ask makes a request of the broker's API that its client does not have. The
// broker is one without domains.
func (b *Bus) ask(ctx context.Context, what string, request, into any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	answer, err := b.send(ctx, snapshotWait, jetstream.DefaultAPIPrefix+what, text)
	if err != nil {
		return err
	}
	return readAnswer(answer.Data, into)
}

// refusal is an error that the broker answers with.
type refusal struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (r *refusal) Error() string { return fmt.Sprintf("refused with %d: %s", r.Code, r.Description) }

// What the broker answers where it cannot make a stream of a copy, for whatever reason,
// with words that tell where the reason is the disk or that it took too long; and where
// the stream is there.
const restoreFailed, restoredBefore = 10062, 10130

var restoreTrouble = []string{"no space left", "input/output error", "disk quota", "too many open files", "stalled", "insufficient", "timeout"}

// damage tells whether the copy is why: a configuration that is none is a bad request.
func (r *refusal) damage() bool {
	return r.Code == 400 && r.ErrCode != restoredBefore || r.ErrCode == restoreFailed && !slices.ContainsFunc(restoreTrouble, func(t string) bool { return strings.Contains(r.Description, t) })
}

func readAnswer(data []byte, into any) error {
	var told struct {
		Error *refusal `json:"error"`
	}
	if err := json.Unmarshal(data, &told); err != nil {
		return err
	}
	if told.Error != nil {
		return told.Error
	}
	return json.Unmarshal(data, into)
}
