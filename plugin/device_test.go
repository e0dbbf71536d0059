package plugin

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/detector"
)

// TestDeviceIsTold: where scores are computed, and that a device failed, stands
// in /readyz and in the metrics; the service stays in work.
func TestDeviceIsTold(t *testing.T) {
	all, err := detector.PretrainedAll()
	if err != nil {
		t.Fatal(err)
	}
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
		{"the device failed", []string{`"device":"failed, the processor scores: the device failed"`, `"fault":"the device failed"`}, []string{`nodulescope_device_up{device="cuda:0"} 0`}},
	} {
		now.Fault = c.fault
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
