package plugin

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/sr"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/problem"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/review"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// shutdownTime bounds the end of the embedded bus.
const shutdownTime = 20 * time.Second

// Plugin is the service as a library. See [New].
type Plugin struct {
	cfg     Config
	metrics *metrics
	log     *slog.Logger
	reader  series.Reader

	mu      sync.Mutex
	parts   parts
	started bool
	ready   chan struct{} // closed when jobs are taken
	ended   chan struct{} // closed when Run has returned
	err     error         // of Run, once ended
}

// parts are what a run has opened.
type parts struct {
	kept   *kept
	bus    *bus.Bus
	server *bus.Server // nil where the bus is external
	addr   string      // of HTTP

	review     *review.Server // nil where no page is served
	reviewAddr string
}

// New checks the settings and returns a plugin that opens nothing before
// [Plugin.Run].
func New(cfg Config) (*Plugin, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	archives, err := series.NewArchives(cfg.PACS...)
	if err != nil {
		return nil, err
	}
	p := &Plugin{
		cfg: cfg, reader: series.Reader{Roots: cfg.AllowedRoots, Archives: archives}, metrics: newMetrics(scoring.Describe(cfg.Detectors), cfg.Software), log: cfg.Logger.With("part", "plugin"),
		ready: make(chan struct{}), ended: make(chan struct{}),
	}
	p.metrics.outbox(p.outboxStatus)
	p.metrics.device(cfg.compute)
	return p, nil
}

// Run opens the ledger, starts or joins the bus, and answers jobs until ctx
// ends; then it finishes or hands back what it holds, within Config.Grace, and
// returns nil. It runs once. Codes of errors: settings_invalid, ledger_failed,
// ledger_locked, audit_failed, and those of bus.Start, bus.Connect and
// bus.EnsureStreams. It waits for an external broker that is not there yet.
func (p *Plugin) Run(ctx context.Context) (err error) {
	p.mu.Lock()
	if p.started {
		p.mu.Unlock()
		return coded.New(CodeSettings, "run plugin", "it was run already: make a new one", nil)
	}
	p.started = true
	p.mu.Unlock()
	defer func() {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = nil // asked to stop while it started
		}
		p.mu.Lock()
		p.err, p.parts.bus, p.parts.kept = err, nil, nil
		p.mu.Unlock()
		close(p.ended)
	}()
	return p.run(ctx)
}

func (p *Plugin) run(ctx context.Context) error {
	var closers []func() error
	defer func() {
		for i := len(closers) - 1; i >= 0; i-- {
			if err := closers[i](); err != nil {
				p.log.Warn("not closed well", "code", problem.Code(err), "error", problem.Summary(err))
			}
		}
	}()
	kept, trail, err := p.openFiles(&closers)
	if err != nil {
		return err
	}
	addr, stopHTTP, failed, err := p.serve(ctx, p.cfg.HTTPAddr, p.log)
	if err != nil {
		return err
	}
	closers = append(closers, func() error { stopHTTP(); return nil })
	page, publisher, err := p.newReview(kept, trail)
	if err != nil {
		return err
	}
	reviewAddr, stopReview, reviewFailed, err := p.serveReview(ctx, page)
	if err != nil {
		return err
	}
	closers = append(closers, func() error { stopReview(); return nil })
	p.set(func(s *parts) { s.kept, s.addr, s.review, s.reviewAddr = kept, addr, page, reviewAddr })
	stopControl, err := p.control(ctx, kept.outbox)
	if err != nil {
		return err
	}
	closers = append(closers, func() error { stopControl(); return nil })

	b, err := p.join(ctx, &closers)
	if err != nil {
		return err
	}
	queue, err := b.Jobs(ctx, p.cfg.Site, p.cfg.Queue)
	if err != nil {
		return err
	}
	w := p.worker(b, queue, kept, trail)
	if err := w.Recover(ctx); err != nil {
		return err
	}
	p.set(func(s *parts) { s.bus = b })
	publisher.Bus = b
	close(p.ready)
	p.log.Info("plugin ready", "site", p.cfg.Site, "slots", p.cfg.Slots, "bus", p.BusURL())

	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go p.housekeep(work, kept)
	published := make(chan struct{})
	go func() {
		defer close(published)
		publisher.Run(work)
	}()
	closers = append(closers, func() error { <-published; return nil })
	emptied := make(chan struct{})
	go func() {
		defer close(emptied)
		p.empty(work, kept, trail)
	}()
	closers = append(closers, func() error { <-emptied; return nil })
	go func() {
		select {
		case err := <-failed:
			stop(err)
		case err := <-reviewFailed:
			stop(err)
		case <-work.Done():
		}
	}()
	err = w.Run(work)
	if cause := context.Cause(work); err == nil && ctx.Err() == nil && cause != nil {
		err = cause
	}
	p.log.Info("plugin stopped")
	return err
}

// openFiles opens what is kept on the disk. The ledger's lock covers all of it.
func (p *Plugin) openFiles(closers *[]func() error) (*kept, *audit.Trail, error) {
	if err := os.MkdirAll(p.cfg.DataDir, 0o700); err != nil {
		return nil, nil, coded.New(CodeSettings, "open data folder", "it cannot be made: name another folder", err)
	}
	k, err := openKept(p.cfg.DataDir)
	if err != nil {
		return nil, nil, err
	}
	*closers = append(*closers, k.Close)
	trail, err := audit.Open(filepath.Join(p.cfg.DataDir, "audit.jsonl"))
	if err != nil {
		return nil, nil, err
	}
	*closers = append(*closers, trail.Close)
	if p.sends() {
		k.send(p.cfg.Send.kinds())
	}
	p.expire(k)
	return k, trail, nil
}

// worker answers the jobs of a queue.
func (p *Plugin) worker(b *bus.Bus, queue *bus.JobQueue, k *kept, trail *audit.Trail) *jobs.Worker {
	w := &jobs.Worker{
		Site: p.cfg.Site, Software: p.cfg.Software,
		Detectors: p.cfg.Detectors, Series: p.reader, MaxPaddingPct: p.cfg.MaxPaddingPct,
		Slots: p.cfg.Slots, MaxAttempts: p.cfg.MaxAttempts, RetryDelay: p.cfg.RetryDelay, JobTimeout: p.cfg.JobTimeout, Grace: p.cfg.Grace,
		Bus: b, Queue: queue, Ledger: k.Ledger, Audit: trail, Keeper: k, Metrics: p.metrics, Log: p.log,
	}
	if slices.Contains(k.onResult, outbox.Report) {
		w.ReportUID = func(identity string) string { return sr.Report{Identity: identity}.SOPInstanceUID() }
	}
	return w
}

// scoring are the settings with which nodules of a result are scored again.
func (p *Plugin) scoring() scoring.Request {
	return scoring.Request{Software: p.cfg.Software, Detectors: p.cfg.Detectors, Series: p.reader, MaxPaddingPct: p.cfg.MaxPaddingPct}
}

// join starts a server where none is named, connects, and makes the streams.
func (p *Plugin) join(ctx context.Context, closers *[]func() error) (*bus.Bus, error) {
	opts := p.cfg.Bus
	external := opts.URL != ""
	if !external && opts.Server == nil {
		server, err := bus.Start(ctx, p.cfg.Server)
		if err != nil {
			return nil, err
		}
		*closers = append(*closers, func() error {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			return server.Shutdown(ctx)
		})
		opts.Server = server
	}
	opts.Wait = opts.Wait || external
	p.set(func(s *parts) { s.server = opts.Server })
	b, err := bus.Connect(ctx, opts)
	if err != nil {
		return nil, p.stopped(ctx, err)
	}
	*closers = append(*closers, func() error { b.Close(); return nil })
	for {
		err := b.EnsureStreams(ctx)
		if err == nil || !external || bus.CodeOf(err) != bus.CodeStream {
			return b, p.stopped(ctx, err)
		}
		p.log.Warn("streams not ready, trying again", "error", problem.Summary(err))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
}

// stopped takes an error for the end of ctx where that has ended.
func (p *Plugin) stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// housekeep forgets old results once a day.
func (p *Plugin) housekeep(ctx context.Context, k *kept) {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.expire(k)
		}
	}
}

func (p *Plugin) expire(k *kept) {
	gone, err := k.expire(time.Now().Add(-p.cfg.KeepResults))
	if err != nil {
		p.log.Warn("ledger not tidied", "code", problem.Code(err), "error", problem.Summary(err))
	} else if gone > 0 {
		p.log.Info("old results forgotten", "results", gone)
	}
}

func (p *Plugin) set(change func(*parts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.parts)
}

func (p *Plugin) state() parts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parts
}

// Bus waits until jobs are taken and returns the plugin's own connection, to
// submit jobs and follow results with. It is closed when Run ends. Where Run
// ended before, its error is returned.
func (p *Plugin) Bus(ctx context.Context) (*bus.Bus, error) {
	select {
	case <-p.ready:
		if b := p.state().bus; b != nil {
			return b, nil
		}
		<-p.ended
	case <-p.ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	return nil, coded.New(CodeInternal, "use bus", "the plugin has stopped", nil)
}

// BusURL is the address at which other processes reach the bus: that of the
// external broker as it was given, without a password, or of the embedded
// server. It is empty before the bus is there and where it does not listen.
func (p *Plugin) BusURL() string {
	if server := p.state().server; server != nil && !p.cfg.Server.DontListen {
		return server.URL()
	}
	return redact(p.cfg.Bus.URL)
}

// redact drops users and passwords of a list of URLs.
func redact(list string) string {
	if list == "" {
		return ""
	}
	var shown []string
	for raw := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(raw))
		if err != nil || u.Host == "" { // host:port without a scheme, or not an address at all
			shown = append(shown, "the configured URL")
			continue
		}
		u.User = nil
		shown = append(shown, u.String())
	}
	return strings.Join(shown, ",")
}

// HTTPAddr is the address of health and metrics, with the port that was taken;
// empty before that and where there is none.
func (p *Plugin) HTTPAddr() string { return p.state().addr }

// Site is the name under which jobs are submitted to this plugin.
func (p *Plugin) Site() string { return p.cfg.Site }
