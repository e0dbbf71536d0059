package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/garbage"
	"github.com/nodulescope/nodulescope/internal/smallfile"
	"github.com/nodulescope/nodulescope/plugin"
	"github.com/nodulescope/nodulescope/plugin/retrain/store"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

const serveHelp = `Take jobs from the bus, score them, and publish the results.

Without --nats-url it runs its own bus, which listens on 127.0.0.1:4222 and
keeps jobs and results in --data-dir. Programs of the same user find it there,
with its password; for a detector of another user, take the password of the role
detector (it sends jobs and reads results) from bus-access.json in the data folder.
To listen for other machines, give --nats-host and a way to sign in
(--nats-user with --nats-password-file, or --nats-nkey-users).

A job is answered once, even across a crash. SIGINT and SIGTERM shut the service
down cleanly: jobs in progress are finished or handed back.

Jobs name folders, or series in a PACS (DICOMweb). On a bus that others reach,
limit with --roots which folders may be read. Only servers in --pacs are contacted.

Reports go to the PACS that have a store-url, from an outbox that survives a
crash; 'outbox' lists what waits and what a PACS refused. See docs/pacs.md.

The review page listens on 127.0.0.1:8088; 'users add' adds a user who may
sign in. On a non-loopback address it needs TLS (--review-cert and --review-key).`

type serveOptions struct {
	bus    busFlags
	server struct {
		host, cert, key, clientCA string
		port                      int
		nkeyUsers                 []string
	}
	dataDir     string
	site        string
	listen      string
	models      detectorFlags
	review      reviewFlags
	roots       []string
	pacs        pacsFlag
	send        sendFlags
	workers     int
	threads     int
	attempts    int
	retryDelay  time.Duration
	jobTimeout  time.Duration
	grace       time.Duration
	quiet       time.Duration
	quietLimit  time.Duration
	kernels     []string
	traces      string
	keep        time.Duration
	streams     streamFlags
	bucket      struct{ mib, replicas int }
	consent     int
	auditMiB    int
	keepAudit   time.Duration
	checkConfig bool
}

func newServeCommand(g *globals) *cobra.Command {
	var o serveOptions
	cmd := newCommand("serve", "Run the service: bus, workers, review page, health and metrics", serveHelp,
		`  nodulescope serve
  nodulescope serve --site hospital-1 --roots /data/ct --nats-url tls://bus.example:4222 --nats-creds-file site.creds
  nodulescope serve --config nodulescope.yaml --check-config`,
		cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
			return runServe(cmd.Context(), o, g, cmd.OutOrStdout())
		})
	o.register(cmd.Flags())
	return cmd
}

func (o *serveOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.dataDir, "data-dir", "", "`FOLDER` for the bus, the ledger and the audit trail (default: this user's)")
	siteFlag(f, &o.site, "local", "`SITE` whose jobs are taken: a-z, 0-9 and -")
	f.StringVar(&o.listen, "listen", plugin.DefaultHTTPAddr, "`ADDRESS` of health and metrics, port 0 for any; empty: none")
	o.models.register(f)
	o.models.registerStore(f, &o.dataDir)
	o.models.outline.register(f)
	o.models.rungs.register(f)
	o.models.device.registerRetry(f)
	o.review.register(f)
	f.StringSliceVar(&o.roots, "roots", nil, "`FOLDERS` that jobs may name, with their subfolders, separated by commas (default: any)")
	o.pacs.register(f)
	kernelsFlag(f, &o.kernels)
	o.send.register(f)
	f.IntVar(&o.workers, "workers", 1, "jobs worked on at once; one uses every processor, several share the batches of a graphics card")
	f.IntVar(&o.threads, "threads", 0, "`THREADS` that the service keeps busy at once, for several services on one machine; 0: as many as the machine has")
	f.IntVar(&o.attempts, "max-attempts", 5, "attempts at a job before it becomes a dead letter")
	f.DurationVar(&o.retryDelay, "retry-delay", 10*time.Second, "`TIME` before the second attempt, doubled for each one after; 0: at once")
	f.DurationVar(&o.quiet, "arrival-quiet", 5*time.Second, "`TIME` without a change before a series counts as all there; 0: it is not waited for")
	f.DurationVar(&o.quietLimit, "arrival-limit", 2*time.Minute, "`TIME` since the first look at a job, after which what is there of its series is scored")
	f.DurationVar(&o.jobTimeout, "job-timeout", 30*time.Minute, "`TIME` that one attempt may take")
	f.DurationVar(&o.grace, "grace", 20*time.Second, "`TIME` for jobs in progress when the service is stopped; 0: they are handed back at once")
	f.DurationVar(&o.keep, "keep-results", 400*24*time.Hour, "`TIME` that results are remembered, and stay in the work list where nothing was decided on them")
	o.streams.register(f)
	f.IntVar(&o.consent, "promote-consent", 1, "persons that it takes to change which models score, 1 or 2: with 2, what one asks for another one approves")
	f.IntVar(&o.bucket.mib, "models-bucket-mib", 0, "MiB that the bucket of the bus may hold in which workstations share models (default: 1024, where it is made; one that is there stays as it is)")
	f.IntVar(&o.bucket.replicas, "models-bucket-replicas", 0, "servers of a cluster that each hold all of that bucket (default: 1, likewise)")
	f.IntVar(&o.auditMiB, "audit-file-mib", 64, "`MIB` of the audit trail after which it goes on in a new file; the former is closed")
	f.DurationVar(&o.keepAudit, "keep-audit", 0, "`TIME` that closed files of the audit trail are kept, a day at least; 0: for ever")
	f.StringVar(&o.traces, "traces-url", "", "`URL` of a collector of OpenTelemetry traces (OTLP over HTTP), such as http://127.0.0.1:4318; empty: none are made")
	o.bus.register(f, "a bus of its own")
	f.StringVar(&o.server.host, "nats-host", "127.0.0.1", "`ADDRESS` on which its own bus listens")
	f.IntVar(&o.server.port, "nats-port", bus.DefaultPort, "port of its own bus, 0 for any")
	f.StringSliceVar(&o.server.nkeyUsers, "nats-nkey-users", nil, "public `NKEYS` that may sign in to its own bus, separated by commas")
	f.StringVar(&o.server.cert, "nats-server-cert", "", "PEM `FILE` with the certificate of its own bus")
	f.StringVar(&o.server.key, "nats-server-key", "", "PEM `FILE` of its key")
	f.StringVar(&o.server.clientCA, "nats-client-ca", "", "PEM `FILE` of the authority that must have signed the certificates of its bus's clients")
	markSettings(f, "data-dir", "listen", "roots", "workers", "threads", "max-attempts", "retry-delay", "arrival-quiet", "arrival-limit", "job-timeout", "grace", "keep-results", "audit-file-mib", "keep-audit", "traces-url",
		"promote-consent", "models-bucket-mib", "models-bucket-replicas",
		"nats-host", "nats-port", "nats-nkey-users", "nats-server-cert", "nats-server-key", "nats-client-ca")
	refuseZero(f, "promote-consent", "workers", "max-attempts", "arrival-limit", "job-timeout", "keep-results", "audit-file-mib", "review-idle", "review-lifetime")
	refuseNegative(f, "threads", "audit-file-mib", "keep-audit", "device-retry", "arrival-quiet", "arrival-limit", "models-bucket-mib", "models-bucket-replicas")
	f.BoolVar(&o.checkConfig, "check-config", false, "check the settings, and what a start needs beside them, and exit")
}

// config reads the detectors and makes the settings of the plugin.
func (o *serveOptions) config(log *slog.Logger) (plugin.Config, error) {
	ds, err := o.models.load(log)
	if err != nil {
		return plugin.Config{}, err
	}
	cfg := plugin.Config{
		Site: o.site, DataDir: o.dataDir, Detectors: ds, Outliner: o.models.outline.use, Rungs: o.models.rungs.use, Software: software(),
		HTTPAddr: o.listen, Slots: o.workers, MaxAttempts: o.attempts, RetryDelay: orAtOnce(o.retryDelay),
		PACS: o.pacs.pacs, Kernels: o.kernels, Quiet: o.quiet, QuietLimit: o.quietLimit, JobTimeout: o.jobTimeout, KeepResults: o.keep, AuditFileBytes: int64(o.auditMiB) << 20, KeepAudit: o.keepAudit, TracesURL: o.traces, Grace: orAtOnce(o.grace), Logger: log, Compute: o.models.device.status,
	}
	cfg.Consent = o.consent
	if cfg.ModelVersion = o.models.loaded; o.models.follows() {
		cfg.UseModels = func(set store.Set) (scoring.Models, error) { return o.models.next(log, set) }
	}
	if cfg.Review, err = o.review.config(); err != nil {
		return cfg, err
	}
	if cfg.Send, err = o.send.config(); err != nil {
		return cfg, err
	}
	if cfg.DataDir == "" {
		if cfg.DataDir, err = plugin.DefaultDataDir(); err != nil {
			return cfg, err
		}
	}
	for _, root := range o.roots {
		abs, err := filepath.Abs(root)
		if err != nil {
			return cfg, usageError(err, "give --roots as absolute folders")
		}
		cfg.AllowedRoots = append(cfg.AllowedRoots, abs)
	}
	if o.bus.url != "" {
		cfg.Bus = o.bus.options(log, bus.RoleService)
	} else {
		cfg.Server = bus.ServerOptions{
			Host: o.server.host, Port: o.server.port, User: o.bus.user, PasswordFile: o.bus.password, NkeyUsers: o.server.nkeyUsers,
			TLSCert: o.server.cert, TLSKey: o.server.key, TLSClientCA: o.server.clientCA,
		}
		if o.server.port == 0 {
			cfg.Server.Port = -1 // any, there
		}
		if o.bus.user == "" && len(o.server.nkeyUsers) == 0 && o.server.clientCA == "" {
			cfg.Server.AccessFile = filepath.Join(cfg.DataDir, accessName)
		}
	}
	if err := o.streams.apply(&cfg); err != nil {
		return cfg, err
	}
	cfg.Bus.Streams.ModelsBytes, cfg.Bus.Streams.ModelsReplicas = int64(o.bucket.mib)<<20, o.bucket.replicas
	return cfg, errors.Join(cfg.Validate(), o.checkFiles())
}

// checkFiles finds files that settings name and that cannot be read, before
// anything is started.
func (o *serveOptions) checkFiles() error {
	var errs []error
	for name, path := range map[string]string{
		"nats-nkey-file": o.bus.nkeyFile, "nats-creds-file": o.bus.credsFile, "nats-password-file": o.bus.password,
		"nats-tls-ca": o.bus.tlsCA, "nats-tls-cert": o.bus.tlsCert, "nats-tls-key": o.bus.tlsKey,
		"nats-server-cert": o.server.cert, "nats-server-key": o.server.key, "nats-client-ca": o.server.clientCA,
		"review-cert": o.review.cert, "review-key": o.review.key,
	} {
		if path == "" {
			continue
		}
		if f, err := smallfile.Open(path); err != nil { //nolint:gosec // a setting names it
			errs = append(errs, usageError(fmt.Errorf("setting %s: %w", name, err), "name a file that this user can read"))
		} else {
			_ = f.Close() // was only opened
		}
	}
	for _, root := range o.roots {
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			errs = append(errs, usageError(errors.Join(fmt.Errorf("setting roots: %s is no folder", root), err), "name folders that are there"))
		}
	}
	return errors.Join(errs...)
}

// garbageMiB is how much garbage the service lets come together: what it keeps is small
// beside what it reads, and a collection takes little of a processor.
const garbageMiB = 16

func runServe(ctx context.Context, o serveOptions, g *globals, stdout io.Writer) error {
	if o.threads > 0 {
		runtime.GOMAXPROCS(o.threads)
	}
	if os.Getenv("GOGC") == "" {
		garbage.Limit(garbageMiB << 20)
	}
	cfg, err := o.config(g.log)
	if err != nil {
		return err
	}
	p, err := plugin.New(cfg)
	if err != nil {
		return err
	}
	if o.checkConfig {
		if err := p.CheckStart(); err != nil {
			return err
		}
		for _, address := range p.PortsInUse(ctx) {
			g.log.Warn("somebody listens there already: the service, or another program", "address", address)
		}
		fmt.Fprintln(stdout, "Configuration OK.")
		return o.describe(stdout, cfg, p)
	}
	if err := o.checkPort(ctx); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	manager := newNotifier(g.log)
	defer context.AfterFunc(ctx, manager.stopping)()
	defer manager.describe(func(ctx context.Context) string { return stateLine(p.CheckReady(ctx)) })()
	if o.bus.url != "" {
		g.log.Info("joining the bus", "url", p.BusURL())
	}
	if _, err := p.Bus(ctx); err == nil { // jobs are taken now; otherwise Run says what is wrong
		if cfg.Server.AccessFile != "" {
			defer shareAccess(cfg.Server.AccessFile, p.BusURL(), g.log)()
		}
		defer manager.ready(p.Alive)()
		fmt.Fprintln(stdout, "Ready for jobs.")
		if err := o.describe(stdout, cfg, p); err != nil {
			g.log.Warn("standard output is gone", "error", err)
		}
	}
	return <-ended
}

// checkPort says plainly that somebody else has the port of the bus.
func (o *serveOptions) checkPort(ctx context.Context) error {
	if o.bus.url != "" || o.server.port <= 0 {
		return nil
	}
	addr := net.JoinHostPort(o.server.host, strconv.Itoa(o.server.port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return usageError(fmt.Errorf("the bus cannot listen on %s: %w", addr, err),
			"if a bus runs there, join it with --nats-url nats://"+addr+", else choose another --nats-port")
	}
	return listener.Close()
}

// describe prints what runs where, and what to do next.
func (o *serveOptions) describe(w io.Writer, cfg plugin.Config, p *plugin.Plugin) error {
	address, kind := p.BusURL(), "its own"
	switch {
	case cfg.Bus.URL != "":
		kind = "external"
	case address == "": // not started
		address = "nats://" + net.JoinHostPort(cfg.Server.Host, strconv.Itoa(o.server.port))
	}
	fmt.Fprintf(w, "  site     %s\n", p.Site())
	fmt.Fprintf(w, "  bus      %s (%s)\n", address, kind)
	fmt.Fprintf(w, "  data     %s\n", cfg.DataDir)
	if http := p.HTTPAddr(); http != "" {
		fmt.Fprintf(w, "  health   http://%s/healthz /readyz /metrics /version\n", http)
	} else if cfg.HTTPAddr != "" {
		fmt.Fprintf(w, "  health   %s\n", cfg.HTTPAddr)
	}
	o.review.describe(w, cfg, p)
	if v := o.models.loaded; v != "" && v != store.Shipped {
		fmt.Fprintf(w, "  models   %s\n", v)
	}
	for _, m := range p.Version().Models {
		fmt.Fprintf(w, "  model    %s\n", describeModel(m))
	}
	fmt.Fprintf(w, "  outline  %s\n", o.models.outline.describe())
	fmt.Fprintf(w, "  headline %s\n", o.models.rungs.describe())
	fmt.Fprintf(w, "  device   %s\n", o.models.device.describe())
	if o.threads > 0 {
		fmt.Fprintf(w, "  threads  %d of %d\n", o.threads, runtime.NumCPU())
	}
	if len(cfg.AllowedRoots) == 0 {
		fmt.Fprintf(w, "  folders  any that this user can read; limit them with --roots\n")
	}
	for _, root := range cfg.AllowedRoots {
		fmt.Fprintf(w, "  folders  %s\n", root)
	}
	for _, pacs := range cfg.PACS {
		fmt.Fprintf(w, "  pacs     %s%s\n", pacs.URL, o.send.describe(pacs))
	}
	more := ""
	if p.Site() != "local" {
		more = " --site " + p.Site()
	}
	if address != localBus {
		more += " --nats-url " + quoted(address)
	}
	_, err := fmt.Fprintf(w, "Next, in another shell:\n  %[1]s submit DIR --nodules FILE%[2]s\n  %[1]s results --follow%[2]s\n", program(), more)
	return err
}
