package plugin

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// stored is how the broker says that it has a result.
var stored = []byte(`{"stream":"RESULTS","seq":`)

// The broker stores a result and its reply is lost: the worker asks again in
// seconds, however long a job may take, and the result is there once.
func TestReplyLost(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBroker(t)
	lossy := plugintest.NewLossy(t, b.URL)
	cfg := testConfig(t)
	cfg.Bus = bus.Options{URL: lossy.URL}
	p := start(t, cfg)
	var lost atomic.Bool
	lossy.Lose(func(message []byte) bool {
		return bytes.Contains(message, stored) && lost.CompareAndSwap(false, true)
	})
	begin := time.Now()
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	p.outcome(jobs.Scored, 1)
	p.idle(1)
	if took := time.Since(begin); took > 30*time.Second || !lost.Load() {
		t.Errorf("it took %s, lost: %v", took, lost.Load())
	}
	if n := gather(t, p.Plugin)["nodulescope_broker_unanswered_total"]; n < 1 {
		t.Error("the lost reply was not counted")
	}
}

// No reply comes for longer than a job may take: the service says that it is
// not ready, the job's only attempt is not used up, and it is answered when
// replies come again.
func TestNoReplies(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for limits of time")
	}
	t.Parallel()
	b := plugintest.NewBroker(t)
	lossy := plugintest.NewLossy(t, b.URL)
	cfg := testConfig(t)
	cfg.Bus, cfg.MaxAttempts, cfg.JobTimeout = bus.Options{URL: lossy.URL}, 1, 10*time.Second
	p := start(t, cfg)
	lossy.Lose(func(message []byte) bool { // also that one was stored before
		return bytes.Contains(message, stored) || bytes.Contains(message, []byte("wrong last sequence"))
	})
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	plugintest.WaitFor(t, func() bool {
		ready := p.CheckReady(plugintest.Context(t))
		return !ready.Ready && strings.Contains(ready.Checks["bus"], "publish result")
	})
	p.outcome(jobs.Retried, 1)
	lossy.Lose(nil)
	p.idle(1)
	if n := b.Messages(bus.StreamDead); n != 0 {
		t.Errorf("%d dead letters for trouble of the broker", n)
	}
	plugintest.WaitFor(t, func() bool { return p.CheckReady(plugintest.Context(t)).Ready })
}

// Readiness says what a start waits for.
func TestReadinessOfAStart(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Bus = bus.Options{URL: "nats://127.0.0.1:1"}
	p, err := New(cfg)
	plugintest.Must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	plugintest.WaitFor(t, func() bool {
		return strings.Contains(p.CheckReady(ctx).Checks["bus"], "is the broker running at nats://127.0.0.1:1")
	})
	cancel()
	plugintest.Must(t, <-ended)
}
