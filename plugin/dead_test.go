package plugin

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// send puts bytes into the queue as a foreign program would.
func send(t *testing.T, p *running, data []byte) {
	t.Helper()
	nc, err := nats.Connect(p.BusURL())
	plugintest.Must(t, err)
	defer nc.Close()
	plugintest.Must(t, nc.Publish("nodule.v1.job.local.routine", data))
	plugintest.Must(t, nc.FlushTimeout(5*time.Second))
}

func encoded(t *testing.T, job bus.Job) string {
	t.Helper()
	data, err := bus.EncodeJob("/test", "id-7", job)
	plugintest.Must(t, err)
	return string(data)
}

// Every message that no worker can use ends in DEAD with its code, and the
// next job is scored.
func TestDeadLetters(t *testing.T) {
	cfg := testConfig(t)
	cfg.Server = bus.ServerOptions{Port: -1}
	dir := plugintest.WriteCT(t, plugintest.CT())
	cfg.AllowedRoots = []string{filepath.Dir(filepath.Dir(dir))} // of all subtests
	p := start(t, cfg)

	good := encoded(t, plugintest.Job(dir))
	with := func(change func(*bus.Job)) string {
		job := plugintest.Job(dir)
		change(&job)
		return encoded(t, job)
	}
	broken := func(change func(*dicomtest.Spec)) string {
		spec := plugintest.CT()
		change(&spec)
		return encoded(t, plugintest.Job(plugintest.WriteCT(t, spec)))
	}
	all := make([]int, 48)
	for z := range all {
		all[z] = z
	}
	two := plugintest.WriteCT(t, plugintest.CT())
	other := plugintest.CT()
	other.SeriesUID = "1.2.3"
	plugintest.Must(t, dicomtest.WriteSeries(filepath.Join(two, "b"), other))

	for i, tt := range []struct {
		name, message string
		code          any
	}{
		{"not JSON", "{", bus.CodeNotJSON},
		{"no event", "{}", bus.CodeNotCloudEvent},
		{"schema version", strings.Replace(good, "job.v1", "job.v2", 1), bus.CodeSchemaVersion},
		{"other event", strings.Replace(good, "job.v1", "review.v1", 1), bus.CodeWrongType},
		{"over 256 KiB", strings.Replace(good, "n1", strings.Repeat("n", bus.MaxJobBytes), 1), bus.CodeJobTooLarge},
		{"513 nodules", strings.Replace(good, `"nodules":[`, `"nodules":[`+strings.Repeat(`{"id":"x"},`, 512), 1), bus.CodeTooManyNodules},
		{"NaN", strings.Replace(good, `[0,0,0]`, `[0,NaN,0]`, 1), bus.CodeNotJSON},
		{"absurd place", strings.Replace(good, `[0,0,0]`, `[0,1e9,0]`, 1), bus.CodeJobInvalid},
		{"two coordinates", strings.Replace(good, `[0,0,0]`, `[0,0]`, 1), bus.CodeJobInvalid},
		{"deadline", with(func(j *bus.Job) { past := time.Now().Add(-time.Hour); j.Deadline = &past }), CodeDeadlinePassed},
		{"scheme", with(func(j *bus.Job) { j.URI = "https://pacs.example.org/x" }), series.CodeURIUnsupported},
		{"forbidden", with(func(j *bus.Job) { j.URI = "file:///etc" }), series.CodeURIForbidden},
		{"study", with(func(j *bus.Job) { j.StudyUID = "1.9" }), series.CodeStudyMismatch},
		{"frame", with(func(j *bus.Job) { j.FrameOfReferenceUID = "1.9" }), series.CodeFrameMismatch},
		{"missing folder", with(func(j *bus.Job) { j.URI += "/none" }), dicomio.CodeFolderMissing},
		{"no such series", with(func(j *bus.Job) { j.SeriesUID = "1.9" }), dicomio.CodeSeriesNotFound},
		{"truncated", broken(func(s *dicomtest.Spec) { s.Truncate = all }), dicomio.CodeTruncated},
		{"no PixelData", broken(func(s *dicomtest.Spec) { s.NoPixels = all }), dicomio.CodeNoPixelData},
		{"not CT", broken(func(s *dicomtest.Spec) { s.Modality, s.SOPClass = "MR", "1.2.840.10008.5.1.4.1.1.4" }), dicomio.CodeNotCT},
		{"unknown syntax", broken(func(s *dicomtest.Spec) {
			s.Syntax, s.Fragments = "1.2.840.10008.1.2.4.100", func(raw []byte) [][]byte { return [][]byte{raw} }
		}), dicomio.CodeTransferSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.message == good {
				t.Fatal("the message was not changed")
			}
			send(t, p, []byte(tt.message))
			p.t = t
			letter := p.letter(i + 1)
			if letter.Code != fmt.Sprint(tt.code) || letter.Size != len(tt.message) || letter.Subject != "nodule.v1.job.local.routine" {
				t.Errorf("code %s, size %d: %s", letter.Code, letter.Size, letter.Message)
			}
			if strings.Contains(letter.Message, "1.2.826") || strings.Contains(letter.Message, "1.9") || strings.Contains(letter.Message, dir) {
				t.Errorf("the text tells too much: %s", letter.Message)
			}
		})
	}
	p.t = t
	p.submit("/test", "good", plugintest.Job(dir))
	if r := p.results(1)[0]; r.Nodules[0].Error != nil {
		t.Errorf("%+v", r.Nodules[0].Error)
	}
	ambiguous := plugintest.Job(two) // two series in a folder are no trouble where one is named
	p.submit("/test", "named", ambiguous)
	p.outcome(jobs.Answered, 1)
	p.idle(1)

	metrics := gather(t, p.Plugin)
	if metrics["nodulescope_dead_total/not_json"] != 2 || metrics["nodulescope_deliveries_total/dead"] != 20 {
		t.Errorf("%v", metrics)
	}
	plugintest.Must(t, p.stop())
	text, err := os.ReadFile(filepath.Join(cfg.DataDir, "audit.jsonl"))
	plugintest.Must(t, err)
	letters := 0
	_, _, err = audit.Verify(bytes.NewReader(text), func(r audit.Record) error {
		if r.Kind == audit.KindDead {
			letters++
		}
		return nil
	})
	if letters != 20 || err != nil {
		t.Error(letters, err)
	}
}

// A series may arrive after its job.
func TestSeriesArrivesLate(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxAttempts = 100
	p, dir := start(t, cfg), filepath.Join(t.TempDir(), "late")
	p.submit("/test", "1", plugintest.Job(dir))
	p.outcome(jobs.Retried, 1)
	whole := plugintest.WriteCT(t, plugintest.CT())
	plugintest.Must(t, os.Rename(whole, dir))
	p.outcome(jobs.Scored, 1)
	p.idle(1)
}

// A panic is retried, then put aside; the service goes on, and the letter can
// be replayed.
func TestPanicIsPutAside(t *testing.T) {
	cfg := testConfig(t)
	bad, calls := true, 0
	cfg.Detectors[0] = plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(context.Context, []nodule.Patch) error {
		if bad {
			calls++
			panic("Doe^Jane")
		}
		return nil
	}}
	p := start(t, cfg)
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	letter := p.letter(1)
	if letter.Code != string(CodeInternal) || calls != cfg.MaxAttempts || strings.Contains(letter.Message, "Doe") {
		t.Errorf("after %d attempts: %+v", calls, letter)
	}
	p.outcome(jobs.Dead, 1)
	bad = false
	if _, err := p.bus.Replay(plugintest.Context(t), p.Site(), letter.LetterAt); err != nil {
		t.Fatal(err)
	}
	p.outcome(jobs.Scored, 1)
	p.idle(1)
}

func TestJobTimesOut(t *testing.T) {
	cfg := testConfig(t)
	cfg.JobTimeout, cfg.MaxAttempts = time.Second, 1
	cfg.Detectors[0] = plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(ctx context.Context, _ []nodule.Patch) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	p := start(t, cfg)
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	if letter := p.letter(1); letter.Code != string(CodeTimedOut) {
		t.Errorf("%+v", letter)
	}
}

// Where the disk takes no record, nothing is published and no job is put
// aside for it, however often it is tried.
func TestOwnTroubleIsNoAttempt(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxAttempts = 2
	p, err := New(cfg)
	plugintest.Must(t, err)
	w := openWorker(t, p)
	plugintest.Must(t, w.Audit.Close())
	if _, err := w.Bus.SubmitJob(plugintest.Context(t), "local", "/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Bus.SubmitJob(plugintest.Context(t), "local", "/test", "2", plugintest.Job("/none/there")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(plugintest.Context(t))
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	plugintest.WaitFor(t, func() bool { return gather(t, p)["nodulescope_deliveries_total/retried"] >= 6 })
	cancel()
	plugintest.Must(t, <-ended)
	plugintest.Exactly(t, w.Bus, "local", 0)
	if letters, err := w.Bus.DeadLetters(plugintest.Context(t), "local", bus.DeadOptions{}); err != nil || len(letters) != 0 {
		t.Error(letters, err)
	}
	if w.Audit, err = audit.Open(filepath.Join(cfg.DataDir, "audit.jsonl")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(plugintest.Context(t))
	go func() { ended <- w.Run(ctx) }()
	plugintest.WaitFor(t, func() bool {
		m := gather(t, p)
		return m["nodulescope_deliveries_total/repaired"]+m["nodulescope_deliveries_total/scored"] == 1 && m["nodulescope_dead_total/folder_missing"] == 1
	})
	cancel()
	plugintest.Must(t, <-ended)
	plugintest.Exactly(t, w.Bus, "local", 1)
}

// openWorker opens what Run opens, so that a test can break a part of it.
func openWorker(t *testing.T, p *Plugin) *jobs.Worker {
	t.Helper()
	var opened closers
	t.Cleanup(func() { opened.close(slog.New(slog.DiscardHandler)) }) // some are closed already
	k, trail, err := p.openFiles(&opened)
	plugintest.Must(t, err)
	b, err := p.join(plugintest.Context(t), &opened)
	plugintest.Must(t, err)
	q, err := b.Jobs(plugintest.Context(t), p.cfg.Site, p.cfg.Queue)
	plugintest.Must(t, err)
	return p.worker(b, q, k, trail)
}
