package plugin

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/storage"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/internal/pictures"
	"github.com/nodulescope/nodulescope/plugin/internal/tracing"
	"github.com/nodulescope/nodulescope/plugin/review"
	"github.com/nodulescope/nodulescope/plugin/scoring"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// Plugin is the service as a library. See [New].
type Plugin struct {
	cfg     Config
	metrics *metrics
	models  models
	shadow  shadowed
	noise   noises
	log     *slog.Logger
	reader  series.Reader

	writeTest  sync.Mutex
	written    time.Time     // when the data folder could last be written, guarded by writeTest
	looking    atomic.Bool   // a look of diskTroubled has not come back
	backing    sync.Mutex    // held while a backup is made
	slack      time.Duration // see aliveSlack
	silence    silence
	tracer     *tracing.Tracer // of a run; nil: none
	watchEvery time.Duration   // between two looks at what the streams hold

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
	trail  *audit.Trail
	bus    *bus.Bus
	worker *jobs.Worker // once jobs are taken
	server *bus.Server  // nil where the bus is external
	own    *bus.Server  // that server where this plugin started it
	addr   string       // of HTTP

	waiting error // why the start has not come to an end, where it is tried again

	review     *review.Server // nil where no page is served
	reviewAddr string
	pictures   *pictures.Store // nil: none are kept
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
		cfg: cfg, reader: series.Reader{Roots: cfg.AllowedRoots, Archives: archives, Kernels: cfg.Kernels}, metrics: newMetrics(scoring.Describe(cfg.Detectors), cfg.Software, cfg.DataDir), log: cfg.Logger.With("part", "plugin"), watchEvery: watchEvery, slack: aliveSlack,
		ready: make(chan struct{}), ended: make(chan struct{}),
	}
	p.shadow.wake = make(chan struct{}, 1)
	p.models.version, p.models.now = cfg.ModelVersion, scoring.Models{Detectors: cfg.Detectors, Outliner: cfg.Outliner, Rungs: cfg.Rungs}
	p.metrics.outbox(p.outboxStatus)
	p.metrics.storage(storage.Hung)
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
		return coded.New(CodeSettings, "run plugin", "it has already run: make a new one", nil)
	}
	p.started = true
	p.mu.Unlock()
	defer func() {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = nil // asked to stop while it started
		}
		p.mu.Lock()
		p.err, p.parts.bus, p.parts.kept, p.parts.worker = err, nil, nil, nil
		p.mu.Unlock()
		close(p.ended)
	}()
	return p.run(ctx)
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
