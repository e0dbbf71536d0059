package plugin

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/dicomio/web"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

func TestValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Config)
		code   any
	}{
		"no detector": {func(c *Config) { c.Detectors = nil }, CodeSettings},
		"nil":         {func(c *Config) { c.Detectors = []detector.Detector{nil} }, CodeSettings},
		"site":        {func(c *Config) { c.Site = "St Mary" }, bus.CodeSiteInvalid},
		"roots":       {func(c *Config) { c.AllowedRoots = []string{"images"} }, CodeSettings},
		"padding":     {func(c *Config) { c.MaxPaddingPct = 101 }, CodeSettings},
		"slots":       {func(c *Config) { c.Slots = 65 }, CodeSettings},
		"attempts":    {func(c *Config) { c.MaxAttempts = -1 }, CodeSettings},
		"timeout":     {func(c *Config) { c.JobTimeout = time.Millisecond }, CodeSettings},
		"grace":       {func(c *Config) { c.Grace = -1 }, CodeSettings},
		"free":        {func(c *Config) { c.MinFreeBytes = -1 }, CodeSettings},
		"address":     {func(c *Config) { c.HTTPAddr = "8087" }, CodeSettings},
		"store":       {func(c *Config) { c.Bus.Streams.JobsBytes = 1 << 40 }, CodeSettings},
		"page":        {func(c *Config) { c.Review = ReviewConfig{Addr: "127.0.0.1:0", PublicURL: "host"} }, CodeSettings},
		"two buses":   {func(c *Config) { c.Bus = bus.Options{URL: "nats://x", Server: &bus.Server{}} }, CodeSettings},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			tt.change(&cfg)
			_, err := New(cfg)
			plugintest.WantCode(t, err, tt.code)
		})
	}
	if err := (Config{Detectors: []detector.Detector{plugintest.Detector(t)}}).Validate(); err != nil {
		t.Errorf("the smallest settings are refused: %v", err)
	}
}

func TestDefaultDataDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir, err := DefaultDataDir()
	if err != nil || dir != filepath.Join(os.Getenv("XDG_STATE_HOME"), "nodulescope") {
		t.Error(dir, err)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	if dir, err := DefaultDataDir(); err != nil || !filepath.IsAbs(dir) || !strings.HasSuffix(dir, "nodulescope") {
		t.Error(dir, err)
	}
}

func TestRunRefuses(t *testing.T) {
	first := testConfig(t)
	p := start(t, first)
	plugintest.WantCode(t, p.Run(t.Context()), CodeSettings) // twice

	for name, tt := range map[string]struct {
		change func(*Config)
		code   any
	}{
		"folder in use": {func(c *Config) { c.DataDir = first.DataDir }, CodeLedgerLocked},
		"store in use":  {func(c *Config) { c.Server.StoreDir = filepath.Join(first.DataDir, "bus") }, bus.CodeStoreLocked},
		"no folder":     {func(c *Config) { c.DataDir = filepath.Join(first.DataDir, "ledger.db", "x") }, CodeSettings},
		"port in use": {func(c *Config) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			plugintest.Must(t, err)
			t.Cleanup(func() { _ = l.Close() })
			c.HTTPAddr = l.Addr().String()
		}, CodeSettings},
		"credentials": {func(c *Config) { c.Bus = bus.Options{URL: "nats://127.0.0.1:1", User: "u"} }, bus.CodeSettings},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			tt.change(&cfg)
			p, err := New(cfg)
			plugintest.Must(t, err)
			err = p.Run(plugintest.Context(t))
			plugintest.WantCode(t, err, tt.code)
			_, busErr := p.Bus(t.Context())
			if !errors.Is(busErr, err) {
				t.Errorf("Bus returns %v", busErr)
			}
		})
	}
}

// An external broker may come later; health is served meanwhile, and a stop
// while waiting is no error.
func TestWaitsForBroker(t *testing.T) {
	cfg := testConfig(t)
	cfg.Bus.URL, cfg.HTTPAddr = "nats://u:secret@127.0.0.1:1", "127.0.0.1:0"
	p, err := New(cfg)
	plugintest.Must(t, err)
	ctx, cancel := context.WithCancel(plugintest.Context(t))
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	plugintest.WaitFor(t, func() bool { return p.HTTPAddr() != "" })
	if status, _, _ := fetch(t, "GET", "http://"+p.HTTPAddr()+"/healthz"); status != 200 {
		t.Errorf("status %d", status)
	}
	if status, _, _ := fetch(t, "GET", "http://"+p.HTTPAddr()+"/readyz"); status != 503 {
		t.Errorf("status %d", status)
	}
	if url := p.BusURL(); url != "nats://127.0.0.1:1" {
		t.Errorf("url %s", url)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
	_, err = p.Bus(t.Context())
	plugintest.WantCode(t, err, CodeInternal)
}

// Two plugins of one site share the jobs of one broker.
func TestTwoPluginsShareABroker(t *testing.T) {
	b := plugintest.NewBroker(t)
	var ps []*running
	for range 2 {
		cfg := testConfig(t)
		cfg.Bus.URL = b.URL
		ps = append(ps, start(t, cfg))
	}
	if ps[0].BusURL() != b.URL {
		t.Errorf("url %s", ps[0].BusURL())
	}
	dir := plugintest.WriteCT(t, plugintest.CT())
	for i := range 6 {
		job := plugintest.Job(dir)
		job.Nodules[0].PositionLPS[1] = float64(i)
		ps[i%2].submit("/test", string(rune('a'+i)), job)
	}
	plugintest.Results(t, b.Bus, "local", 6)
	plugintest.WaitFor(t, func() bool { return b.Messages(bus.StreamJobs) == 0 })
	plugintest.Exactly(t, b.Bus, "local", 6)
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "nats://a:4222": "nats://a:4222", "nats://u:p@a:1, tls://token@b:2": "nats://a:1,tls://b:2",
		"secret@host:4222": "the configured URL", "nats://%zz": "the configured URL",
	} {
		if got := redact(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// A password never stands in an error about the settings of a PACS.
func TestPACSSettings(t *testing.T) {
	cfg := testConfig(t)
	cfg.PACS = []web.Options{{URL: "https://user:secret@a/b"}}
	plugintest.WantCode(t, cfg.Validate(), CodeSettings)
	if strings.Contains(cfg.Validate().Error(), "secret") {
		t.Error("the error tells the password")
	}
}
