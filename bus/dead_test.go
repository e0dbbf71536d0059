package bus

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/internal/digest"
)

func allLetters(t *testing.T, b *Bus) []DeadLetter {
	t.Helper()
	l, err := b.DeadLetters(testContext(t), "site", DeadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func send(t *testing.T, b *Bus, data []byte, header nats.Header) {
	t.Helper()
	_, err := b.js.PublishMsg(testContext(t), &nats.Msg{Subject: "nodule.v1.job.site.routine", Data: data, Header: header})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeadKeepsAJobWithItsReason(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	q := openQueue(t, b, "site")
	data := jobText("1.2.3", "")
	send(t, b, data, nats.Header{"Traceparent": {"x"}, "Huge": {strings.Repeat("y", 20<<10)}})
	d := next(t, q)
	stop := d.KeepAlive(testContext(t))
	defer stop()
	if err := d.Dead(testContext(t), CodeJobInvalid, "series_uid is missing"); err != nil {
		t.Fatal(err)
	}
	if n := jobsLeft(t, b); n != 0 {
		t.Errorf("%d jobs left", n)
	}
	none(t, q, time.Second)
	got := allLetters(t, b)
	if len(got) != 1 {
		t.Fatalf("%d letters", len(got))
	}
	l := got[0]
	if l.Code != "job_invalid" || l.Message != "series_uid is missing" || l.Subject != d.Subject || l.Sequence != d.Sequence ||
		l.JobID != "7" || l.Size != len(data) || !bytes.Equal(l.Payload, data) || l.Digest != digest.Of(data) ||
		l.Headers["Traceparent"][0] != "x" || l.Headers["Huge"] != nil || l.LetterAt != 1 || l.Site != "site" {
		t.Errorf("%+v", l)
	}
}

// The advisory of the end of a job must find the letter there already: at
// every moment the job is in one stream or in both.
func TestDeadIsStoredBeforeTheJobEnds(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	q := openQueue(t, b, "site")
	advisories := make(chan *nats.Msg, 1)
	sub, err := b.nc.ChanSubscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.JOBS.>", advisories)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	send(t, b, []byte("no JSON"), nil)
	d := next(t, q)

	// Without DEAD the letter cannot be stored, and the job must stay.
	if err := b.js.DeleteStream(testContext(t), StreamDead); err != nil {
		t.Fatal(err)
	}
	if err := d.Dead(testContext(t), CodeNotJSON, ""); err == nil {
		t.Fatal("no error without DEAD")
	}
	if n := jobsLeft(t, b); n != 1 {
		t.Fatalf("%d jobs left, the message is lost", n)
	}
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := next(t, q).Dead(testContext(t), CodeNotJSON, "not JSON"); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-advisories:
		if !bytes.Contains(m.Data, []byte(`"reason":"not_json"`)) {
			t.Errorf("no reason: %s", m.Data)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no advisory")
	}
	if n := len(allLetters(t, b)); n != 1 || jobsLeft(t, b) != 0 {
		t.Errorf("%d letters, %d jobs", n, jobsLeft(t, b))
	}
}

// A worker that dies between the two steps leaves a letter and a job. The next
// one must not write a second letter, also after the duplicate window.
func TestDeadOnceAfterACrash(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	c := config(t, b, StreamDead)
	c.Duplicates = 100 * time.Millisecond
	if _, err := b.js.UpdateStream(testContext(t), c); err != nil {
		t.Fatal(err)
	}
	q := openQueue(t, b, "site")
	send(t, b, []byte("no JSON"), nil)
	d := next(t, q)
	letter := d.letter(CodeNotJSON, "")
	if err := d.storeLetter(testContext(t), "test", d.letterID(letter), letter); err != nil {
		t.Fatal(err)
	}
	// Here it died. AckWait and the window pass.
	again := next(t, q)
	if again.NumDelivered != 2 {
		t.Fatalf("delivered %d times", again.NumDelivered)
	}
	if err := again.Dead(testContext(t), CodeNotJSON, ""); err != nil {
		t.Fatal(err)
	}
	if n := len(allLetters(t, b)); n != 1 || jobsLeft(t, b) != 0 {
		t.Errorf("%d letters, %d jobs", n, jobsLeft(t, b))
	}
	// The same bytes again are another message.
	send(t, b, []byte("no JSON"), nil)
	if err := next(t, q).Dead(testContext(t), CodeNotJSON, ""); err != nil {
		t.Fatal(err)
	}
	if n := len(allLetters(t, b)); n != 2 {
		t.Errorf("%d letters", n)
	}
}

func TestReplay(t *testing.T) {
	b := newBus(t)
	q := openQueue(t, b, "site")
	ack := submit(t, b, "site", "1", sampleJob(1))
	d := next(t, q)
	checktest.Must(t, d.Dead(testContext(t), CodeRetriesExhausted, "the folder was not there"))
	first, err := b.Replay(testContext(t), "site", 1)
	if err != nil || first.Duplicate || first.Sequence == ack.Sequence {
		t.Fatal(first, err)
	}
	if again, err := b.Replay(testContext(t), "site", 1); err != nil || !again.Duplicate {
		t.Error(again, err)
	}
	back := next(t, q)
	if !bytes.Equal(back.Data, d.Data) || back.Subject != d.Subject || back.NumDelivered != 1 {
		t.Error("not the same job")
	}
	checktest.Must(t, back.Done(testContext(t)))
	if n := len(allLetters(t, b)); n != 1 {
		t.Errorf("%d letters", n)
	}
}

func TestReplayRefuses(t *testing.T) {
	b := newBus(t)
	q := openQueue(t, b, "site")
	send(t, b, make([]byte, MaxJobBytes+1), nil)
	if err := next(t, q).Dead(testContext(t), CodeJobTooLarge, ""); err != nil {
		t.Fatal(err)
	}
	if l := allLetters(t, b)[0]; l.Size != MaxJobBytes+1 || len(l.Payload) != maxDeadBytes {
		t.Errorf("size %d, kept %d", l.Size, len(l.Payload))
	}
	data, err := letters.encode("/x", "1", Dead{Code: "c", Subject: "nodule.v1.job.site.stat", Size: 1, Payload: []byte("x"), Digest: "sha256:0"})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := letters.encode("/x", "1", Dead{Code: "c", Subject: "nodule.v1.job.other.stat", Size: 1, Payload: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range [][]byte{data, foreign, []byte("no letter")} {
		if _, err := b.js.Publish(testContext(t), "nodule.v1.dead.site", m, jetstream.WithExpectStream(StreamDead)); err != nil {
			t.Fatal(err)
		}
	}
	for seq := range uint64(6) { // cut, changed, of another site, no letter, missing
		if _, err := b.Replay(testContext(t), "site", seq+1); CodeOf(err) != CodeNotReplayable {
			t.Errorf("letter %d: %v", seq+1, err)
		}
	}
	if _, err := b.Replay(testContext(t), "other", 1); CodeOf(err) != CodeNotReplayable {
		t.Errorf("letter of another site: %v", err)
	}
	if l, err := b.DeadLetters(testContext(t), "site", DeadOptions{FromSeq: 2, Limit: 1}); err != nil || len(l) != 1 || l[0].LetterAt != 2 {
		t.Error(l, err)
	}
}
