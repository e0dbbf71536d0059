package plugin

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// What a start needs is looked at before, and nothing is made by looking.
func TestCheckStart(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken")
	plugintest.Must(t, os.WriteFile(broken, []byte("{\n\n{\n"), 0o600))
	for name, c := range map[string]struct {
		change func(*Config)
		says   string // "": all is well
	}{
		"good":              {func(*Config) {}, ""},
		"folder to be made": {func(c *Config) { c.DataDir = filepath.Join(c.DataDir, "a", "b") }, ""},
		"folder is a file":  {func(c *Config) { c.DataDir = broken }, "cannot be made"},
		"below a file":      {func(c *Config) { c.DataDir = filepath.Join(broken, "a") }, "cannot be made"},
		"no room":           {func(c *Config) { c.MinFreeBytes = 1 << 60 }, "MiB are free"},
		"users":             {func(c *Config) { c.Review.Addr, c.Review.UsersFile = "127.0.0.1:0", broken }, "file of users"},
		"users, no page":    {func(c *Config) { c.Review.UsersFile = broken }, ""},
		"certificate":       {func(c *Config) { c.Review = ReviewConfig{Addr: "127.0.0.1:0", TLSCert: broken, TLSKey: broken} }, "certificate"},
		"access":            {func(c *Config) { c.Server.AccessFile = broken }, "passwords"},
		"access to be made": {func(c *Config) { c.Server.AccessFile = filepath.Join(c.DataDir, "access") }, ""},
		"bus password":      {func(c *Config) { c.Server.User, c.Server.PasswordFile = "u", broken }, "password file"},
		"broker's CA":       {func(c *Config) { c.Bus = bus.Options{URL: "tls://127.0.0.1:1", TLSCA: broken} }, "TLS files"},
		"broker's password": {func(c *Config) { c.Bus = bus.Options{URL: "nats://127.0.0.1:1", User: "u", PasswordFile: broken} }, "credentials"},
		"broker away":       {func(c *Config) { c.Bus = bus.Options{URL: "nats://127.0.0.1:1"} }, ""},
		"restore": {func(c *Config) {
			plugintest.Must(t, os.Mkdir(filepath.Join(c.DataDir, restoringFolder), 0o700))
		}, "restore did not end"},
	} {
		cfg := testConfig(t)
		dir := cfg.DataDir
		c.change(&cfg)
		before, err := os.ReadDir(dir)
		plugintest.Must(t, err)
		p, err := New(cfg)
		plugintest.Must(t, err)
		err = p.CheckStart()
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || CodeOf(err) != CodeSettings) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.ReadDir(dir); err != nil || len(after) != len(before) {
			t.Errorf("%s: %v were made", name, after)
		}
	}
}

func TestCheckStartOfCertificates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		until time.Duration
		good  bool
	}{{time.Hour, true}, {-time.Hour, false}} {
		cfg := testConfig(t)
		cfg.Review.Addr = "127.0.0.1:0"
		cfg.Review.TLSCert, cfg.Review.TLSKey, _ = certificate(t, time.Now().Add(c.until))
		p, err := New(cfg)
		plugintest.Must(t, err)
		if err := p.CheckStart(); (err == nil) != c.good {
			t.Errorf("valid for %s: %v", c.until, err)
		}
	}
	cfg := testConfig(t)
	cfg.Review.Addr = "127.0.0.1:0"
	cfg.Review.TLSCert, _, _ = certificate(t, time.Now().Add(time.Hour))
	_, cfg.Review.TLSKey, _ = certificate(t, time.Now().Add(time.Hour)) // of another
	p, err := New(cfg)
	plugintest.Must(t, err)
	if p.CheckStart() == nil {
		t.Error("a key that does not fit was taken")
	}
}

// A port that somebody has is told, not refused: the service itself may run.
func TestPortsInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end
	plugintest.Must(t, err)
	defer l.Close()
	cfg := testConfig(t)
	cfg.HTTPAddr, cfg.Review.Addr = l.Addr().String(), "127.0.0.1:0"
	cfg.Server.DontListen, cfg.Server.Port = false, -1
	p, err := New(cfg)
	plugintest.Must(t, err)
	if taken := p.PortsInUse(t.Context()); len(taken) != 1 || taken[0] != cfg.HTTPAddr {
		t.Error(taken)
	}
}
