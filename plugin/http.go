package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/storage"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/use"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/outbox"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// VersionInfo is what /version answers.
type VersionInfo struct {
	Software      string        `json:"software"`
	Go            string        `json:"go"`
	Platform      string        `json:"platform"`
	Site          string        `json:"site"`
	Preprocessing string        `json:"preprocessing"`
	Messages      []string      `json:"messages"`                // types of events, schema version included
	ModelVersion  string        `json:"model_version,omitempty"` // of the model store; absent where they are not of it
	Models        []bus.Model   `json:"models"`
	Outliner      *bus.Outliner `json:"outliner,omitempty"` // absent where nodules are not outlined
	Rungs         *bus.Rungs    `json:"rungs,omitempty"`    // absent where they have no headline
	IntendedUse   string        `json:"intended_use"`
}

// Readiness is what /readyz answers: with status 200 where Ready, 503
// otherwise. Checks maps bus, disk, ledger, storage, models and device to "ok" or to
// what is wrong. A storage that does not answer does not make the service unready,
// for jobs on others go on. Send tells what waits for a PACS; a PACS that is away does not make
// the service unready, for it scores and keeps what is to be sent. Neither does a
// device that failed, which Checks and Compute tell: the processor scores.
type Readiness struct {
	Ready   bool              `json:"ready"`
	Checks  map[string]string `json:"checks"`
	Send    *outbox.Status    `json:"send,omitempty"`
	Compute Compute           `json:"compute"`
}

// Compute tells where scores are computed.
type Compute struct {
	Device      string `json:"device"` // "cpu", or a device such as "cuda:0"
	Name        string `json:"name,omitempty"`
	Precision   string `json:"precision"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"` // that plans hold on the device

	// Fault says why the device is not used. The processor then does its work:
	// slower, and right.
	Fault   string     `json:"fault,omitempty"`
	Faults  int        `json:"faults,omitempty"`   // how often the device failed since the start
	RetryAt *time.Time `json:"retry_at,omitempty"` // when it is tried again; nil: it is not
}

// check is what /readyz says of the device.
func (c Compute) check() string {
	switch {
	case c.Fault == "":
		return "ok"
	case c.RetryAt != nil:
		return "failed, the processor scores until it is tried again at " + c.RetryAt.UTC().Format(time.RFC3339) + ": " + c.Fault
	}
	return "failed, the processor scores: " + c.Fault
}

// compute asks the host program, which knows nothing where scores are computed
// on the processor.
func (c Config) compute() Compute {
	if c.Compute == nil {
		return Compute{Device: "cpu", Precision: "float32"}
	}
	return c.Compute()
}

// Version describes this plugin.
func (p *Plugin) Version() VersionInfo {
	by := p.models.get()
	return VersionInfo{
		Software: p.cfg.Software, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Site: p.cfg.Site, Preprocessing: nodule.PreprocessingVersion,
		Messages:     []string{bus.TypeJob, bus.TypeResult, bus.TypeReview, bus.TypeDead},
		ModelVersion: p.models.name(), Models: scoring.Describe(by.Detectors), Outliner: scoring.DescribeOutliner(by.Outliner), Rungs: scoring.DescribeRungs(by.Rungs), IntendedUse: use.Statement,
	}
}

// CheckReady asks everything that the plugin needs.
func (p *Plugin) CheckReady(ctx context.Context) Readiness {
	r := Readiness{Ready: true, Checks: map[string]string{}, Compute: p.cfg.compute()}
	r.Checks["device"] = r.Compute.check()
	note := func(name string, err error) {
		r.Checks[name] = "ok"
		if err != nil {
			r.Ready, r.Checks[name] = false, coded.Summary(err)
		}
	}
	parts := p.state()
	waiting := coded.New(CodeInternal, "check plugin", "not started yet", nil)
	var busErr, ledgerErr error = waiting, waiting
	if parts.waiting != nil {
		busErr = parts.waiting
	}
	if parts.bus != nil {
		busErr = parts.bus.Health(ctx)
	}
	if parts.kept != nil {
		ledgerErr = parts.kept.Check()
	}
	if parts.kept != nil && (p.sends() || p.outboxStatus() != (outbox.Status{})) {
		status := p.outboxStatus()
		r.Send = &status
	}
	if busErr == nil && parts.own != nil {
		busErr = parts.own.Health()
	}
	note("bus", busErr)
	note("ledger", ledgerErr)
	note("disk", p.checkDisk(writeTestEvery))
	r.Checks["storage"] = checkStorage(storage.Hung())
	note("models", scoring.CheckDetectors("check models", p.models.get().Detectors))
	return r
}

// checkStorage tells of reads that hang.
func checkStorage(hung storage.Count) string {
	if hung.Now == 0 {
		return "ok"
	}
	return fmt.Sprintf("%d reads at %d places do not come back: is the server of a mount gone? Jobs there wait, others go on", hung.Now, hung.Places)
}

// Handler serves /healthz, /readyz, /metrics and /version, for a host program
// that has a server of its own. It takes GET and HEAD alone.
func (p *Plugin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // a client that went away
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ready := p.CheckReady(r.Context())
		status := http.StatusOK
		if !ready.Ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, ready)
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, p.Version())
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return http.MaxBytesHandler(secure(mux), 1<<10)
}

// secure sets headers that keep a browser from making anything else of an
// answer.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that went away
}

// serveHTTP answers on the address of health and metrics.
func (p *Plugin) serveHTTP(ctx context.Context, c *closers, fail func(error)) (addr string, err error) {
	if p.cfg.HTTPAddr == "" {
		return "", nil
	}
	addr, err = listen(ctx, c, "serve HTTP", p.cfg.HTTPAddr, &http.Server{
		Handler: p.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
	}, fail)
	if err == nil {
		p.log.Info("HTTP ready", "addr", addr)
	}
	return addr, err
}

// listen serves on an address, over TLS where the server has a certificate,
// and returns the address with the port that was taken. fail is called where
// the server ends by itself; c ends it.
func listen(ctx context.Context, c *closers, op, addr string, server *http.Server, fail func(error)) (bound string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", coded.New(CodeSettings, op, "the address cannot be listened on: choose another port", err)
	}
	serve := server.Serve
	if server.TLSConfig != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	go func() {
		if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fail(coded.New(CodeInternal, op, "the server ended", err))
		}
	}()
	c.add(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close() // what is still open is cut
		}
		return nil
	})
	return listener.Addr().String(), nil
}
