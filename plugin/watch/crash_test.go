package watch

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/logtest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// crashPlan is what a watcher does that ends itself at a line of its log.
type crashPlan struct{ Dir, Root, BusURL, Point string }

func TestMain(m *testing.M) { plugintest.Main(m, runAndCrash) }

func runAndCrash(plan crashPlan) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	b, err := bus.Connect(ctx, bus.Options{URL: plan.BusURL})
	if err != nil {
		return err
	}
	w, err := New(plan.options(b, slog.New(plugintest.DieAt(plan.Point))))
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

// TestKilled: a watcher that is killed at any point, with a table and a job
// that was sent ahead: each makes one job.
func TestKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("of a race in the processes that are killed nobody would hear")
	}
	for _, point := range []string{"job held", "job kept", "series looked at", "job due", "job stored", "job published"} {
		t.Run(point, func(t *testing.T) {
			broker := plugintest.NewBroker(t)
			b := broker.Bus
			r := &rig{t: t, root: t.TempDir(), bus: b, log: &logtest.Buffer{}}
			r.slices("ct", ctSpec(), 0, 24)
			r.write("nodules.csv", rowsOf(seriesUID+",1,2,3,7.5"))
			_, err := b.SubmitJob(t.Context(), "early", "/detector", "study-17", bus.Job{SeriesUID: seriesUID, URI: "file:///elsewhere", Nodules: []bus.JobNodule{{ID: "n1"}}})
			plugintest.Must(t, err)

			plan := crashPlan{Dir: t.TempDir(), Root: r.root, BusURL: broker.URL, Point: point}
			plugintest.Crash(t, plan)

			w, err := New(plan.options(b, slog.New(slog.NewTextHandler(r.log, nil))))
			plugintest.Must(t, err)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			for limit := time.Now().Add(40 * time.Second); ; time.Sleep(20 * time.Millisecond) { // a job that was in work comes again after AckWait
				list, err := ReadList(plan.Dir)
				jobs, busErr := b.WaitingJobs(t.Context(), "local", 10)
				plugintest.Must(t, busErr)
				early, busErr := b.WaitingJobs(t.Context(), "early", 10)
				plugintest.Must(t, busErr)
				if err == nil && len(list) == 0 && len(jobs) == 2 && len(early) == 0 || time.Now().After(limit) {
					break
				}
			}
			stop()
			plugintest.Must(t, <-ended)
			plugintest.Must(t, w.Close())
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
