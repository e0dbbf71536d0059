package plugin

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// spanSeen is a span as a collector gets it.
type spanSeen struct{ name, trace, parent, text string }

// otlp is a collector.
func otlp(t *testing.T) (url string, seen func() []spanSeen) {
	t.Helper()
	var mu sync.Mutex
	var spans []spanSeen
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s, %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range request.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, s := range scope.GetSpans() {
					if s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() {
						t.Errorf("%s ends before it begins", s.GetName())
					}
					spans = append(spans, spanSeen{s.GetName(), hex.EncodeToString(s.GetTraceId()), hex.EncodeToString(s.GetParentSpanId()), fmt.Sprint(resource.GetResource(), s)})
				}
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []spanSeen {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(spans)
	}
}

// A job is told as spans of the trace that its message names in a header, result and
// decision with it, and none tells of a patient, a series or a place.
func TestTraces(t *testing.T) {
	t.Parallel()
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	broker := plugintest.NewBroker(t)
	cfg := instantConfig(t)
	url, seen := otlp(t)
	cfg.Bus, cfg.TracesURL = bus.Options{URL: broker.URL}, url
	p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	event, err := bus.EncodeJob("/test", "job-of-somebody", plugintest.Job(dir))
	plugintest.Must(t, err)
	nc, err := nats.Connect(broker.URL)
	plugintest.Must(t, err)
	defer nc.Close()
	msg := &nats.Msg{Subject: "nodule.v1.job.local.routine", Data: event, Header: nats.Header{"traceparent": {"00-" + trace + "-" + parent + "-01"}}}
	_, err = nc.RequestMsgWithContext(plugintest.Context(t), msg)
	plugintest.Must(t, err)
	p.outcome(jobs.Scored, 1)
	r := p.results(1)[0]
	if !strings.HasPrefix(r.Envelope.TraceParent, "00-"+trace+"-") {
		t.Errorf("the result has the trace %s", r.Envelope.TraceParent)
	}
	p.traceDecision(p.state().kept, audit.Record{Kind: audit.KindDecision, Identity: r.Identity, Decision: "benign", Time: r.Envelope.Time})
	names := map[string]spanSeen{}
	plugintest.WaitFor(t, func() bool {
		for _, s := range seen() {
			names[s.name] = s
		}
		return names["job"].name != "" && names["review"].name != ""
	})
	for _, name := range []string{"job", "queue", "read", "cut", "publish", "review"} {
		s, there := names[name]
		if !there || s.trace != trace || (s.parent == parent) != (name == "job") {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for _, s := range seen() {
		for _, secret := range []string{dir, plugintest.SeriesUID, plugintest.StudyUID, "job-of-somebody", "n1"} {
			if strings.Contains(s.text, `"`+secret) || len(secret) > 4 && strings.Contains(s.text, secret) {
				t.Errorf("%s tells %s: %s", s.name, secret, s.text)
			}
		}
	}
}

// A collector that never answers, and one that is not there, delay neither a job nor a
// stop for longer than a few seconds.
func TestTracesNeverInTheWay(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	for _, url := range []string{server.URL, "http://127.0.0.1:1"} {
		cfg := instantConfig(t)
		cfg.TracesURL = url
		p, dir := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
		submitMany(t, p.bus, dir, 0, 20)
		p.outcome(jobs.Scored, 20)
		plugintest.Must(t, p.stop())
	}
}

func TestTracesURL(t *testing.T) {
	cfg := instantConfig(t)
	for url, good := range map[string]bool{"": true, "http://127.0.0.1:4318": true, "https://host/way/v1/traces": true, "collector:4318": false, "ftp://host": false, "http://user:secret@host": false} {
		cfg.TracesURL = url
		if err := cfg.Validate(); (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
	}
}
