package plugin

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/disk"
)

const lookEvery = 10 * time.Second // between two looks at the queue for the metrics

// gauges tell what is asked of the broker and the disk now and then.
type gauges struct {
	waiting   *prometheus.GaugeVec // by priority
	oldest    *prometheus.GaugeVec // by priority
	letters   prometheus.Gauge
	unclaimed prometheus.Gauge
	signIns   prometheus.Counter
	lastLook  prometheus.Gauge
}

func newGauges(registry *prometheus.Registry, dataDir string) *gauges {
	options := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "nodulescope", Name: name, Help: help}
	}
	g := &gauges{
		waiting:   prometheus.NewGaugeVec(options("jobs_waiting", "Jobs in the queue of the site, by priority; those in work are among them."), []string{"priority"}),
		oldest:    prometheus.NewGaugeVec(options("job_oldest_timestamp_seconds", "When the oldest job in the queue was stored, by priority; 0 where there is none."), []string{"priority"}),
		letters:   prometheus.NewGauge(options("dead_waiting", "Dead letters of the site that are kept.")),
		unclaimed: prometheus.NewGauge(options("jobs_unclaimed", "Jobs that wait at sites for which no service has ever run.")),
		signIns:   prometheus.NewCounter(prometheus.CounterOpts{Namespace: "nodulescope", Name: "sign_in_failures_total", Help: "Attempts to sign in to the review page that were refused."}),
		lastLook: prometheus.NewGauge(options("queue_seen_timestamp_seconds",
			"When the broker last told what is in the queue; the gauges of the queue are as old.")),
	}
	registry.MustRegister(g.waiting, g.oldest, g.letters, g.unclaimed, g.signIns, g.lastLook,
		prometheus.NewGaugeFunc(options("disk_free_bytes", "Bytes that may still be written to the disk of the data folder; -1 where that is unknown."), func() float64 {
			free, err := disk.Free(dataDir)
			if err != nil {
				return -1
			}
			return float64(free)
		}))
	for _, priority := range []string{bus.PriorityStat, bus.PriorityRoutine} {
		g.waiting.WithLabelValues(priority)
		g.oldest.WithLabelValues(priority)
	}
	return g
}

// look asks the broker.
func (g *gauges) look(ctx context.Context, b *bus.Bus, site string) error {
	backlog, err := b.Backlog(ctx, site)
	if err != nil {
		return err
	}
	dead, err := b.DeadCount(ctx, site)
	if err != nil {
		return err
	}
	for _, waiting := range backlog {
		g.waiting.WithLabelValues(waiting.Priority).Set(float64(waiting.Jobs))
		oldest := 0.0
		if !waiting.Oldest.IsZero() {
			oldest = float64(waiting.Oldest.UnixMilli()) / 1000
		}
		g.oldest.WithLabelValues(waiting.Priority).Set(oldest)
	}
	g.letters.Set(float64(dead))
	g.lastLook.SetToCurrentTime()
	return nil
}

// audited counts what the audit trail is told.
func (g *gauges) audited(r audit.Record) {
	if r.Kind == audit.KindLoginFailed {
		g.signIns.Inc()
	}
}

// watchQueue keeps the gauges of the queue until ctx ends.
func (p *Plugin) watchQueue(ctx context.Context, b *bus.Bus) {
	tick := time.NewTicker(min(lookEvery, 2*p.watchEvery))
	defer tick.Stop()
	told := 0
	for {
		err := p.metrics.gauges.look(ctx, b, p.cfg.Site)
		var unclaimed map[string]uint64
		if err == nil {
			unclaimed, err = b.Unclaimed(ctx)
		}
		if err == nil {
			told = p.tellUnclaimed(unclaimed, told)
		} else if ctx.Err() == nil {
			p.log.Debug("the queue could not be counted", "error", coded.Summary(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tellUnclaimed counts jobs that nobody works on, and tells of them in the log where there
// are more than it told of before.
func (p *Plugin) tellUnclaimed(bySite map[string]uint64, told int) (now int) {
	for _, n := range bySite {
		now += int(n) //nolint:gosec // of a stream
	}
	p.metrics.gauges.unclaimed.Set(float64(now))
	if now > told {
		p.log.Warn("jobs wait at sites for which no service has ever run: do their senders name the right site?", "jobs", now, "sites", slices.Sorted(maps.Keys(bySite)), "this", p.cfg.Site)
	}
	return now
}
