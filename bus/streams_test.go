package bus

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/logtest"
)

func config(t *testing.T, b *Bus, name string) jetstream.StreamConfig {
	t.Helper()
	s, err := b.js.Stream(testContext(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func TestEnsureStreams(t *testing.T) {
	b := newBus(t)
	want := map[string]struct {
		subject   string
		retention jetstream.RetentionPolicy
		discard   jetstream.DiscardPolicy
	}{
		StreamJobs:    {"nodule.v1.job.*.stat", jetstream.WorkQueuePolicy, jetstream.DiscardNew},
		StreamResults: {"nodule.v1.result.*", jetstream.LimitsPolicy, jetstream.DiscardOld},
		StreamReviews: {"nodule.v1.review.*", jetstream.LimitsPolicy, jetstream.DiscardNew},
		StreamDead:    {"nodule.v1.dead.*", jetstream.LimitsPolicy, jetstream.DiscardOld},
	}
	for name, w := range want {
		c := config(t, b, name)
		if c.Subjects[0] != w.subject || c.Retention != w.retention || c.Discard != w.discard ||
			c.Storage != jetstream.FileStorage || c.Duplicates != 2*time.Minute || c.MaxBytes <= 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Errorf("second time: %v", err)
	}
}

func TestEnsureStreamsRaisesAndKeeps(t *testing.T) {
	b := newBus(t)
	c := config(t, b, StreamResults)
	c.Duplicates, c.MaxMsgSize, c.MaxBytes = time.Second, 1000, 3<<30 // the last is an operator's choice
	if _, err := b.js.UpdateStream(testContext(t), c); err != nil {
		t.Fatal(err)
	}
	b.streams.ResultsAge = 24 * time.Hour
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	c = config(t, b, StreamResults)
	if c.Duplicates != DuplicateWindow || c.MaxMsgSize < maxResultBytes || c.MaxBytes != 3<<30 || c.MaxAge != 24*time.Hour {
		t.Errorf("%+v", c)
	}
}

func TestEnsureStreamsRefusesAnothersStream(t *testing.T) {
	for name, foreign := range map[string]jetstream.StreamConfig{
		"retention": {Name: StreamJobs, Subjects: []string{"nodule.v1.job.*.*"}},
		"more":      {Name: StreamJobs, Subjects: []string{"nodule.v1.job.>"}, Retention: jetstream.WorkQueuePolicy},
		"subjects":  {Name: StreamResults, Subjects: []string{"orders.*"}},
		"storage":   {Name: StreamDead, Subjects: []string{"nodule.v1.dead.*"}, Storage: jetstream.MemoryStorage},
		"overlap":   {Name: "OTHER", Subjects: []string{"nodule.>"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := connect(t, Options{Server: startServer(t, ServerOptions{DontListen: true})})
			if _, err := b.js.CreateStream(testContext(t), foreign); err != nil {
				t.Fatal(err)
			}
			before := config(t, b, foreign.Name)
			err := b.EnsureStreams(testContext(t))
			wantCode(t, err, CodeIncompatible)
			if !strings.Contains(err.Error(), "it exists and") && name != "overlap" {
				t.Errorf("does not say what differs: %v", err)
			}
			if after := config(t, b, foreign.Name); after.Retention != before.Retention || after.Subjects[0] != before.Subjects[0] {
				t.Error("the stream of another was changed")
			}
		})
	}
}

// A job on a subject that no queue is read from is refused to its sender, also
// by a stream that a former version made. What that holds stays, and what it
// took on such a subject is told.
func TestMistypedSubject(t *testing.T) {
	var told logtest.Buffer
	server := startServer(t, ServerOptions{DontListen: true})
	b, err := Connect(testContext(t), Options{Server: server, Logger: slog.New(slog.NewTextHandler(&told, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if _, err := b.js.CreateStream(testContext(t), jetstream.StreamConfig{
		Name: StreamJobs, Subjects: []string{"nodule.v1.job.*.*"}, Retention: jetstream.WorkQueuePolicy,
	}); err != nil {
		t.Fatal(err)
	}
	submit(t, b, "site", "1", sampleJob(1))
	urgent := func() error {
		_, err := b.js.Publish(testContext(t), "nodule.v1.job.site.urgent", []byte("{}"))
		return err
	}
	if err := urgent(); err != nil {
		t.Fatal(err)
	}
	old := openQueue(t, b, "site") // that of a worker who is there already
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := urgent(); err == nil {
		t.Error("a job that nobody will work on was acknowledged")
	}
	if d := next(t, old); d.Sequence != 1 || d.Done(testContext(t)) != nil {
		t.Errorf("%+v", d)
	}
	if n := jobsLeft(t, b); n != 1 {
		t.Errorf("%d jobs of the old stream are left, want the mistyped one", n)
	}
	if log := told.String(); !strings.Contains(log, "nodule.v1.job.site.urgent") || !strings.Contains(log, "jobs=1") {
		t.Errorf("the old job is not told of: %s", log)
	}
}

func TestHealth(t *testing.T) {
	b := connect(t, Options{Server: startServer(t, ServerOptions{DontListen: true})})
	wantCode(t, b.Health(testContext(t)), CodeStream)
	if err := b.EnsureStreams(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Health(testContext(t)); err != nil {
		t.Error(err)
	}
	b.Close()
	wantCode(t, b.Health(testContext(t)), CodeUnreachable)
}

func TestConnectRefuses(t *testing.T) {
	for name, opts := range map[string]Options{
		"neither":        {},
		"two identities": {URL: "nats://127.0.0.1:1", CredsFile: "/a", NkeySeedFile: "/b"},
		"user alone":     {URL: "nats://127.0.0.1:1", User: "u"},
		"no seed":        {URL: "nats://127.0.0.1:1", NkeySeedFile: "/none"},
		"no creds":       {URL: "nats://127.0.0.1:1", CredsFile: "/none"},
		"key alone":      {URL: "nats://127.0.0.1:1", TLSKey: "/none"},
	} {
		if _, err := Connect(testContext(t), opts); CodeOf(err) != CodeSettings {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Connect(testContext(t), Options{URL: "nats://u:secret@127.0.0.1:1"})
	wantCode(t, err, CodeUnreachable)
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is told: %v", err)
	}
}

func TestConnectWaits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Connect(ctx, Options{URL: "nats://127.0.0.1:1", Wait: true})
	wantCode(t, err, CodeUnreachable)
	if ctx.Err() == nil {
		t.Error("gave up before its context did")
	}
}
