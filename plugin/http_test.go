package plugin

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

func fetch(t *testing.T, method, url string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(plugintest.Context(t), method, url, nil)
	plugintest.Must(t, err)
	res, err := http.DefaultClient.Do(req)
	plugintest.Must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	plugintest.Must(t, err)
	return res.StatusCode, res.Header, string(body)
}

func TestHTTP(t *testing.T) {
	cfg := testConfig(t)
	cfg.HTTPAddr, cfg.Software = "127.0.0.1:0", "test 1"
	p := start(t, cfg)
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	p.submit("/test", "2", plugintest.Job("/none/there"))
	p.outcome(jobs.Scored, 1)
	p.outcome(jobs.Dead, 1)
	base := "http://" + p.HTTPAddr()

	if status, header, body := fetch(t, "GET", base+"/healthz"); status != 200 || body != "ok\n" ||
		header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v %q", status, header, body)
	}
	status, _, body := fetch(t, "GET", base+"/readyz")
	var ready Readiness
	plugintest.Must(t, json.Unmarshal([]byte(body), &ready))
	if status != 200 || !ready.Ready || len(ready.Checks) != 6 || ready.Checks["bus"] != "ok" {
		t.Errorf("%d %s", status, body)
	}
	_, _, body = fetch(t, "GET", base+"/version")
	var version VersionInfo
	plugintest.Must(t, json.Unmarshal([]byte(body), &version))
	if version.Software != "test 1" || version.Site != "local" || version.Preprocessing != nodule.PreprocessingVersion ||
		len(version.Models) != 1 || version.Models[0].Digest != cfg.Detectors[0].Digest() || version.Messages[0] != bus.TypeJob {
		t.Errorf("%s", body)
	}
	_, _, body = fetch(t, "GET", base+"/metrics")
	for _, line := range []string{
		`nodulescope_deliveries_total{outcome="scored"} 1`, `nodulescope_deliveries_total{outcome="handed_back"} 0`,
		`nodulescope_dead_total{code="folder_missing"} 1`, `nodulescope_nodules_total{code=""} 1`,
		`nodulescope_job_seconds_count{stage="total"} 1`, `nodulescope_jobs_in_work 0`, `model="vae-ad"`, "go_goroutines",
	} {
		if !strings.Contains(body, line) {
			t.Errorf("no %s in\n%s", line, body)
		}
	}
	if strings.Contains(body, "1.2.826") {
		t.Error("the metrics tell a UID")
	}
	if status, _, _ := fetch(t, "POST", base+"/healthz"); status != http.StatusMethodNotAllowed {
		t.Errorf("POST gives %d", status)
	}
	if status, _, _ := fetch(t, "GET", base+"/"); status != http.StatusNotFound {
		t.Errorf("/ gives %d", status)
	}
	plugintest.Must(t, p.stop())
	if _, err := http.Get(base + "/healthz"); err == nil { //nolint:noctx // it must fail at once
		t.Error("the server lives on")
	}
}

func TestNotReady(t *testing.T) {
	answer := func(p *Plugin) (int, Readiness) {
		t.Helper()
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		var r Readiness
		plugintest.Must(t, json.Unmarshal(w.Body.Bytes(), &r))
		return w.Code, r
	}
	cfg := testConfig(t)
	p, err := New(cfg)
	plugintest.Must(t, err)
	if status, r := answer(p); status != 503 || r.Ready || r.Checks["bus"] == "ok" || r.Checks["ledger"] == "ok" || r.Checks["models"] != "ok" {
		t.Errorf("before the start: %d %+v", status, r)
	}
	cfg.MinFreeBytes = 1 << 60
	running := start(t, cfg)
	if status, r := answer(running.Plugin); status != 503 || r.Checks["bus"] != "ok" || !strings.Contains(r.Checks["disk"], "MiB are needed") {
		t.Errorf("disk full: %d %+v", status, r)
	}
	running.bus.Close()
	if status, r := answer(running.Plugin); status != 503 || !strings.Contains(r.Checks["bus"], "bus_unreachable") {
		t.Errorf("bus gone: %d %+v", status, r)
	}
	plugintest.WaitFor(t, func() bool { // the worker cannot go on without it
		select {
		case <-running.ended:
			return true
		case <-time.After(time.Millisecond):
			return false
		}
	})
	if err := running.stop(); bus.CodeOf(err) != bus.CodeUnreachable {
		t.Errorf("Run returned %v", err)
	}
}
