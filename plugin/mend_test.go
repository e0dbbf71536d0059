package plugin

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.etcd.io/bbolt"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/review/store"
)

// instantConfig scores at no cost.
func instantConfig(t *testing.T) Config {
	cfg := testConfig(t)
	cfg.Detectors = []detector.Detector{plugintest.Instant{Detector: cfg.Detectors[0]}}
	return cfg
}

// submitMany sends jobs on one series whose answers differ.
func submitMany(t *testing.T, b *bus.Bus, dir string, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		job := plugintest.Job(dir)
		job.Nodules[0].ID = fmt.Sprint("n", i)
		_, err := b.SubmitJob(plugintest.Context(t), "local", "/test", fmt.Sprint(i), job)
		plugintest.Must(t, err)
	}
}

// events are the messages of all results, by identity.
func events(t *testing.T, b *bus.Bus) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	plugintest.Must(t, b.StoredResults(plugintest.Context(t), "local", func(s bus.StoredResult) error {
		if found[s.Identity] != nil {
			t.Errorf("%s is there twice", s.Identity)
		}
		found[s.Identity] = bytes.Clone(s.Event)
		return nil
	}))
	return found
}

// However the store of the results is damaged, all of them are there again, the
// same bytes, and what was done is told.
func TestDamagedResultsComeBack(t *testing.T) {
	t.Parallel()
	const n = 12
	for name, damage := range map[string]func(t *testing.T, dataDir string){
		"end of a block": func(t *testing.T, d string) { truncate(t, block(t, d, bus.StreamResults), 0.4) },
		"bytes of a message": func(t *testing.T, d string) { // behind its header and subject
			overwriteAt(t, block(t, d, bus.StreamResults), record(t, block(t, d, bus.StreamResults), 5)+400, 3)
		},
		"a block": func(t *testing.T, d string) { plugintest.Must(t, os.Remove(block(t, d, bus.StreamResults))) },
		"the stream": func(t *testing.T, d string) {
			plugintest.Must(t, os.RemoveAll(filepath.Dir(filepath.Dir(block(t, d, bus.StreamResults)))))
		},
		"a stream that did not open": func(t *testing.T, d string) { // as the start before noted
			note := `{"time":"2026-01-02T03:04:05Z","streams":[{"account":"$G","name":"RESULTS"}]}`
			plugintest.Must(t, os.WriteFile(filepath.Join(d, "bus", "unopened.json"), []byte(note), 0o600))
		},
		"the bus": func(t *testing.T, d string) { plugintest.Must(t, os.RemoveAll(filepath.Join(d, "bus"))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := instantConfig(t)
			p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
			submitMany(t, p.bus, dir, 0, n)
			p.results(n)
			p.outcome(jobs.Scored, n)
			before := events(t, p.bus)
			plugintest.Must(t, p.stop())
			damage(t, cfg.DataDir)

			p = start(t, cfg)
			p.settled(func(m map[string]float64) bool { return m["nodulescope_results_restored_total"] >= 1 })
			plugintest.WaitFor(t, func() bool { return len(events(t, p.bus)) == n })
			for identity, event := range events(t, p.bus) {
				if !bytes.Equal(event, before[identity]) {
					t.Errorf("%s is another message", identity)
				}
			}
			submitMany(t, p.bus, dir, 0, n) // under ids that the broker may still know
			p.idle(n)
			if lines := auditLines(t, cfg.DataDir, audit.KindDamage); len(lines) == 0 || lines[0].Detail != bus.StreamResults || lines[0].Restored == 0 || lines[0].Lost != 0 {
				t.Errorf("%+v", lines)
			}
			plugintest.Must(t, p.stop())

			p = start(t, cfg) // all is well now
			if m := gather(t, p.Plugin); m["nodulescope_results_restored_total"] != 0 {
				t.Errorf("%v results were put back once more", m["nodulescope_results_restored_total"])
			}
			p.idle(n)
		})
	}
}

// A ledger that is missing, empty or damaged beside results is made anew: no
// job is answered again, and the work list has all of them with their images.
func TestDamagedLedgerIsMadeAnew(t *testing.T) {
	t.Parallel()
	const n = 5
	for name, damage := range map[string]func(t *testing.T, path string){
		"missing": func(t *testing.T, path string) { plugintest.Must(t, os.Remove(path)) },
		"missing at a start that ended early": func(t *testing.T, path string) {
			plugintest.Must(t, os.Remove(path))
			k, err := openKept(filepath.Dir(path))
			plugintest.Must(t, err)
			plugintest.Must(t, k.Close())
		},
		"empty":    func(t *testing.T, path string) { plugintest.Must(t, os.Truncate(path, 0)) },
		"cut":      func(t *testing.T, path string) { truncate(t, path, 0.2) },
		"rubbish":  func(t *testing.T, path string) { overwrite(t, path, 0.25, 20<<10) },
		"no bbolt": func(t *testing.T, path string) { overwrite(t, path, 0, 20<<10) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := instantConfig(t)
			p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
			submitMany(t, p.bus, dir, 0, n)
			p.results(n)
			p.outcome(jobs.Scored, n)
			first := p.idle(n)[0]
			review := bus.Review{Identity: first.Identity, NoduleID: first.Nodules[0].ID, Verdict: bus.Suspicious, Reviewer: "ann", Time: time.Now().UTC(), Version: 1}
			_, err := p.bus.PublishReview(plugintest.Context(t), "local", "/test", review)
			plugintest.Must(t, err)
			plugintest.Must(t, p.stop())
			damage(t, ledgerFile(cfg.DataDir))

			p = start(t, cfg)
			k := p.state().kept
			rows := 0
			for identity := range events(t, p.bus) {
				e, there, err := k.Promise(identity)
				if err != nil || !there || e.URI == "" {
					t.Errorf("%s: %v, %v", identity, there, err)
				}
				rows++
			}
			record, err := k.review.Record(store.IDOf(first.Identity))
			if err != nil || record.URI != plugintest.Job(dir).URI || rows != n {
				t.Errorf("%+v, %v, %d", record.URI, err, rows)
			}
			if d := k.review.Decision(record.ID, 1); d == nil || d.Verdict != bus.Suspicious || d.Reviewer != "ann" {
				t.Errorf("%+v", d)
			}
			submitMany(t, p.bus, dir, 100, 1)
			p.outcome(jobs.Scored, 1)
			for i := range n { // under ids that are new to the broker
				job := plugintest.Job(dir)
				job.Nodules[0].ID = fmt.Sprint("n", i)
				p.submit("/test", fmt.Sprint("again", i), job)
			}
			p.outcome(jobs.Answered, n)
			p.idle(n + 1)
			if lines := auditLines(t, cfg.DataDir, audit.KindDamage); len(lines) != 1 || lines[0].Detail != "ledger" || lines[0].Restored != n+1 {
				t.Errorf("%+v", lines)
			}
		})
	}
}

// Jobs that a damaged store has lost cannot come back: they are counted, the
// others are answered, and jobs that had ended are not missed.
func TestLostJobsAreCounted(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	const n = 40
	hold := make(chan struct{})
	blocked := cfg
	blocked.Grace = time.Millisecond
	blocked.Detectors = []detector.Detector{plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(ctx context.Context, p []nodule.Patch) error {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return ctx.Err()
	}}}
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	submitMany(t, p.bus, dir, 0, 3)
	p.outcome(jobs.Scored, 3)
	plugintest.Must(t, p.stop())
	p = start(t, blocked)
	submitMany(t, p.bus, dir, 10, n)
	plugintest.Must(t, p.stop())
	truncate(t, block(t, cfg.DataDir, bus.StreamJobs), 0.5)

	p = start(t, cfg)
	p.settled(func(m map[string]float64) bool { return m["nodulescope_messages_lost_total/JOBS"] > 0 })
	lost := int(gather(t, p.Plugin)["nodulescope_messages_lost_total/JOBS"])
	if lost == 0 || lost >= n {
		t.Errorf("%d of %d jobs are told to be lost", lost, n)
	}
	p.results(3 + n - lost)
	p.idle(3 + n - lost)
	if lines := auditLines(t, cfg.DataDir, audit.KindDamage); len(lines) != 1 || lines[0].Lost != lost {
		t.Errorf("%+v", lines)
	}
}

// Streams that are deleted by hand while the service runs are made again, with
// the results, and jobs are answered on. What is purged stays away.
func TestStreamsDeleted(t *testing.T) {
	t.Parallel()
	b, dir := plugintest.NewBroker(t), plugintest.WriteCT(t, plugintest.CT())
	cfg := instantConfig(t)
	cfg.Bus = bus.Options{URL: b.URL}
	p, err := New(cfg)
	plugintest.Must(t, err)
	p.watchEvery = 200 * time.Millisecond
	r := run(t, p)
	submitMany(t, r.bus, dir, 0, 6)
	r.outcome(jobs.Scored, 6)
	nc, err := nats.Connect(b.URL)
	plugintest.Must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	plugintest.Must(t, err)
	for _, stream := range bus.Streams() {
		plugintest.Must(t, js.DeleteStream(plugintest.Context(t), stream))
	}
	plugintest.WaitFor(t, func() bool { return r.CheckReady(plugintest.Context(t)).Ready })
	plugintest.WaitFor(t, func() bool { return b.Messages(bus.StreamResults) == 6 })
	submitMany(t, r.bus, dir, 10, 2)
	r.outcome(jobs.Scored, 8)
	r.idle(8)

	s, err := js.Stream(plugintest.Context(t), bus.StreamResults)
	plugintest.Must(t, err)
	plugintest.Must(t, s.Purge(plugintest.Context(t), jetstream.WithPurgeSequence(4)))
	plugintest.WaitFor(t, func() bool {
		h, err := r.state().kept.Holdings()
		plugintest.Must(t, err)
		return h[bus.StreamResults].First == 4
	})
	plugintest.Must(t, r.stop())
	r = start(t, cfg)
	r.idle(5)
}

// A message in the ledger that turned bad is taken from RESULTS again, and
// nothing else of what is there: results of other workers stay theirs.
func TestDamagedPromiseComesBack(t *testing.T) {
	t.Parallel()
	b, dir := plugintest.NewBroker(t), plugintest.WriteCT(t, plugintest.CT())
	cfg := instantConfig(t)
	cfg.Bus = bus.Options{URL: b.URL}
	other := instantConfig(t)
	other.Bus = cfg.Bus
	r := start(t, other)
	submitMany(t, r.bus, dir, 0, 3)
	r.outcome(jobs.Scored, 3)
	r.idle(3)
	theirs := events(t, r.bus)
	plugintest.Must(t, r.stop())
	r = start(t, cfg)
	submitMany(t, r.bus, dir, 10, 1)
	r.outcome(jobs.Scored, 1)
	r.idle(4)
	plugintest.Must(t, r.stop())

	p, err := New(cfg)
	plugintest.Must(t, err)
	w := openWorker(t, p)
	k := w.Keeper.(*kept)
	for identity := range events(t, w.Bus) {
		if theirs[identity] == nil {
			plugintest.Must(t, k.Keep("damage", func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte("promises/v1")).Put([]byte(identity), []byte("rubbish"))
			}))
		}
	}
	plugintest.Must(t, p.mendPromises(plugintest.Context(t), w, k))
	for identity, event := range events(t, w.Bus) {
		e, there, err := k.Promise(identity)
		if own := theirs[identity] == nil; err != nil || there != own || own && !bytes.Equal(e.Event, event) {
			t.Errorf("%s is in this ledger: %v, %v; it is its own: %v", identity, there, err, own)
		}
	}
}

// A ledger that is made anew has no results that are kept no longer, but for
// those in the work list that somebody has decided on.
func TestRebuildLeavesOldResults(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	r, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	submitMany(t, r.bus, dir, 0, 2)
	r.outcome(jobs.Scored, 2)
	decided := r.idle(2)[0]
	review := bus.Review{Identity: decided.Identity, NoduleID: decided.Nodules[0].ID, Verdict: bus.Suspicious, Reviewer: "ann", Time: time.Now().UTC(), Version: 1}
	_, err := r.bus.PublishReview(plugintest.Context(t), "local", "/test", review)
	plugintest.Must(t, err)
	plugintest.Must(t, r.stop())
	plugintest.Must(t, os.Remove(ledgerFile(cfg.DataDir)))

	p, err := New(cfg)
	plugintest.Must(t, err)
	p.cfg.KeepResults = time.Nanosecond
	w := openWorker(t, p)
	k := w.Keeper.(*kept)
	got, err := p.rebuild(plugintest.Context(t), k, w.Bus)
	if diff := cmp.Diff(Rebuilt{Decisions: 1}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for identity := range events(t, w.Bus) {
		e, err := k.Find(identity)
		_, recordErr := k.review.Record(store.IDOf(identity))
		if err != nil || e.State != ledger.Unknown || (recordErr == nil) != (identity == decided.Identity) {
			t.Errorf("%s: %v, %v, %v", identity, e.State, err, recordErr)
		}
	}
}

// endsAt ends a context at the n-th line of a log that says something.
type endsAt struct {
	slog.Handler
	line string
	n    int
	end  context.CancelFunc
}

func (h *endsAt) Enabled(context.Context, slog.Level) bool { return true }
func (h *endsAt) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *endsAt) Handle(_ context.Context, r slog.Record) error {
	if r.Message == h.line {
		if h.n--; h.n == 0 {
			h.end()
		}
	}
	return nil
}

// Where putting results back ends early, the next time brings the rest.
func TestPuttingBackGoesOn(t *testing.T) {
	t.Parallel()
	const n = 5
	b, dir := plugintest.NewBroker(t), plugintest.WriteCT(t, plugintest.CT())
	cfg := instantConfig(t)
	cfg.Bus = bus.Options{URL: b.URL}
	r := start(t, cfg)
	submitMany(t, r.bus, dir, 0, n)
	r.outcome(jobs.Scored, n)
	r.idle(n)
	before := events(t, r.bus)
	plugintest.Must(t, r.stop())
	nc, err := nats.Connect(b.URL)
	plugintest.Must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	plugintest.Must(t, err)
	plugintest.Must(t, js.DeleteStream(plugintest.Context(t), bus.StreamResults))

	p, err := New(cfg)
	plugintest.Must(t, err)
	w := openWorker(t, p) // makes the stream again
	ctx, cancel := context.WithCancel(plugintest.Context(t))
	defer cancel()
	log := w.Log
	w.Log = slog.New(&endsAt{Handler: slog.DiscardHandler, line: "result noted", n: 1, end: cancel})
	if _, err := w.Mend(ctx, true); err == nil || len(events(t, w.Bus)) != 1 {
		t.Fatalf("it was not cut short: %v, %d", err, len(events(t, w.Bus)))
	}
	w.Log = log
	d, err := w.Mend(plugintest.Context(t), true)
	if err != nil || d.Restored != n-1 || len(d.Lost) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if diff := cmp.Diff(before, events(t, w.Bus)); diff != "" {
		t.Error(diff)
	}
	if d, err := w.Mend(plugintest.Context(t), true); err != nil || d.Restored != 0 || len(d.Lost) != 0 {
		t.Errorf("all is well, and yet: %+v, %v", d, err)
	}
}
