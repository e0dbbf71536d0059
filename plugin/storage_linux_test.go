package plugin

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/internal/jobs"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// hang has the kernel keep every process that opens a file of a folder waiting,
// as for a mount whose server is gone, until release is called.
func hang(t *testing.T, dir string) (release func()) {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err != nil {
		t.Skip("only root may have files hang: ", err)
	}
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN_PERM|unix.FAN_EVENT_ON_CHILD, unix.AT_FDCWD, dir); err != nil {
		t.Skip("the kernel cannot have files hang: ", err)
	}
	released := false
	release = func() {
		if !released {
			released = true
			plugintest.Must(t, unix.Close(fd))
		}
	}
	t.Cleanup(release)
	return release
}

// The storage of a job does not answer. The only worker goes on with others
// after a while, says what hangs, stops when it is told to, and answers the job
// when the storage is back; its only attempt is not used up.
func TestStorageHangs(t *testing.T) {
	t.Parallel()
	b, good := plugintest.NewBroker(t), plugintest.WriteCT(t, plugintest.CT())
	silent, err := os.MkdirTemp("/dev/shm", "silent") // another mount
	if err != nil {
		t.Skip("no second mount on this system: ", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(silent) })
	plugintest.Must(t, os.CopyFS(silent, os.DirFS(good)))
	release := hang(t, silent)

	cfg := testConfig(t)
	cfg.Bus, cfg.MaxAttempts, cfg.RetryDelay = bus.Options{URL: b.URL}, 1, 2*time.Second
	p := start(t, cfg)
	first := plugintest.Job(silent)
	first.Nodules[0].ID = "first"
	p.submit("/test", "1", first)
	p.submit("/test", "2", plugintest.Job(good))
	if r := p.results(1)[0]; r.JobID != "2" {
		t.Errorf("%s was answered", r.JobID)
	}
	ready := p.CheckReady(plugintest.Context(t))
	if m := gather(t, p.Plugin); m["nodulescope_storage_hung"] == 0 || !strings.Contains(ready.Checks["storage"], "do not come back") {
		t.Errorf("what hangs is not told: %v, %v", ready.Checks, m["nodulescope_storage_hung"])
	}
	begin := time.Now()
	plugintest.Must(t, p.stop())
	if took := time.Since(begin); took > time.Minute { // what hangs does so until release
		t.Errorf("it took %s to stop", took)
	}
	p = start(t, cfg)
	p.outcome(jobs.Retried, 1)
	release()
	p.results(2)
	if n := b.Messages(bus.StreamDead); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}
