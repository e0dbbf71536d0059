package plugin

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// TestDeviceIsTold: where scores are computed, and that a device failed, stands
// in /readyz and in the metrics; the service stays in work.
func TestDeviceIsTold(t *testing.T) {
	all, err := detector.PretrainedAll()
	if err != nil {
		t.Fatal(err)
	}
	retry := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := Compute{Device: "cuda:0", Name: "card", Precision: "float32", MemoryBytes: 12345}
	p, err := New(Config{DataDir: t.TempDir(), Detectors: all, Compute: func() Compute { return now }})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Body.String()
	}
	for _, c := range []struct {
		fault          string
		ready, metrics []string
	}{
		{"", []string{`"device":"ok"`, `"device":"cuda:0"`}, []string{`nodulescope_device_up{device="cuda:0"} 1`, `nodulescope_device_memory_bytes{device="cuda:0"} 12345`}},
		{"the device failed", []string{`"device":"failed, the processor scores until it is tried again at 2026-01-02T03:04:05Z: the device failed"`, `"retry_at":"2026-01-02T03:04:05Z"`, `"faults":3`, `"fault":"the device failed"`}, []string{`nodulescope_device_up{device="cuda:0"} 0`, `nodulescope_device_faults_total{device="cuda:0"} 3`}},
		{"it failed for good", []string{`"device":"failed, the processor scores: it failed for good"`}, nil},
		{"", []string{`"device":"ok"`}, []string{`nodulescope_device_up{device="cuda:0"} 1`}},
	} {
		now.Fault, now.Faults, now.RetryAt = c.fault, 0, nil
		if c.fault == "the device failed" {
			now.Faults, now.RetryAt = 3, &retry
		}
		for path, want := range map[string][]string{"/readyz": c.ready, "/metrics": c.metrics} {
			body := get(path)
			for _, w := range want {
				if !strings.Contains(body, w) {
					t.Errorf("fault %q: %s has no %s:\n%.600s", c.fault, path, w, body)
				}
			}
		}
	}
	if (Config{}).compute().Device != "cpu" {
		t.Error("without a word of the host, scores are not computed on the processor")
	}
}

// TestResultTellsDevice: a score says what computed it, also after a fault, and
// the result has the same identity wherever it was computed.
func TestResultTellsDevice(t *testing.T) {
	all, missing := gpu.Devices()
	if len(all) == 0 {
		t.Skip("no device (Debian's pocl-opencl-icd is one): ", missing)
	}
	b, err := gpu.Open(all[0], gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	req := request(t, plugintest.WriteCT(t, plugintest.CT()))
	req.NoDetails = true
	score := func(want compute.Machine) bus.Result {
		t.Helper()
		r, _, err := scoring.Score(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if m := r.Nodules[0].Scores[0].ComputedBy; m == nil || *m != bus.Machine(want) {
			t.Errorf("computed by %v, want %v", m, want)
		}
		return r
	}
	here := score(cpu.List()[0].Machine())
	detector.Place(req.Detectors, b)
	there := score(b.Machine())
	b.Failed(gpu.ErrLost)
	after := score(cpu.List()[0].Machine())
	if here.Identity != there.Identity || here.Identity != after.Identity {
		t.Errorf("identities %s, %s, %s", here.Identity, there.Identity, after.Identity)
	}
	close := cmpopts.EquateApprox(1e-4, 0)
	if d := cmp.Diff(here, there, withoutTimings, close, cmpopts.IgnoreFields(bus.NoduleScore{}, "ComputedBy")); d != "" {
		t.Errorf("the device scores otherwise:\n%s", d)
	}
	if d := cmp.Diff(here, after, withoutTimings, close); d != "" {
		t.Errorf("after the fault (-processor +after):\n%s", d)
	}
}
