package plugin

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/ledger"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// The result of the bus is that of Score, in the trace of the job.
func TestJobBecomesResult(t *testing.T) {
	cfg := testConfig(t)
	cfg.Software = "test 1"
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	job := plugintest.Job(dir)
	if _, err := p.bus.SubmitJob(plugintest.Context(t), p.Site(), "/test", "j", job, bus.WithTraceParent(trace)); err != nil {
		t.Fatal(err)
	}
	p.outcome(jobs.Scored, 1)
	got := p.idle(1)[0]
	want, _, err := scoring.Score(t.Context(), request(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got.Result, withoutTimings); d != "" {
		t.Error(d)
	}
	if got.TimingsMS.Total <= 0 || got.Envelope.TraceParent[:36] != trace[:36] || got.Envelope.TraceParent == trace || got.Envelope.Source != "/nodulescope/local" {
		t.Errorf("%+v, %+v", got.Envelope, got.TimingsMS)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(cfg.DataDir, "audit.jsonl"))
	plugintest.Must(t, err)
	n, _, err := audit.Verify(bytes.NewReader(text), func(r audit.Record) error {
		wanted := audit.Record{Kind: audit.KindScore, Identity: want.Identity, Job: 1, Models: []string{want.Models[0].Digest}, Nodules: 1, Software: "test 1", Prev: strings.Repeat("0", 64)}
		if d := cmp.Diff(wanted, r, cmpopts.IgnoreFields(audit.Record{}, "Time")); d != "" {
			t.Error(d)
		}
		return nil
	})
	if n != 1 || err != nil {
		t.Error(n, err)
	}
	for _, secret := range []string{dir, want.SeriesUID, want.StudyUID} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the audit trail tells %s", secret)
		}
	}
}

// The same job under other ids, nodules in another order, and again after a
// restart: one result. The broker's window plays no part, for the results have
// been noted and are never sent again.
func TestSameJobTwice(t *testing.T) {
	cfg := testConfig(t)
	cfg.Slots = 2
	var calls atomic.Int32
	cfg.Detectors[0] = plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(context.Context, []nodule.Patch) error { calls.Add(1); return nil }}
	p, job := start(t, cfg), plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	job.Nodules = append(job.Nodules, bus.JobNodule{ID: "n2", PositionLPS: [3]float64{4, 0, 0}})
	turned := job
	turned.Nodules = []bus.JobNodule{job.Nodules[1], job.Nodules[0]}
	p.submit("/test", "1", job)
	p.submit("/test", "2", turned)
	p.outcome(jobs.Answered, 1)
	p.outcome(jobs.Scored, 1)
	first := p.idle(1)
	p.submit("/other", "1", job) // another source has a result of its own
	p.outcome(jobs.Scored, 2)
	second := p.idle(2)[1]
	if second.Supersedes != "" || second.Identity == first[0].Identity {
		t.Errorf("%+v", second)
	}
	plugintest.Must(t, p.stop())
	p = start(t, cfg)
	p.submit("/test", "3", job)
	p.outcome(jobs.Answered, 1)
	p.idle(2)
	if calls.Load() != 2 {
		t.Errorf("scored %d times", calls.Load())
	}
}

// A corrected position, late slices and a new model each give a new result
// that names the one before. Another nodule of the series does not.
func TestSupersedes(t *testing.T) {
	cfg := testConfig(t)
	p, dir := start(t, cfg), plugintest.WriteCT(t, func() dicomtest.Spec { s := plugintest.CT(); s.Skip = []int{0}; return s }())
	job := plugintest.Job(dir)
	next := func(n int, id string, job bus.Job) plugintest.Result {
		t.Helper()
		p.submit("/test", id, job)
		return p.results(n)[n-1]
	}
	first := next(1, "1", job)
	job.Nodules = []bus.JobNodule{{ID: "n1", PositionLPS: [3]float64{1, 0, 0}, DiameterMM: 12}}
	corrected := next(2, "2", job)
	plugintest.Must(t, dicomtest.WriteSeries(dir, plugintest.CT()))
	late := next(3, "3", job)
	other := job
	other.Nodules = []bus.JobNodule{{ID: "n2"}}
	beside := next(4, "4", other)
	plugintest.Must(t, p.stop())
	d, err := plugintest.Untrained(9)
	plugintest.Must(t, err)
	cfg.Detectors = []detector.Detector{d}
	p = start(t, cfg)
	retrained := next(5, "5", job)
	p.idle(5)
	for name, pair := range map[string][2]string{
		"first": {first.Supersedes, ""}, "corrected": {corrected.Supersedes, first.Identity},
		"late slices": {late.Supersedes, corrected.Identity}, "another nodule": {beside.Supersedes, ""},
		"new model": {retrained.Supersedes, late.Identity},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s supersedes %q, want %q", name, pair[0], pair[1])
		}
	}
}

// scoredAndLost scores a job, stops the plugin and takes away all that its bus
// held.
func scoredAndLost(t *testing.T, cfg Config) (job bus.Job, first plugintest.Result) {
	t.Helper()
	p, job := start(t, cfg), plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	p.submit("/test", "1", job)
	first = p.results(1)[0]
	p.outcome(jobs.Scored, 1)
	plugintest.Must(t, p.stop())
	plugintest.Must(t, os.RemoveAll(filepath.Join(cfg.DataDir, "bus")))
	return job, first
}

// A result that has left the stream is given again.
func TestLostResultComesAgain(t *testing.T) {
	cfg := testConfig(t)
	job, first := scoredAndLost(t, cfg)
	p := start(t, cfg)
	p.submit("/test", "1", job)
	again := p.results(1)[0]
	if d := cmp.Diff(first.Result, again.Result, withoutTimings); d != "" {
		t.Error(d)
	}
}

// A job that takes longer than AckWait stays with its worker, while one that
// nobody keeps alive comes again and again.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Queue.AckWait, cfg.Slots = 1500*time.Millisecond, 2
	var calls atomic.Int32
	began, finished := make(chan struct{}, 1), make(chan struct{})
	finish := sync.OnceFunc(func() { close(finished) })
	cfg.Detectors[0] = plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(context.Context, []nodule.Patch) error {
		if calls.Add(1) == 1 {
			began <- struct{}{}
		}
		<-finished
		return nil
	}}
	p := start(t, cfg)
	t.Cleanup(finish) // before the plugin is stopped
	job := plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	p.submit("/test", "1", job)
	<-began
	silent, err := p.bus.Jobs(plugintest.Context(t), "silent", bus.ConsumerOptions{AckWait: cfg.Queue.AckWait})
	plugintest.Must(t, err)
	_, err = p.bus.SubmitJob(plugintest.Context(t), "silent", "/test", "2", job)
	plugintest.Must(t, err)
	for range 3 {
		_, err := silent.Next(plugintest.Context(t))
		plugintest.Must(t, err)
	}
	finish()
	p.outcome(jobs.Scored, 1)
	p.results(1)
	if again := gather(t, p.Plugin)["nodulescope_deliveries_total/answered"]; calls.Load() != 1 || again != 0 {
		t.Errorf("scored %d times, delivered %v times too often", calls.Load(), again)
	}
}

// What is in work when the plugin stops is finished within its grace.
func TestStopFinishes(t *testing.T) {
	cfg := testConfig(t)
	began, finish := make(chan struct{}, 1), make(chan struct{})
	cfg.Detectors[0] = plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(context.Context, []nodule.Patch) error {
		began <- struct{}{}
		<-finish
		return nil
	}}
	p := start(t, cfg)
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	<-began
	go func() {
		<-p.asked
		close(finish)
	}()
	plugintest.Must(t, p.stop())
	if n := gather(t, p.Plugin)["nodulescope_deliveries_total/scored"]; n != 1 {
		t.Errorf("%v jobs were finished", n)
	}
	start(t, cfg).idle(1)
}

// What cannot be finished is handed back, and that is no attempt: with a
// single one allowed the job is scored by the next.
func TestStopHandsBack(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.MaxAttempts, cfg.Grace = 1, 50*time.Millisecond
	good, began := cfg.Detectors, make(chan struct{}, 1)
	cfg.Detectors = []detector.Detector{plugintest.Wrapped{Detector: good[0], Before: func(ctx context.Context, _ []nodule.Patch) error {
		began <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}}
	job := plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	for i := range 2 {
		p := start(t, cfg)
		if i == 0 {
			p.submit("/test", "1", job)
		}
		<-began
		plugintest.Must(t, p.stop())
		if n := gather(t, p.Plugin)["nodulescope_deliveries_total/handed_back"]; n != 1 {
			t.Errorf("%v jobs were handed back", n)
		}
	}
	cfg.Detectors = good
	p := start(t, cfg)
	p.outcome(jobs.Scored, 1)
	p.idle(1)
}

// An intent that was never published is published at the start, and its job is
// answered by that: the same bytes.
func TestIntentIsFinishedAtStart(t *testing.T) {
	cfg := testConfig(t)
	job, first := scoredAndLost(t, cfg)
	plugintest.Must(t, os.RemoveAll(cfg.DataDir)) // or the ledger would put the first one back

	when := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)
	event, err := bus.EncodeResult("/nodulescope/local", first.Result, bus.WithTime(when), bus.WithTraceParent(trace), bus.WithTraceState("a=b"))
	plugintest.Must(t, err)
	l, err := openKept(cfg.DataDir)
	plugintest.Must(t, err)
	plugintest.Must(t, l.Intend(first.Identity, "delivery", ledger.Entry{Site: "local", Event: event, Time: when}))
	plugintest.Must(t, l.Close())
	p := start(t, cfg)
	got := p.results(1)[0]
	if again, err := bus.EncodeResult(got.Envelope.Source, got.Result, bus.WithTime(got.Envelope.Time),
		bus.WithTraceParent(got.Envelope.TraceParent), bus.WithTraceState(got.Envelope.TraceState)); err != nil || !bytes.Equal(event, again) {
		t.Errorf("other bytes were published: %v\n%s\n%s", err, event, again)
	}
	p.submit("/test", "1", job)
	p.outcome(jobs.Answered, 1)
	p.idle(1)
}

// What is published after a crash are the bytes of the ledger, also those that
// this version would write in another way.
func TestIntentKeepsItsBytes(t *testing.T) {
	const identity = "sha256:1"
	event := []byte(`{"specversion":"1.0",  "id":"sha256:1", "source":"/nodulescope/local", "type":"` + bus.TypeResult + `",
		"time":"2026-01-02T03:04:05.60Z", "futureextension":"x", "datacontenttype":"application/json",
		"data":{"nodules":[], "identity":"sha256:1", "of_a_later_version":{"b":1,"a":2}}}`)
	b := plugintest.NewBroker(t)
	cfg := testConfig(t)
	cfg.Bus.URL = b.URL
	k, err := openKept(cfg.DataDir)
	plugintest.Must(t, err)
	plugintest.Must(t, k.Intend(identity, "delivery", ledger.Entry{Site: "local", Event: event, Time: time.Now()}))
	plugintest.Must(t, k.Close())
	start(t, cfg)
	plugintest.Exactly(t, b.Bus, "local", 1)
	if got := b.Message(bus.StreamResults, 1); !bytes.Equal(got, event) {
		t.Errorf("other bytes were published:\n%s\n%s", got, event)
	}
}
