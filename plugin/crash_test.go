package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/nodule"
)

// The test binary is also the process that is killed: with this variable it
// runs a plugin that ends itself by SIGKILL at a point of its work.
const crashVariable = "NODULESCOPE_TEST_CRASH"

// crashPlan tells the child what to do.
type crashPlan struct {
	DataDir string
	BusURL  string // empty: a server of its own
	Point   string // a line of the log, or whileScoring
	Site    string
	Decide  bool // decide on a finding over HTTP

	PACS, User, PasswordFile string // where results are stored
}

const whileScoring = "scoring"

func TestMain(m *testing.M) {
	if text := os.Getenv(crashVariable); text != "" {
		err := runAndCrash(text)
		fmt.Fprintln(os.Stderr, "the plugin lives on:", err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func runAndCrash(text string) error {
	var plan crashPlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return err
	}
	d, err := newDetector()
	if err != nil {
		return err
	}
	cfg := crashConfig(plan)
	cfg.Logger = slog.New(crashAt{plan.Point})
	cfg.Detectors = append(cfg.Detectors, wrapped{d, func(context.Context, []nodule.Patch) error {
		if plan.Point == whileScoring {
			die()
		}
		return nil
	}})
	p, err := New(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if plan.Decide {
		go func() {
			_, err := p.Bus(ctx)
			if err == nil {
				err = decideOverHTTP(ctx, p.ReviewURL())
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "not decided:", err)
			}
		}()
	}
	return p.Run(ctx)
}

func crashConfig(plan crashPlan) Config {
	var review ReviewConfig
	if plan.Decide {
		review.Addr = "127.0.0.1:0"
	}
	var pacs []web.Options
	if plan.PACS != "" {
		pacs = append(pacs, web.Options{URL: plan.PACS, StoreURL: plan.PACS, User: plan.User, PasswordFile: plan.PasswordFile})
	}
	return Config{
		Site: plan.Site, Review: review, PACS: pacs, Send: SendConfig{FirstWait: 20 * time.Millisecond, LastWait: 200 * time.Millisecond},
		DataDir: plan.DataDir, Bus: bus.Options{URL: plan.BusURL}, Server: bus.ServerOptions{DontListen: true},
		Queue:       bus.ConsumerOptions{AckWait: 500 * time.Millisecond, PollWait: 20 * time.Millisecond},
		MaxAttempts: 2, RetryDelay: 20 * time.Millisecond, MinFreeBytes: 1,
	}
}

// die is SIGKILL: nothing is flushed, closed or deferred.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// crashAt is a log handler that ends the process at a line.
type crashAt struct{ point string }

func (c crashAt) Enabled(context.Context, slog.Level) bool { return true }
func (c crashAt) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c crashAt) WithGroup(string) slog.Handler            { return c }
func (c crashAt) Handle(_ context.Context, r slog.Record) error {
	if r.Message == c.point {
		die()
	}
	return nil
}

// crash runs the child until it has killed itself.
func crash(t *testing.T, plan crashPlan) {
	t.Helper()
	text, err := json.Marshal(plan)
	must(t, err)
	cmd := exec.CommandContext(testContext(t), os.Args[0])
	cmd.Env = append(os.Environ(), crashVariable+"="+string(text))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() == 2 || exit.ExitCode() == 3 {
		t.Fatalf("the child was not killed: %v\n%s", err, out)
	}
}

// broker is a bus outside of the plugin's process.
type broker struct {
	t   *testing.T
	url string
	bus *bus.Bus
	js  jetstream.JetStream
}

func newBroker(t *testing.T) broker {
	t.Helper()
	server, err := bus.Start(testContext(t), bus.ServerOptions{StoreDir: t.TempDir(), Port: -1})
	must(t, err)
	t.Cleanup(func() { must(t, server.Shutdown(testContext(t))) })
	b, err := bus.Connect(testContext(t), bus.Options{Server: server})
	must(t, err)
	t.Cleanup(b.Close)
	must(t, b.EnsureStreams(testContext(t)))
	nc, err := nats.Connect(server.URL())
	must(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(t, err)
	return broker{t, server.URL(), b, js}
}

// forget makes the broker forget the ids of results, as it does after two
// minutes: a probe that is younger than all of them is taken anew.
func (b broker) forget() {
	b.t.Helper()
	probe := func() bool {
		ack, err := b.bus.PublishResult(testContext(b.t), "local", "/probe", bus.Result{Identity: probeIdentity})
		must(b.t, err)
		return !ack.Duplicate
	}
	probe()
	short := 100 * time.Millisecond
	waitFor(b.t, func() bool {
		// A change makes the broker look at once, with the window before it now
		// and then, and not again until that is over: hence another each time.
		short += time.Millisecond
		b.window(short)
		time.Sleep(2 * short)
		return probe()
	})
	b.window(bus.DuplicateWindow)
}

func (b broker) window(d time.Duration) {
	b.t.Helper()
	s, err := b.js.Stream(testContext(b.t), bus.StreamResults)
	must(b.t, err)
	cfg := s.CachedInfo().Config
	cfg.Duplicates = d
	_, err = b.js.UpdateStream(testContext(b.t), cfg)
	must(b.t, err)
}

func (b broker) messages(stream string) uint64 {
	b.t.Helper()
	s, err := b.js.Stream(testContext(b.t), stream)
	must(b.t, err)
	return s.CachedInfo().State.Msgs
}

// A worker that is killed at any point of its work, with the broker's memory
// of message ids gone when the next one starts: one result, no job left, none
// put aside.
func TestKilled(t *testing.T) {
	for _, tt := range []struct {
		point, outcome string
		stored         uint64 // results when the child is dead
	}{
		{whileScoring, outcomeScored, 0},
		{"result intended", outcomeAnswered, 0}, // published at the start already
		{"result stored", outcomeAnswered, 1},
		{"result noted", outcomeAnswered, 1},
	} {
		t.Run(tt.point, func(t *testing.T) {
			b, dir := newBroker(t), writeCT(t, ctSpec())
			_, err := b.bus.SubmitJob(testContext(t), "local", "/test", "1", ctJob(t, dir))
			must(t, err)
			plan := crashPlan{DataDir: t.TempDir(), BusURL: b.url, Point: tt.point}
			crash(t, plan)
			if n := b.messages(bus.StreamResults); n != tt.stored {
				t.Fatalf("%d results at the crash, want %d", n, tt.stored)
			}
			if n := b.messages(bus.StreamJobs); n != 1 {
				t.Fatalf("%d jobs at the crash", n)
			}
			b.forget()
			cfg := crashConfig(plan)
			cfg.Detectors, cfg.Logger = testConfig(t).Detectors, testLogger(t)
			p := start(t, cfg)
			p.outcome(tt.outcome, 1)
			r := exactly(t, b.bus, "local", 1)[0]
			want, _, err := Score(t.Context(), ScoreRequest{Source: "/test", Job: ctJob(t, dir), Detectors: cfg.Detectors})
			must(t, err)
			if r.Identity != want.Identity || !cmp.Equal(r.Nodules[0].Scores[0], want.Nodules[0].Scores[0]) {
				t.Errorf("%+v, want %+v", r.Result, want)
			}
			if jobs, dead := b.messages(bus.StreamJobs), b.messages(bus.StreamDead); jobs != 0 || dead != 0 {
				t.Errorf("%d jobs are left, %d are dead", jobs, dead)
			}
			if tt.stored == 1 { // was it the ledger, or the broker after all?
				ack, err := b.bus.PublishResult(testContext(t), "local", "/test", r.Result)
				if err != nil || ack.Duplicate {
					t.Errorf("the broker had not forgotten: %+v, %v", ack, err)
				}
			}
		})
	}
}

// A worker that lost its ledger finds the result of a job that comes again.
func TestKilledAndLedgerLost(t *testing.T) {
	b, dir := newBroker(t), writeCT(t, ctSpec())
	_, err := b.bus.SubmitJob(testContext(t), "local", "/test", "1", ctJob(t, dir))
	must(t, err)
	plan := crashPlan{DataDir: t.TempDir(), BusURL: b.url, Point: "result stored"}
	crash(t, plan)
	b.forget()
	must(t, os.Remove(filepath.Join(plan.DataDir, "ledger.db")))
	cfg := crashConfig(plan)
	cfg.Detectors, cfg.Logger = testConfig(t).Detectors, testLogger(t)
	p := start(t, cfg)
	p.outcome(outcomeAnswered, 1)
	exactly(t, b.bus, "local", 1)
}

// The whole process with its own bus is killed during a job and started again.
func TestKilledWithItsBus(t *testing.T) {
	cfg := testConfig(t)
	cfg.Queue.AckWait = time.Second
	p, dir := start(t, cfg), writeCT(t, ctSpec())
	must(t, p.stop())
	server, err := bus.Start(testContext(t), bus.ServerOptions{StoreDir: filepath.Join(cfg.DataDir, "bus"), DontListen: true})
	must(t, err)
	b, err := bus.Connect(testContext(t), bus.Options{Server: server})
	must(t, err)
	for i := range 3 {
		job := ctJob(t, dir)
		job.Nodules[0].PositionLPS[0] = float64(i)
		_, err := b.SubmitJob(testContext(t), "local", "/test", fmt.Sprint(i), job)
		must(t, err)
	}
	b.Close()
	must(t, server.Shutdown(testContext(t)))

	crash(t, crashPlan{DataDir: cfg.DataDir, Point: whileScoring})
	crash(t, crashPlan{DataDir: cfg.DataDir, Point: "result stored"})
	p = start(t, cfg)
	p.settled(func(m map[string]float64) bool {
		return m["nodulescope_deliveries_total/scored"]+m["nodulescope_deliveries_total/answered"] >= 3
	})
	p.idle(3)
}

// A job that kills its worker every time is put aside when its attempts are
// used up, and the next one is scored.
func TestPoisonEnds(t *testing.T) {
	b, dir := newBroker(t), writeCT(t, ctSpec())
	_, err := b.bus.SubmitJob(testContext(t), "local", "/test", "1", ctJob(t, dir))
	must(t, err)
	plan := crashPlan{DataDir: t.TempDir(), BusURL: b.url, Point: whileScoring}
	crash(t, plan)
	crash(t, plan)
	plan.Point = "job put aside" // the third touches no pixel: it must get here
	crash(t, plan)
	letters, err := b.bus.DeadLetters(testContext(t), "local", bus.DeadOptions{})
	must(t, err)
	if len(letters) != 1 || letters[0].Code != string(CodeRetriesExhausted) || letters[0].JobID != "1" {
		t.Errorf("%+v", letters)
	}
	other := ctJob(t, dir)
	other.Nodules[0].ID = "other"
	_, err = b.bus.SubmitJob(testContext(t), "local", "/test", "2", other)
	must(t, err)
	cfg := crashConfig(plan)
	cfg.Detectors, cfg.Logger = testConfig(t).Detectors, testLogger(t)
	start(t, cfg).outcome(outcomeScored, 1)
	exactly(t, b.bus, "local", 1)
}
