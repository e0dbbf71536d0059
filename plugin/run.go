package plugin

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/backoff"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/documents"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/pictures"
	"github.com/nodulescope/nodulescope/plugin/internal/tracing"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

const (
	partialAgain    = time.Hour        // up to which a partial answer is looked at again
	shutdownTime    = 20 * time.Second // for the embedded bus to end
	picturesFolder  = "pictures"
	picturesReserve = 256 << 20 // bytes that they leave free beyond Config.MinFreeBytes: they are never what fills a disk
	picturesLimit   = 2 << 30   // bytes: some 3800 findings

	streamsWait = 2 * time.Second // between attempts to make the streams of an external broker
)

// closers end what a run has opened, the last first.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c *closers) close(log *slog.Logger) {
	for _, f := range slices.Backward(*c) {
		if err := f(); err != nil {
			log.Warn("not closed well", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
		}
	}
}

// background runs f beside the rest and waits for its end at the close.
func (c *closers) background(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	c.add(func() error { <-done; return nil })
}

// run opens everything, from the files outwards, and answers jobs until ctx
// ends or a server fails.
func (p *Plugin) run(ctx context.Context) error {
	var opened closers
	defer opened.close(p.log)
	work, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	tracer, err := tracing.New(ctx, tracing.Options{URL: p.cfg.TracesURL, Software: p.cfg.Software, Site: p.cfg.Site, Logger: p.log})
	if err != nil {
		return err
	}
	opened.add(tracer.Close)
	p.tracer = tracer
	kept, trail, err := p.openFiles(&opened)
	if err != nil {
		return err
	}
	if err := p.requireConsent(ctx, trail); err != nil {
		return err
	}
	if err := p.takePromoted(); err != nil {
		return err
	}
	p.set(func(s *parts) { s.trail = trail })
	p.openShadow()
	publisher, err := p.serve(ctx, &opened, kept, trail, fail)
	if err != nil {
		return err
	}
	b, err := p.join(ctx, &opened)
	if err != nil {
		return err
	}
	var queue *bus.JobQueue
	if err := p.patiently(ctx, "job queue", func() (err error) {
		queue, err = b.Jobs(ctx, p.cfg.Site, p.cfg.Queue)
		return err
	}); err != nil {
		return err
	}
	w, moved := p.worker(b, queue, kept, trail), p.clockMoved(kept)
	if err := p.patiently(ctx, "streams", func() error { return p.mendAtStart(ctx, w, kept, trail) }); err != nil {
		return err
	}
	if err := w.Recover(ctx); err != nil {
		return err
	}
	p.set(func(s *parts) { s.bus, s.worker = b, w })
	publisher.Bus = b
	close(p.ready)
	p.log.Info("plugin ready", "site", p.cfg.Site, "slots", p.cfg.Slots, "bus", p.BusURL())
	debug.FreeOSMemory() // what reading models and the ledger took

	opened.background(func() { p.verify(work, kept, trail, fail) })
	opened.background(func() { p.housekeep(work, kept, trail, moved) })
	opened.background(func() { p.follow(work) })
	opened.background(func() { p.watchDrift(work) })
	opened.background(func() { p.heal(work, fail) })
	opened.background(func() { p.watchStreams(work, w, kept) })
	opened.background(func() { p.watchQueue(work, b) })
	opened.background(func() { publisher.Run(work) })
	opened.background(func() { p.empty(work, kept, trail) })
	err = w.Run(work)
	if cause := context.Cause(work); err == nil && ctx.Err() == nil && cause != nil {
		err = cause
	}
	p.log.Info("plugin stopped")
	return err
}

// serve answers on the ports: health and metrics, the review page, and the
// control port. fail is called where one ends by itself.
func (p *Plugin) serve(ctx context.Context, c *closers, k *kept, trail *audit.Trail, fail func(error)) (*store.Publisher, error) {
	addr, err := p.serveHTTP(ctx, c, fail)
	if err != nil {
		return nil, err
	}
	page, publisher, err := p.newReview(k, trail)
	if err != nil {
		return nil, err
	}
	reviewAddr, err := p.serveReview(ctx, c, page, fail)
	if err != nil {
		return nil, err
	}
	p.set(func(s *parts) { s.kept, s.addr, s.review, s.reviewAddr = k, addr, page, reviewAddr })
	stop, err := p.control(ctx, k, trail)
	if err != nil {
		return nil, err
	}
	c.add(func() error { stop(); return nil })
	return publisher, nil
}

// openFiles opens what is kept on the disk. The ledger's lock covers all of it.
func (p *Plugin) openFiles(c *closers) (*kept, *audit.Trail, error) {
	if err := os.MkdirAll(p.cfg.DataDir, 0o700); err != nil {
		return nil, nil, coded.New(CodeSettings, "open data folder", "it cannot be created: name another folder", err)
	}
	if err := checkRestored(p.cfg.DataDir); err != nil {
		return nil, nil, err
	}
	k, err := p.openLedger(p.cfg.DataDir)
	if err != nil {
		return nil, nil, err
	}
	c.add(k.Close)
	trail, err := audit.Open(p.auditFile())
	if err != nil {
		return nil, nil, err
	}
	c.add(trail.Close)
	trail.FileBytes = p.cfg.AuditFileBytes
	trail.Observe = func(r audit.Record) {
		p.metrics.gauges.audited(r)
		p.traceDecision(k, r)
	}
	if p.sends() {
		k.send(p.cfg.Send.kinds())
	}
	kept, err := pictures.Open(filepath.Join(p.cfg.DataDir, picturesFolder), picturesLimit, func() error { return p.checkFree(p.cfg.MinFreeBytes + picturesReserve) })
	if err != nil {
		p.log.Warn("pictures are not kept: the data folder cannot be written")
	}
	p.set(func(s *parts) { s.pictures = kept })
	return k, trail, nil
}

// worker answers the jobs of a queue.
func (p *Plugin) worker(b *bus.Bus, queue *bus.JobQueue, k *kept, trail *audit.Trail) *jobs.Worker {
	w := &jobs.Worker{
		Site: p.cfg.Site, Software: p.cfg.Software,
		Models: p.models.get, Series: p.reader, MaxPaddingPct: p.cfg.MaxPaddingPct,
		Arrival: jobs.Arrival{Quiet: p.cfg.Quiet, Limit: p.cfg.QuietLimit, Again: partialAgain},
		Slots:   p.cfg.Slots, MaxAttempts: p.cfg.MaxAttempts, RetryDelay: p.cfg.RetryDelay, JobTimeout: p.cfg.JobTimeout, Grace: p.cfg.Grace,
		Pictures: func(identity string) jobs.Draft {
			return noisy{p.state().pictures.Begin(store.IDOf(identity)), identity, &p.noise}
		},
		Room: p.checkSpace, Shared: p.state().own == nil, Bus: b, Queue: queue, Ledger: k.Ledger, Audit: trail, Keeper: k, Metrics: liveMetrics{p.metrics, &p.shadow}, Trace: p.tracer, Log: p.log,
		Published: func(env bus.Envelope, job bus.Job, s *dicomio.Series, r bus.Result) {
			p.shadow.offer(taken(env, job, r))
			p.noteDrift(s, &r)
		},
	}
	if slices.Contains(k.onResult, outbox.Report) {
		w.ReportUID = func(r bus.Result) string {
			outlines := slices.Contains(k.onResult, outbox.Outline) && documents.Outlined(r)
			return sr.Report{Identity: r.Identity, Outlines: outlines}.SOPInstanceUID()
		}
	}
	return w
}

// scoring are the settings with which nodules of a result are scored again.
func (p *Plugin) scoring(r *bus.Result) scoring.Request {
	by := p.models.of(r)
	return scoring.Request{Software: p.cfg.Software, Detectors: by.Detectors, Outliner: by.Outliner, Rungs: by.Rungs, Series: p.reader, MaxPaddingPct: p.cfg.MaxPaddingPct}
}

// join starts a server where none is named, connects, and makes the streams.
func (p *Plugin) join(ctx context.Context, c *closers) (*bus.Bus, error) {
	opts := p.cfg.Bus
	external := opts.URL != ""
	if !external && opts.Server == nil {
		server, err := bus.Start(ctx, p.cfg.Server)
		if err != nil {
			return nil, err
		}
		p.set(func(s *parts) { s.own = server })
		c.add(func() error {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			return server.Shutdown(ctx)
		})
		opts.Server = server
	}
	opts.Wait, opts.Observe, opts.Waiting = opts.Wait || external, p.metrics.brokerCall, p.waitsFor
	p.set(func(s *parts) { s.server = opts.Server })
	b, err := bus.Connect(ctx, opts)
	if err != nil {
		return nil, p.stopped(ctx, err)
	}
	c.add(func() error { b.Close(); return nil })
	return b, p.patiently(ctx, "streams", func() error { return b.EnsureStreams(ctx) })
}

// patiently tries until an external broker, which may be starting or electing,
// does what the start needs. The embedded one has no such excuse.
func (p *Plugin) patiently(ctx context.Context, what string, do func() error) error {
	for {
		err := do()
		if err == nil || p.cfg.Bus.URL == "" || bus.CodeOf(err) != bus.CodeStream {
			return p.stopped(ctx, err)
		}
		p.log.Warn(what+" not ready, trying again", "error", coded.Summary(err))
		p.waitsFor(err)
		if err := backoff.Wait(ctx, streamsWait); err != nil {
			return err
		}
	}
}

// waitsFor notes what a start waits for, for readiness.
func (p *Plugin) waitsFor(err error) { p.set(func(s *parts) { s.waiting = err }) }

// stopped takes an error for the end of ctx where that has ended.
func (p *Plugin) stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

const day = 24 * time.Hour

// clockMoved tells whether the clock shows another day than when the streams were last
// looked at: the service was off for long, or the clock is wrong.
func (p *Plugin) clockMoved(k *kept) bool {
	known, err := k.Holdings()
	seen := known[bus.StreamJobs].Seen
	return err == nil && !seen.IsZero() && time.Since(seen).Abs() > day
}

// housekeep forgets old results now and once a day, and the first time after a day where
// the clock may be wrong.
func (p *Plugin) housekeep(ctx context.Context, k *kept, trail *audit.Trail, wait bool) {
	tick := time.NewTicker(day)
	defer tick.Stop()
	if wait {
		p.log.Warn("the clock shows another day than when the service last ran: nothing old is removed before tomorrow; see that it is right")
	}
	for ; ; wait = false {
		if !wait {
			p.expire(k)
			p.expireAudit(trail)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *Plugin) expire(k *kept) {
	gone, err := k.expire(time.Now().Add(-p.cfg.KeepResults))
	if err != nil {
		p.log.Warn("ledger not tidied", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
	} else if gone > 0 {
		p.log.Info("old results forgotten", "results", gone)
	}
	if err := p.state().pictures.Tidy(k.review.Has); err != nil {
		p.log.Warn("old pictures not removed")
	}
}

func (p *Plugin) expireAudit(trail *audit.Trail) {
	if p.cfg.KeepAudit == 0 {
		return
	}
	files, err := trail.Expire(time.Now().Add(-p.cfg.KeepAudit))
	if err != nil {
		p.log.Warn("old files of the audit trail not removed", "code", bus.ProblemOf(err).Code, "error", coded.Summary(err))
	} else if files > 0 {
		p.log.Info("old files of the audit trail removed", "files", files)
	}
}
