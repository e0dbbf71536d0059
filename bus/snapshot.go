package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// RestoreSnapshot makes a stream of its copy, which must not be there. Messages
// have the numbers that they had; the stream counts as made now. The copy must be
// whole: see that before. Code: stream_unavailable.
func (b *Bus) RestoreSnapshot(ctx context.Context, s Snapshot, r io.Reader) error {
	const op = "restore stream"
	fail := func(err error) error { return coded.New(CodeStream, op, "stream "+s.Stream, err) }
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
		answer, sendErr := b.send(ctx, where.Subject, chunk[:n])
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
		return fail(errors.Join(fmt.Errorf("it has %d messages of %d", have, want), err))
	}
	return nil
}

func (b *Bus) send(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
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
	answer, err := b.send(ctx, jetstream.DefaultAPIPrefix+what, text)
	if err != nil {
		return err
	}
	return readAnswer(answer.Data, into)
}

func readAnswer(data []byte, into any) error {
	var refusal struct {
		Error *struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(data, &refusal); err != nil {
		return err
	}
	if refusal.Error != nil {
		return fmt.Errorf("refused with %d: %s", refusal.Error.Code, refusal.Error.Description)
	}
	return json.Unmarshal(data, into)
}
