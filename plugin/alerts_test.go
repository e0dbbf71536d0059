package plugin

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// queries are the expressions of the dashboard.
func queries(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/prometheus/dashboard.json")
	plugintest.Must(t, err)
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	plugintest.Must(t, json.Unmarshal(text, &dashboard))
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	return list
}

// Every metric that alerts and dashboard name is one that the service has.
func TestMetricsOfAlerts(t *testing.T) {
	t.Parallel()
	p := start(t, instantConfig(t))
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	p.submit("/test", "2", plugintest.Job("/none/there"))
	p.outcome(jobs.Scored, 1)
	p.outcome(jobs.Dead, 1)
	families, err := p.metrics.registry.Gather()
	plugintest.Must(t, err)
	known := map[string]bool{}
	for _, f := range families {
		known[f.GetName()], known[f.GetName()+"_bucket"] = true, true
	}
	alerts, err := os.ReadFile("../docs/prometheus/alerts.yml")
	plugintest.Must(t, err)
	used := regexp.MustCompile(`nodulescope_[a-z_]+`).FindAllString(string(alerts)+strings.Join(queries(t), " "), -1)
	for _, name := range used {
		if !known[name] {
			t.Errorf("no metric is called %s", name)
		}
	}
	if len(used) < 20 {
		t.Errorf("only %q are named", used)
	}
}

// Debian's prometheus takes the rules, scrapes a service, and gives every query
// of the dashboard an answer.
func TestPrometheus(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for another program")
	}
	t.Parallel()
	for _, program := range []string{"promtool", "prometheus"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("Debian's prometheus is not installed")
		}
	}
	rules, err := filepath.Abs("../docs/prometheus/alerts.yml")
	plugintest.Must(t, err)
	if out, err := exec.CommandContext(plugintest.Context(t), "promtool", "check", "rules", rules).CombinedOutput(); err != nil { //nolint:gosec // ours
		t.Fatalf("%v\n%s", err, out)
	}
	cfg := instantConfig(t)
	cfg.HTTPAddr = "127.0.0.1:0"
	p := start(t, cfg)
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	p.outcome(jobs.Scored, 1)

	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs: [{job_name: nodulescope, static_configs: [{targets: [%q]}]}]\n", rules, p.HTTPAddr())
	plugintest.Must(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	plugintest.Must(t, err)
	address := listener.Addr().String()
	plugintest.Must(t, listener.Close())
	server := exec.CommandContext(t.Context(), "prometheus", "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", address) //nolint:gosec // ours
	plugintest.Must(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	ask := func(expr string) (found int) {
		cmd := exec.CommandContext(plugintest.Context(t), "promtool", "query", "instant", "http://"+address, expr) //nolint:gosec // ours
		out, err := cmd.Output()
		if err != nil {
			return -1
		}
		return strings.Count(string(out), "=>")
	}
	plugintest.WaitFor(t, func() bool { return ask(`count_over_time(nodulescope_jobs_in_work[10m]) > 3`) == 1 })
	p.submit("/test", "2", plugintest.Job("/none/there"))
	p.outcome(jobs.Dead, 1)
	plugintest.WaitFor(t, func() bool { return ask(`ALERTS{alertname="NodulescopeDeadLetters",alertstate="firing"}`) == 1 }) // by the first one
	for _, expr := range queries(t) {
		if ask(expr) < 1 {
			t.Errorf("nothing answers %s", expr)
		}
	}
	_, _, body := fetch(t, "GET", "http://"+address+"/api/v1/rules?type="+url.QueryEscape("alert"))
	if n := strings.Count(body, `"health":"ok"`); n != 16 || strings.Contains(body, `"health":"err"`) {
		t.Errorf("%d rules are healthy: %.2000s", n, body)
	}
}
