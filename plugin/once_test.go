package plugin

import (
	"context"
	"testing"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// A worker takes so long over a job that it is sent again and answered by
// another one, with a ledger of its own, and the broker's memory of message ids
// is over: the first one finds that answer and adds none. A third one, later,
// finds it too.
func TestSeveralWorkersAnswerOnce(t *testing.T) {
	t.Parallel()
	b, dir := plugintest.NewBroker(t), plugintest.WriteCT(t, plugintest.CT())
	config := func() Config {
		cfg := testConfig(t)
		cfg.Bus = bus.Options{URL: b.URL}
		return cfg
	}
	going, go1 := make(chan struct{}), make(chan struct{})
	slow := config()
	slow.Detectors = []detector.Detector{plugintest.Wrapped{Detector: slow.Detectors[0], Before: func(ctx context.Context, _ []nodule.Patch) error {
		select {
		case going <- struct{}{}:
		case <-ctx.Done():
		}
		select {
		case <-go1:
		case <-ctx.Done():
		}
		return nil
	}}}
	first := start(t, slow)
	first.submit("/test", "1", plugintest.Job(dir))
	<-going
	second := start(t, config())
	second.submit("/test", "2", plugintest.Job(dir))
	second.outcome(jobs.Scored, 1)
	b.ForgetResults()
	close(go1)
	first.settled(func(m map[string]float64) bool {
		return m["nodulescope_deliveries_total/scored"]+m["nodulescope_deliveries_total/answered"] >= 1
	})
	plugintest.Exactly(t, b.Bus, "local", 1)
	plugintest.Must(t, first.stop())
	plugintest.Must(t, second.stop())

	b.ForgetResults()
	third := start(t, config())
	third.submit("/test", "3", plugintest.Job(dir))
	third.outcome(jobs.Answered, 1)
	plugintest.Exactly(t, b.Bus, "local", 1)
	if n := b.Messages(bus.StreamJobs); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
}
