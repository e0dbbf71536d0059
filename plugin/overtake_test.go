package plugin

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// Urgent jobs that come while the only slot works on a long routine one are
// answered before it, between its batches, and one on its own series after it.
// Routine ones wait.
func TestUrgentOvertakes(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	var p *running
	scan, other := plugintest.WriteCT(t, plugintest.CT()), plugintest.CT()
	other.SeriesUID = plugintest.SeriesUID + ".7"
	elsewhere := plugintest.WriteCT(t, other)
	urgent := func(id, dir, series string) bus.Job {
		job := plugintest.Job(dir)
		job.Nodules[0].ID, job.SeriesUID, job.Priority = id, series, bus.PriorityStat
		return job
	}
	var once sync.Once
	cfg.Detectors = []detector.Detector{plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(_ context.Context, patches []nodule.Patch) error {
		if len(patches) < 16 {
			return nil
		}
		once.Do(func() { // in the midst of the first batch of many
			p.submit("/test", "same", urgent("same", scan, plugintest.SeriesUID))
			for i := range 2 {
				p.submit("/test", fmt.Sprint("urgent", i), urgent(fmt.Sprint("urgent", i), elsewhere, other.SeriesUID))
			}
			routine := urgent("routine", elsewhere, other.SeriesUID)
			routine.Priority = bus.PriorityRoutine
			p.submit("/test", "routine", routine)
		})
		waitOvertake()
		return nil
	}}}
	p = start(t, cfg)
	p.submit("/test", "long", longJob(scan))
	var order []string
	for _, r := range p.results(5) {
		order = append(order, r.JobID)
	}
	p.idle(5)
	if fmt.Sprint(order[:3]) != "[urgent0 urgent1 long]" {
		t.Errorf("answered in the order %v", order)
	}
}

// The time that urgent jobs take is not that of the routine job which they overtake,
// and its slot does not hang meanwhile.
func TestOvertakenJobKeepsItsTime(t *testing.T) {
	if testing.Short() {
		t.Skip("its limit of 12 s is too short for the race detector on a busy machine")
	}
	t.Parallel()
	cfg := instantConfig(t)
	cfg.JobTimeout, cfg.MaxAttempts = 12*time.Second, 1
	var p *running
	other := plugintest.CT()
	other.SeriesUID = plugintest.SeriesUID + ".7"
	elsewhere := plugintest.WriteCT(t, other)
	const urgent = 5 // longer together than a slot may have one job
	var once sync.Once
	cfg.Detectors = []detector.Detector{plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(_ context.Context, patches []nodule.Patch) error {
		if len(patches) < 16 { // an urgent one
			time.Sleep(cfg.JobTimeout / 4)
			if err := p.state().worker.Alive(0); err != nil {
				t.Error(err)
			}
			return nil
		}
		once.Do(func() {
			for i := range urgent {
				job := plugintest.Job(elsewhere)
				job.Nodules[0].ID, job.SeriesUID, job.Priority = fmt.Sprint("urgent", i), other.SeriesUID, bus.PriorityStat
				p.submit("/test", fmt.Sprint("urgent", i), job)
			}
			waitOvertake()
		})
		return nil
	}}}
	p = start(t, cfg)
	p.submit("/test", "long", longJob(plugintest.WriteCT(t, plugintest.CT())))
	p.outcome(jobs.Scored, urgent+1)
	p.idle(urgent + 1)
}

// slowLine takes its time for one line of a log.
type slowLine struct {
	slog.Handler
	line string
	took time.Duration
}

func (h slowLine) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h slowLine) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == h.line {
		time.Sleep(h.took)
	}
	return h.Handler.Handle(ctx, r)
}

// So many urgent jobs wait for the series of a routine one that the first comes again
// before the last was looked at: the routine one goes on all the same, and they after it.
func TestUrgentOnesOfTheSameSeriesDoNotHoldItUp(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	cfg.Logger = slog.New(slowLine{cfg.Logger.Handler(), "an urgent job overtakes", 90 * time.Millisecond})
	const urgent = 15
	var p *running
	scan := plugintest.WriteCT(t, plugintest.CT())
	var once sync.Once
	cfg.Detectors = []detector.Detector{plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(_ context.Context, patches []nodule.Patch) error {
		if len(patches) < 16 {
			return nil
		}
		once.Do(func() {
			for i := range urgent {
				job := plugintest.Job(scan)
				job.Nodules[0].ID, job.Priority = fmt.Sprint("urgent", i), bus.PriorityStat
				p.submit("/test", fmt.Sprint("urgent", i), job)
			}
			waitOvertake()
		})
		return nil
	}}}
	p = start(t, cfg)
	p.submit("/test", "long", longJob(scan))
	if first := p.results(urgent + 1)[0].JobID; first != "long" {
		t.Errorf("%s was answered first", first)
	}
	p.idle(urgent + 1)
}

// longJob is a routine one of several batches.
func longJob(dir string) bus.Job {
	long := plugintest.Job(dir)
	long.Nodules = nil
	for i := range 64 {
		n := plugintest.Job(dir).Nodules[0]
		n.ID, n.PositionLPS = fmt.Sprint("n", i), [3]float64{float64(i%4) - 2, float64(i/4%4) - 2, float64(i/16) - 2}
		long.Nodules = append(long.Nodules, n)
	}
	return long
}

// waitOvertake lets a batch take longer than the worker waits between two looks
// for urgent jobs.
func waitOvertake() { time.Sleep(300 * time.Millisecond) }
