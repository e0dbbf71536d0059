package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/digest"
)

const (
	deadSource     = "/nodulescope/bus"
	maxDeadHeaders = 16 << 10
	maxDeadMessage = 1024
)

// Dead puts the job aside for good: a copy with code and message goes to DEAD,
// and only when the broker has confirmed it is the job taken from the queue,
// with code as the reason. At every moment the job is in one of the two. A job
// that comes again after a crash between the two steps is not put aside twice.
// message is for people; it must name no patient.
func (d *Delivery) Dead(ctx context.Context, code Code, message string) error {
	const op = "put job aside"
	letter := d.letter(code, message)
	if err := d.storeLetter(ctx, op, d.letterID(letter), letter); err != nil {
		return err
	}
	if err := d.term(ctx, string(code)); err != nil {
		return coded.New(CodeUnreachable, op, "it is in "+StreamDead+" and will be delivered again from "+StreamJobs, err)
	}
	d.stopHeartbeats()
	return nil
}

func (d *Delivery) letter(code Code, message string) Dead {
	message = strings.ToValidUTF8(message[:min(len(message), maxDeadMessage)], "")
	env, _, _ := decode("read job id", TypeJob, d.Data) // a refused job may still tell its id
	return Dead{
		Code: string(code), Message: message, Subject: d.Subject, Sequence: d.Sequence, JobID: env.ID,
		Digest: digest.Of(d.Data), Size: len(d.Data), Payload: d.Data[:min(len(d.Data), maxDeadBytes)],
		Headers: keepHeaders(d.Headers), Time: time.Now().UTC(),
	}
}

// letterID is the same for every delivery of one message, and another for any
// other message, also in a stream that was made anew.
func (d *Delivery) letterID(letter Dead) string {
	return messageID(StreamJobs, fmt.Sprint(d.Sequence), fmt.Sprint(d.Stored.UnixNano()), letter.Digest)
}

// storeLetter publishes once: within the duplicate window by id, and where the
// job was delivered before, by looking.
func (d *Delivery) storeLetter(ctx context.Context, op, id string, letter Dead) error {
	b, site := d.queue.bus, d.queue.site
	if d.NumDelivered > 1 {
		_, there, err := letters.find(ctx, b, op, site, nats.MsgIdHdr, id, scanStart{time: d.Stored})
		if err != nil || there {
			return err
		}
	}
	_, err := letters.publish(ctx, b, op, site, deadSource, id, letter, nil, nil)
	return err
}

// keepHeaders copies whole headers as far as they fit.
func keepHeaders(headers map[string][]string) map[string][]string {
	kept, room := map[string][]string{}, maxDeadHeaders
	for name, values := range headers {
		size := len(name)
		for _, v := range values {
			size += len(v)
		}
		if size <= room {
			room -= size
			kept[name] = values
		}
	}
	return kept
}

// DeadLetter is a message of DEAD.
type DeadLetter struct {
	Dead
	Site     string
	LetterAt uint64 // sequence in DEAD: what [Bus.Replay] takes
}

// DeadOptions says which letters are listed.
type DeadOptions struct {
	FromSeq uint64 // in DEAD, 0: all that are kept
	Limit   int    // 0: 1000
}

// DeadLetters lists what a site could not score, oldest first. What is in the
// stream but is no letter of this schema is logged and left out.
func (b *Bus) DeadLetters(ctx context.Context, site string, opts DeadOptions) ([]DeadLetter, error) {
	limit := cmp.Or(opts.Limit, 1000)
	var list []DeadLetter
	err := letters.each(ctx, b, site, opts.FromSeq, func(env Envelope, dead Dead) error {
		if len(list) >= limit {
			return ErrStop
		}
		list = append(list, DeadLetter{Dead: dead, Site: site, LetterAt: env.Sequence})
		return nil
	})
	return list, err
}

// Replay puts the message of a dead letter into JOBS again, byte for byte,
// under a message id of its own; the letter stays. seq is its sequence in
// DEAD. A message that was not kept whole (over 64 KiB) or was changed is
// refused with code not_replayable: submit that job again. Replaying one
// letter twice within DuplicateWindow gives one job.
func (b *Bus) Replay(ctx context.Context, site string, seq uint64) (Ack, error) {
	const op = "replay dead letter"
	subject, err := deadSubject(site)
	if err != nil {
		return Ack{}, err
	}
	stream, err := b.stream(ctx, StreamDead)
	if err != nil {
		return Ack{}, coded.New(CodeStream, op, "stream "+StreamDead, err)
	}
	raw, err := b.message(ctx, stream, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && raw.Subject != subject {
		return Ack{}, coded.New(CodeNotReplayable, op, "no dead letter of this site has this number", nil)
	}
	if err != nil {
		return Ack{}, coded.New(CodeStream, op, "stream "+StreamDead, err)
	}
	_, dead, err := letters.decode(raw.Data)
	if err != nil {
		return Ack{}, coded.New(CodeNotReplayable, op, "the dead letter cannot be read", err)
	}
	jobSite, _, ok := parseJobSubject(dead.Subject)
	switch {
	case !ok || jobSite != site:
		return Ack{}, coded.New(CodeNotReplayable, op, "the dead letter does not come from the jobs of this site", nil)
	case dead.Size != len(dead.Payload):
		return Ack{}, coded.New(CodeNotReplayable, op,
			fmt.Sprintf("only %d of %d bytes were kept: submit the job again", len(dead.Payload), dead.Size), nil)
	case dead.Digest != digest.Of(dead.Payload):
		return Ack{}, coded.New(CodeNotReplayable, op, "the digest does not match the stored job", nil)
	}
	return b.publish(ctx, op, StreamJobs, dead.Subject, messageID("replay", site, fmt.Sprint(seq), raw.Time.String()), dead.Payload, nil)
}
