package plugintest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/bus"
)

// Broker is a bus outside of the process that a test kills.
type Broker struct {
	URL string
	Bus *bus.Bus

	t  testing.TB
	js jetstream.JetStream
}

// NewBroker starts one, with its streams.
func NewBroker(t testing.TB) *Broker {
	t.Helper()
	server, err := bus.Start(Context(t), bus.ServerOptions{StoreDir: t.TempDir(), Port: -1})
	Must(t, err)
	t.Cleanup(func() { Must(t, server.Shutdown(Context(t))) })
	b, err := bus.Connect(Context(t), bus.Options{Server: server})
	Must(t, err)
	t.Cleanup(b.Close)
	Must(t, b.EnsureStreams(Context(t)))
	nc, err := nats.Connect(server.URL())
	Must(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	Must(t, err)
	return &Broker{URL: server.URL(), Bus: b, t: t, js: js}
}

// probeIdentity is that of messages which a test sends to try the broker.
const probeIdentity = "probe"

// ForgetResults makes the broker forget the ids of results, as it does after
// two minutes.
func (b *Broker) ForgetResults() {
	b.t.Helper()
	b.forget(bus.StreamResults, func() (bus.Ack, error) {
		return b.Bus.PublishResult(Context(b.t), "local", "/probe", bus.Result{Identity: probeIdentity})
	})
}

// ForgetReviews makes it forget the ids of decisions.
func (b *Broker) ForgetReviews() {
	b.t.Helper()
	b.forget(bus.StreamReviews, func() (bus.Ack, error) {
		probe := bus.Review{Identity: probeIdentity, NoduleID: "n", Verdict: bus.Suspicious, Reviewer: "probe"}
		return b.Bus.PublishReview(Context(b.t), "other", "/probe", probe)
	})
}

// forget waits until a probe that is younger than all other messages is taken
// anew.
func (b *Broker) forget(stream string, send func() (bus.Ack, error)) {
	b.t.Helper()
	probe := func() bool {
		ack, err := send()
		Must(b.t, err)
		return !ack.Duplicate
	}
	probe()
	short := 100 * time.Millisecond
	WaitFor(b.t, func() bool {
		// A change makes the broker look at once, with the window before it now
		// and then, and not again until that is over: hence another each time.
		short += time.Millisecond
		b.window(stream, short)
		time.Sleep(2 * short)
		return probe()
	})
	b.window(stream, bus.DuplicateWindow)
}

func (b *Broker) window(stream string, d time.Duration) {
	b.t.Helper()
	s, err := b.js.Stream(Context(b.t), stream)
	Must(b.t, err)
	cfg := s.CachedInfo().Config
	cfg.Duplicates = d
	_, err = b.js.UpdateStream(Context(b.t), cfg)
	Must(b.t, err)
}

// Messages is how many a stream holds.
func (b *Broker) Messages(stream string) uint64 {
	b.t.Helper()
	s, err := b.js.Stream(Context(b.t), stream)
	Must(b.t, err)
	return s.CachedInfo().State.Msgs
}

// Message is the bytes of one message of a stream.
func (b *Broker) Message(stream string, sequence uint64) []byte {
	b.t.Helper()
	s, err := b.js.Stream(Context(b.t), stream)
	Must(b.t, err)
	m, err := s.GetMsg(Context(b.t), sequence)
	Must(b.t, err)
	return m.Data
}

// Result is one of the stream, with its envelope.
type Result struct {
	bus.Result
	Envelope bus.Envelope
}

// Results waits until there are n, and returns them in order.
func Results(t testing.TB, b *bus.Bus, site string, n int) (found []Result) {
	t.Helper()
	err := b.FollowResults(Context(t), site, bus.FollowOptions{FromStart: true}, func(env bus.Envelope, res bus.Result) error {
		if found = append(found, Result{res, env}); len(found) >= n {
			return bus.ErrStop
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%d results, want %d: %v", len(found), n, err)
	}
	return found
}

// Exactly fails the test unless there are n results now, probes aside.
func Exactly(t testing.TB, b *bus.Bus, site string, n int) (found []Result) {
	t.Helper()
	last, err := b.LastResultSeq(Context(t))
	Must(t, err)
	if last > 0 {
		err = b.FollowResults(Context(t), site, bus.FollowOptions{FromStart: true}, func(env bus.Envelope, res bus.Result) error {
			if res.Identity != probeIdentity {
				found = append(found, Result{res, env})
			}
			if env.Sequence >= last {
				return bus.ErrStop
			}
			return nil
		})
	}
	if err != nil || len(found) != n {
		t.Fatalf("%d results, want %d: %v", len(found), n, err)
	}
	return found
}
