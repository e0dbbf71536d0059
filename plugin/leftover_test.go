package plugin

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// Jobs that were settled, and whose messages the disk has all the same, leave the queue; one
// that came since and has not ended stays in it.
func TestSettledJobsLeaveTheQueue(t *testing.T) {
	t.Parallel()
	const n = 4
	cfg := instantConfig(t)
	cfg.Queue.AckWait = 500 * time.Millisecond // after which a job comes again that was handed back too late
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	submitMany(t, p.bus, dir, 0, n)
	p.results(n)
	plugintest.Must(t, p.stop())

	held := cfg
	held.Grace = time.Millisecond
	held.Detectors = []detector.Detector{plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(ctx context.Context, _ []nodule.Patch) error {
		<-ctx.Done()
		return ctx.Err()
	}}}
	p = start(t, held)
	submitMany(t, p.bus, dir, n, n)
	plugintest.Must(t, p.stop())
	messages := filepath.Dir(block(t, cfg.DataDir, bus.StreamJobs))
	before := filepath.Join(t.TempDir(), "msgs")
	plugintest.Must(t, os.CopyFS(before, os.DirFS(messages)))
	p = start(t, cfg)
	p.results(2 * n)
	p.outcome(jobs.Scored, n)
	plugintest.Must(t, p.stop())
	plugintest.Must(t, os.RemoveAll(messages))
	plugintest.Must(t, os.CopyFS(messages, os.DirFS(before)))

	p = start(t, held)
	submitMany(t, p.bus, dir, 2*n, 1)
	plugintest.WaitFor(t, func() bool {
		h, err := p.bus.Holding(plugintest.Context(t), bus.StreamJobs)
		plugintest.Must(t, err)
		return h.Messages == 1
	})
	plugintest.Must(t, p.stop())
	p = start(t, cfg)
	p.outcome(jobs.Scored, 1)
	p.idle(2*n + 1)
	if lines := auditLines(t, cfg.DataDir, audit.KindDamage); len(lines) != 0 {
		t.Errorf("%+v", lines)
	}
}
