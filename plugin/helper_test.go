package plugin

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
	"github.com/nodulescope/nodulescope/plugin/scoring"
)

// testConfig is quick to retry.
func testConfig(t testing.TB) Config {
	t.Helper()
	return Config{
		DataDir: t.TempDir(), Detectors: []detector.Detector{plugintest.Detector(t)}, Logger: plugintest.Logger(t),
		Server:     bus.ServerOptions{DontListen: true},
		Queue:      bus.ConsumerOptions{AckWait: 10 * time.Second, PollWait: 20 * time.Millisecond},
		RetryDelay: 20 * time.Millisecond, MaxAttempts: 3, MinFreeBytes: 1,
	}
}

// running is a plugin at work.
type running struct {
	*Plugin
	t     testing.TB
	bus   *bus.Bus
	asked <-chan struct{} // closed when it is asked to stop
	stop  func() error    // ends it and returns what Run did
}

func start(t testing.TB, cfg Config) *running {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, p)
}

func run(t testing.TB, p *Plugin) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the plugin ended with: %v", err)
		}
	})
	b, err := p.Bus(plugintest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	return &running{Plugin: p, t: t, bus: b, asked: ctx.Done(), stop: stop}
}

func (r *running) submit(source, id string, job bus.Job) {
	r.t.Helper()
	if _, err := r.bus.SubmitJob(plugintest.Context(r.t), r.Site(), source, id, job); err != nil {
		r.t.Fatal(err)
	}
}

// results waits until there are n results, and returns them in order.
func (r *running) results(n int) []plugintest.Result {
	return plugintest.Results(r.t, r.bus, r.Site(), n)
}

// idle waits until no job is left, waiting or in work, and fails where there
// are not n results then.
func (r *running) idle(n int) []plugintest.Result {
	r.t.Helper()
	r.settled(func(m map[string]float64) bool { return m["nodulescope_jobs_in_work"] == 0 })
	return plugintest.Exactly(r.t, r.bus, r.Site(), n)
}

// settled waits for the metrics to say something.
func (r *running) settled(enough func(map[string]float64) bool) {
	r.t.Helper()
	plugintest.WaitFor(r.t, func() bool { return enough(gather(r.t, r.Plugin)) })
}

// outcome waits until n deliveries ended so.
func (r *running) outcome(o jobs.Outcome, n int) {
	r.t.Helper()
	r.settled(func(m map[string]float64) bool { return m["nodulescope_deliveries_total/"+string(o)] >= float64(n) })
}

// gather reads counters and gauges as name or name/label.
func gather(t testing.TB, p *Plugin) map[string]float64 {
	t.Helper()
	families, err := p.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			if len(m.GetLabel()) == 1 {
				name += "/" + m.GetLabel()[0].GetValue()
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

// letter waits for the n-th dead letter, the only ones being n.
func (r *running) letter(n int) bus.DeadLetter {
	r.t.Helper()
	var letters []bus.DeadLetter
	plugintest.WaitFor(r.t, func() bool {
		var err error
		if letters, err = r.bus.DeadLetters(plugintest.Context(r.t), r.Site(), bus.DeadOptions{}); err != nil {
			r.t.Fatal(err)
		}
		return len(letters) >= n
	})
	if len(letters) != n {
		r.t.Fatalf("%d dead letters, want %d", len(letters), n)
	}
	return letters[n-1]
}

// withoutTimings compares results as the ledger's identity means them.
var withoutTimings = cmpopts.IgnoreFields(bus.Result{}, "TimingsMS")

func request(t testing.TB, dir string) scoring.Request {
	t.Helper()
	return scoring.Request{JobID: "j", Source: "/test", Job: plugintest.Job(dir), Detectors: []detector.Detector{plugintest.Detector(t)}, Software: "test 1"}
}
