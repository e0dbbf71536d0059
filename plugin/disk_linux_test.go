package plugin

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/detector"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// smallDisk mounts a disk of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("only root may mount a small disk: ", err)
	}
	t.Cleanup(func() { plugintest.Must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// fill takes all that is free of a disk, and gives it back with empty.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	plugintest.Must(t, err)
	for chunk := make([]byte, 1<<20); ; {
		if _, err := f.Write(chunk); err != nil {
			if chunk = chunk[:len(chunk)/2]; len(chunk) < 512 {
				break
			}
		}
	}
	plugintest.Must(t, f.Close())
	return func() { plugintest.Must(t, os.Remove(path)) }
}

// The disk is full when results are to be stored, which makes the embedded
// server give streams up. The service says that it is not ready; when there is
// room again it goes on by itself, and no job is put aside or answered twice.
func TestDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for limits of time")
	}
	dir := smallDisk(t, "64m")
	full := make(chan struct{})
	cfg := testConfig(t)
	cfg.DataDir, cfg.MaxAttempts, cfg.RetryDelay, cfg.Queue.AckWait = filepath.Join(dir, "data"), 2, 100*time.Millisecond, 2*time.Second
	cfg.Detectors = []detector.Detector{plugintest.Wrapped{Detector: plugintest.Detector(t), Before: func(ctx context.Context, _ []nodule.Patch) error {
		select {
		case <-full:
		case <-ctx.Done():
		}
		return nil
	}}}
	p, scan := start(t, cfg), plugintest.WriteCT(t, plugintest.CT())
	for _, id := range []string{"1", "2", "3"} {
		job := plugintest.Job(scan)
		job.Nodules[0].ID = id
		p.submit("/test", id, job)
	}
	p.settled(func(m map[string]float64) bool { return m["nodulescope_jobs_in_work"] == 1 })
	empty := fill(t, dir)
	close(full)
	_, err := p.bus.PublishResult(plugintest.Context(t), "other", "/test", bus.Result{Identity: "probe", IntendedUse: strings.Repeat("x", 1<<20)})
	if err == nil {
		t.Error("a result was stored on a full disk")
	}
	ready := p.CheckReady(plugintest.Context(t))
	if ready.Ready || ready.Checks["disk"] == "ok" || p.state().own.Health() == nil {
		t.Errorf("%+v, %v", ready, p.state().own.Health())
	}
	empty()
	begin := time.Now()
	p.results(1)
	t.Logf("a result %s after there was room", time.Since(begin).Round(100*time.Millisecond))
	p.results(3)
	p.idle(3)
	dead, err := p.bus.DeadLetters(plugintest.Context(t), p.Site(), bus.DeadOptions{})
	if err != nil || len(dead) != 0 {
		t.Errorf("%v %v", dead, err)
	}
	plugintest.WaitFor(t, func() bool { return p.CheckReady(plugintest.Context(t)).Ready })
}

// Where less is free than must be, no job is taken until there is more.
func TestNoRoom(t *testing.T) {
	dir := smallDisk(t, "64m")
	cfg := testConfig(t)
	cfg.DataDir, cfg.MinFreeBytes = filepath.Join(dir, "data"), 16<<20
	p := start(t, cfg)
	block := filepath.Join(dir, "block")
	plugintest.Must(t, os.WriteFile(block, make([]byte, 52<<20), 0o600))
	plugintest.WaitFor(t, func() bool { return !p.CheckReady(plugintest.Context(t)).Ready })
	time.Sleep(100 * time.Millisecond) // the end of a look at the queue
	p.submit("/test", "1", plugintest.Job(plugintest.WriteCT(t, plugintest.CT())))
	second := plugintest.Job(plugintest.WriteCT(t, plugintest.CT()))
	second.Nodules[0].ID = "second"
	p.submit("/test", "2", second)
	time.Sleep(2 * time.Second)
	if last, err := p.bus.LastResultSeq(plugintest.Context(t)); err != nil || last > 1 { // one may have been asked for before
		t.Errorf("%d jobs were worked on without room, %v", last, err)
	}
	plugintest.Must(t, os.Remove(block))
	p.results(2)
}
