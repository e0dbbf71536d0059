package plugin

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// crashPlan tells the child what to do.
type crashPlan struct {
	DataDir string
	BusURL  string // empty: a server of its own
	Point   string // a line of the log, or whileScoring
	Site    string
	Decide  bool     // decide on a finding over HTTP
	Chaos   bool     // a process of the fault harness, see chaosChild
	Routes  []string // of a cluster, whose server has the first; empty: a server by itself
	Backup  string   // make a backup there amid many jobs, see backupChild
	Shipped bool     // score with what the binary ships
	Hold    bool     // score nothing, for ever
	Port    string   // that its own bus listens on; empty: it does not
	Clock   string   // of a clock that jumps, see plugintest.FollowClock; empty: that of the machine
	Page    string   // address of the review page; empty: any, where Decide is set

	PACS, User, PasswordFile string // where results are stored
	Candidates               string // a watcher of that PACS which takes them from this folder, see chaosWatch
}

const whileScoring = "scoring"

func TestMain(m *testing.M) { plugintest.Main(m, runAndCrash) }

func runAndCrash(plan crashPlan) error {
	if plan.Chaos {
		return chaosChild(plan)
	}
	if plan.Backup != "" {
		return backupChild(plan)
	}
	d, err := plugintest.NewDetector()
	if err != nil {
		return err
	}
	cfg := crashConfig(plan)
	cfg.Logger = slog.New(plugintest.DieAt(plan.Point))
	cfg.Detectors = append(cfg.Detectors, plugintest.Wrapped{Detector: d, Before: func(context.Context, []nodule.Patch) error {
		if plan.Point == whileScoring {
			plugintest.Die()
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
	if plan.Decide || plan.Page != "" {
		review.Addr = cmp.Or(plan.Page, "127.0.0.1:0")
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

// A worker that is killed at any point of its work, with the broker's memory
// of message ids gone when the next one starts: one result, no job left, none
// put aside.
func TestKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("of a race in the processes that are killed nobody would hear")
	}
	for _, tt := range []struct {
		point   string
		outcome jobs.Outcome
		stored  uint64 // results when the child is dead
	}{
		{whileScoring, jobs.Scored, 0},
		{"result intended", jobs.Answered, 0}, // published at the start already
		{"result stored", jobs.Answered, 1},
		{"result noted", jobs.Answered, 1},
	} {
		t.Run(tt.point, func(t *testing.T) {
			b, dir := plugintest.NewBroker(t), plugintest.WriteCT(t, plugintest.CT())
			_, err := b.Bus.SubmitJob(plugintest.Context(t), "local", "/test", "1", plugintest.Job(dir))
			plugintest.Must(t, err)
			plan := crashPlan{DataDir: t.TempDir(), BusURL: b.URL, Point: tt.point}
			plugintest.Crash(t, plan)
			if n := b.Messages(bus.StreamResults); n != tt.stored {
				t.Fatalf("%d results at the crash, want %d", n, tt.stored)
			}
			if n := b.Messages(bus.StreamJobs); n != 1 {
				t.Fatalf("%d jobs at the crash", n)
			}
			b.ForgetResults()
			cfg := crashConfig(plan)
			cfg.Detectors, cfg.Logger = testConfig(t).Detectors, plugintest.Logger(t)
			p := start(t, cfg)
			p.outcome(tt.outcome, 1)
			r := plugintest.Exactly(t, b.Bus, "local", 1)[0]
			want, _, err := scoring.Score(t.Context(), scoring.Request{Source: "/test", Job: plugintest.Job(dir), Detectors: cfg.Detectors})
			plugintest.Must(t, err)
			if r.Identity != want.Identity || !gocmp.Equal(r.Nodules[0].Scores[0], want.Nodules[0].Scores[0]) {
				t.Errorf("%+v, want %+v", r.Result, want)
			}
			if jobs, dead := b.Messages(bus.StreamJobs), b.Messages(bus.StreamDead); jobs != 0 || dead != 0 {
				t.Errorf("%d jobs are left, %d are dead", jobs, dead)
			}
			if tt.stored == 1 { // was it the ledger, or the broker after all?
				ack, err := b.Bus.PublishResult(plugintest.Context(t), "local", "/test", r.Result)
				if err != nil || ack.Duplicate {
					t.Errorf("the broker had not forgotten: %+v, %v", ack, err)
				}
			}
		})
	}
}

// A worker that lost its ledger finds the result of a job that comes again.
func TestKilledAndLedgerLost(t *testing.T) {
	b, dir := plugintest.NewBroker(t), plugintest.WriteCT(t, plugintest.CT())
	_, err := b.Bus.SubmitJob(plugintest.Context(t), "local", "/test", "1", plugintest.Job(dir))
	plugintest.Must(t, err)
	plan := crashPlan{DataDir: t.TempDir(), BusURL: b.URL, Point: "result stored"}
	plugintest.Crash(t, plan)
	b.ForgetResults()
	plugintest.Must(t, os.Remove(filepath.Join(plan.DataDir, "ledger.db")))
	cfg := crashConfig(plan)
	cfg.Detectors, cfg.Logger = testConfig(t).Detectors, plugintest.Logger(t)
	p := start(t, cfg)
	p.outcome(jobs.Answered, 1)
	plugintest.Exactly(t, b.Bus, "local", 1)
}

// The whole process with its own bus is killed during a job and started again.
func TestKilledWithItsBus(t *testing.T) {
	cfg := testConfig(t)
	cfg.Queue.AckWait = time.Second
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	plugintest.Must(t, p.stop())
	server, err := bus.Start(plugintest.Context(t), bus.ServerOptions{StoreDir: filepath.Join(cfg.DataDir, "bus"), DontListen: true})
	plugintest.Must(t, err)
	b, err := bus.Connect(plugintest.Context(t), bus.Options{Server: server})
	plugintest.Must(t, err)
	for i := range 3 {
		job := plugintest.Job(dir)
		job.Nodules[0].PositionLPS[0] = float64(i)
		_, err := b.SubmitJob(plugintest.Context(t), "local", "/test", fmt.Sprint(i), job)
		plugintest.Must(t, err)
	}
	b.Close()
	plugintest.Must(t, server.Shutdown(plugintest.Context(t)))

	plugintest.Crash(t, crashPlan{DataDir: cfg.DataDir, Point: whileScoring})
	plugintest.Crash(t, crashPlan{DataDir: cfg.DataDir, Point: "result stored"})
	p = start(t, cfg)
	p.settled(func(m map[string]float64) bool {
		return m["nodulescope_deliveries_total/scored"]+m["nodulescope_deliveries_total/answered"] >= 3
	})
	p.idle(3)
}

// A job that kills its worker every time is put aside when its attempts are
// used up, and the next one is scored.
func TestPoisonEnds(t *testing.T) {
	b, dir := plugintest.NewBroker(t), plugintest.WriteCT(t, plugintest.CT())
	_, err := b.Bus.SubmitJob(plugintest.Context(t), "local", "/test", "1", plugintest.Job(dir))
	plugintest.Must(t, err)
	plan := crashPlan{DataDir: t.TempDir(), BusURL: b.URL, Point: whileScoring}
	plugintest.Crash(t, plan)
	plugintest.Crash(t, plan)
	plan.Point = "job put aside" // the third touches no pixel: it must get here
	plugintest.Crash(t, plan)
	letters, err := b.Bus.DeadLetters(plugintest.Context(t), "local", bus.DeadOptions{})
	plugintest.Must(t, err)
	if len(letters) != 1 || letters[0].Code != string(CodeRetriesExhausted) || letters[0].JobID != "1" {
		t.Errorf("%+v", letters)
	}
	other := plugintest.Job(dir)
	other.Nodules[0].ID = "other"
	_, err = b.Bus.SubmitJob(plugintest.Context(t), "local", "/test", "2", other)
	plugintest.Must(t, err)
	cfg := crashConfig(plan)
	cfg.Detectors, cfg.Logger = testConfig(t).Detectors, plugintest.Logger(t)
	start(t, cfg).outcome(jobs.Scored, 1)
	plugintest.Exactly(t, b.Bus, "local", 1)
}
