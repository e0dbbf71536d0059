package plugin

import (
	"context"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// quickToTell makes a plugin that tells what hangs at once.
func quickToTell(t *testing.T, cfg Config) *Plugin {
	t.Helper()
	p, err := New(cfg)
	plugintest.Must(t, err)
	p.slack = 300 * time.Millisecond
	plugintest.Must(t, p.Alive(t.Context())) // before the start
	return p
}

// A slot whose job does not end, whatever its time, is no longer alive; one that
// waits for jobs is.
func TestSlotThatHangs(t *testing.T) {
	t.Parallel()
	cfg := instantConfig(t)
	cfg.JobTimeout, cfg.Slots, cfg.Grace = time.Second, 2, time.Millisecond
	released, entered := make(chan struct{}), make(chan struct{}, 1)
	cfg.Detectors = []detector.Detector{plugintest.Wrapped{Detector: cfg.Detectors[0], Before: func(context.Context, []nodule.Patch) error {
		entered <- struct{}{}
		<-released
		return nil
	}}}
	p := run(t, quickToTell(t, cfg))
	t.Cleanup(func() { close(released) })
	time.Sleep(2 * p.slack) // longer than an idle slot may be silent
	plugintest.Must(t, p.Alive(t.Context()))
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	<-entered
	plugintest.Must(t, p.Alive(t.Context()))
	plugintest.WaitFor(t, func() bool { return p.Alive(t.Context()) != nil })
}

// A bus of the process that is gone for longer than it may is no life.
func TestBusThatIsGone(t *testing.T) {
	t.Parallel()
	p := run(t, quickToTell(t, instantConfig(t)))
	plugintest.Must(t, p.Alive(t.Context()))
	plugintest.Must(t, p.state().own.Shutdown(plugintest.Context(t)))
	plugintest.WaitFor(t, func() bool { return p.Alive(t.Context()) != nil })
}

// A disk that takes long is no hang: while the bus answers nobody asks for it, and
// otherwise it is waited for.
func TestDiskThatIsSlow(t *testing.T) {
	t.Parallel()
	p := run(t, quickToTell(t, instantConfig(t)))
	p.writeTest.Lock() // as a write that does not come back has it
	defer p.writeTest.Unlock()
	alive := func() {
		t.Helper()
		told := make(chan error, 1)
		go func() { told <- p.busAlive(plugintest.Context(t), p.state()) }()
		select {
		case err := <-told:
			plugintest.Must(t, err)
		case <-time.After(10 * diskLook):
			t.Fatal("it waits for the disk")
		}
	}
	alive()
	if p.looking.Load() {
		t.Error("the disk was looked at beside a bus that answers")
	}
	plugintest.Must(t, p.state().own.Shutdown(plugintest.Context(t)))
	for range 2 { // longer than the bus may be silent
		alive()
		time.Sleep(p.slack)
	}
	alive()
	if !p.looking.Load() {
		t.Error("the disk was not looked at")
	}
}
