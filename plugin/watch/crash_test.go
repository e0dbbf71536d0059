package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
)

// The test binary is also the process that is killed: with this variable it
// runs a watcher that ends itself by SIGKILL at a line of its log.
const crashVariable = "NODULESCOPE_TEST_WATCH_CRASH"

type crashPlan struct{ Dir, Root, BusURL, Point string }

func TestMain(m *testing.M) {
	if text := os.Getenv(crashVariable); text != "" {
		fmt.Fprintln(os.Stderr, "the watcher lives on:", runAndCrash(text))
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func runAndCrash(text string) error {
	var plan crashPlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	b, err := bus.Connect(ctx, bus.Options{URL: plan.BusURL})
	if err != nil {
		return err
	}
	w, err := New(plan.options(b, slog.New(crashAt{plan.Point})))
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

func (p crashPlan) options(b *bus.Bus, log *slog.Logger) Options {
	return Options{
		Source: &Folder{Root: p.Root, Quiet: 50 * time.Millisecond}, Bus: b, Dir: p.Dir, HoldSite: "early", Queue: bus.ConsumerOptions{AckWait: 500 * time.Millisecond, PollWait: 20 * time.Millisecond}, Interval: 10 * time.Millisecond, Logger: log,
	}
}

// crashAt is a log handler that ends the process at a line.
type crashAt struct{ point string }

func (c crashAt) Enabled(context.Context, slog.Level) bool { return true }
func (c crashAt) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c crashAt) WithGroup(string) slog.Handler            { return c }
func (c crashAt) Handle(_ context.Context, r slog.Record) error {
	if r.Message != c.point {
		return nil
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// TestKilled: a watcher that is killed at any point, with a table and a job
// that was sent ahead: each makes one job.
func TestKilled(t *testing.T) {
	for _, point := range []string{"job held", "job kept", "series looked at", "job due", "job stored", "job published"} {
		t.Run(point, func(t *testing.T) {
			server, err := bus.Start(t.Context(), bus.ServerOptions{StoreDir: t.TempDir(), Port: -1})
			must(t, err)
			t.Cleanup(func() { _ = server.Shutdown(context.Background()) })
			b, err := bus.Connect(t.Context(), bus.Options{Server: server})
			must(t, err)
			t.Cleanup(b.Close)
			must(t, b.EnsureStreams(t.Context()))
			r := &rig{t: t, root: t.TempDir(), bus: b, log: &lockedBuffer{}}
			r.slices("ct", ctSpec(), 0, 24)
			r.write("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5"))
			_, err = b.SubmitJob(t.Context(), "early", "/detector", "study-17", bus.Job{SeriesUID: seriesUID, URI: "file:///elsewhere", Nodules: []bus.JobNodule{{ID: "n1"}}})
			must(t, err)

			plan := crashPlan{Dir: t.TempDir(), Root: r.root, BusURL: server.URL(), Point: point}
			text, err := json.Marshal(plan)
			must(t, err)
			cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test
			cmd.Env = append(os.Environ(), crashVariable+"="+string(text))
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != -1 {
				t.Fatalf("the child was not killed: %v\n%s", err, out)
			}

			w, err := New(plan.options(b, slog.New(slog.NewTextHandler(r.log, nil))))
			must(t, err)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			for limit := time.Now().Add(40 * time.Second); ; time.Sleep(20 * time.Millisecond) { // a job that was in work comes again after AckWait
				list, err := ReadList(plan.Dir)
				jobs, busErr := b.WaitingJobs(t.Context(), "local", 10)
				must(t, busErr)
				early, busErr := b.WaitingJobs(t.Context(), "early", 10)
				must(t, busErr)
				if err == nil && len(list) == 0 && len(jobs) == 2 && len(early) == 0 || time.Now().After(limit) {
					break
				}
			}
			stop()
			must(t, <-ended)
			must(t, w.Close())
			ids := map[string]bool{}
			for _, job := range r.jobs(2) {
				ids[job.ID] = true
			}
			if !ids["study-17"] || len(ids) != 2 {
				t.Errorf("%v", ids)
			}
		})
	}
}
