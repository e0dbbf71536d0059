package plugin

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// chaosResume is within what work must go on when the trouble is over.
const chaosResume = 10 * time.Second

// around sends jobs before, in and after a trouble that lasts for chaosFault, and checks
// that all are answered, the first within chaosResume.
func (c *chaos) around(b *bus.Bus, url string, begin func() (end func())) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.send(b, url, 0, *chaosJobs/2)
	}()
	time.Sleep(*chaosTime / 16)
	c.troubled(begin)
	<-sent
	c.settle(b)
	c.check(b)
	if late := c.resumed(b); late > chaosResume {
		c.t.Errorf("the first answer came %s after the trouble was over", late)
	}
}

// trouble is around at a service with a bus of its own, with somebody at its page; and what
// it keeps is whole afterwards.
func (c *chaos) trouble(s *solo, begin func() (end func())) {
	t := c.t
	visitor := visit(t, "http://"+s.plan.Page)
	c.around(s.bus, s.url, begin)
	visitor.done(s.bus)
	s.whole()
	c.tellLogs()
}

// troubled makes a trouble and ends it.
func (c *chaos) troubled(begin func() (end func())) {
	at := time.Now()
	end := begin()
	time.Sleep(*chaosFault)
	end()
	c.history = append(c.history, fault{"trouble", at, time.Now()})
}

// resumed is after what time the first result of those in trouble was stored when that was
// over.
func (c *chaos) resumed(b *bus.Bus) time.Duration {
	first, trouble := time.Time{}, c.history[0]
	plugintest.Must(c.t, b.StoredResults(plugintest.Context(c.t), "local", func(s bus.StoredResult) error {
		env, r, err := bus.DecodeResult(s.Event)
		if err == nil && c.hit(r.JobID) && env.Time.After(trouble.end) && (first.IsZero() || env.Time.Before(first)) {
			first = env.Time
		}
		return err
	}))
	if first.IsZero() {
		c.t.Error("all was answered before the trouble was over: send more jobs")
	}
	c.t.Logf("%s of trouble; the first answer %s after it", trouble.end.Sub(trouble.begin).Round(time.Millisecond), first.Sub(trouble.end).Round(time.Millisecond))
	return first.Sub(trouble.end)
}

// TestChaosDiskFull: the disk of bus, ledger, audit trail and page is full for a while.
func TestChaosDiskFull(t *testing.T) {
	notShort(t)
	t.Parallel()
	c, disk := newChaos(t), smallDisk(t, "96m")
	c.trouble(c.newSolo(disk), func() func() { return fill(t, disk) })
}

// TestChaosDiskHangs: that disk answers nothing for a while; whoever writes waits in the
// kernel.
func TestChaosDiskHangs(t *testing.T) {
	notShort(t)
	t.Parallel()
	c, disk := newChaos(t), loopDisk(t, "192M")
	c.trouble(c.newSolo(disk), func() func() { return freeze(t, disk) })
}

// TestChaosFolderHangs: the disk of one of two services on a broker hangs; the other one goes on.
func TestChaosFolderHangs(t *testing.T) {
	notShort(t)
	t.Parallel()
	c, disk := newChaos(t), loopDisk(t, "192M")
	b, url := c.broker()
	for i, dir := range []string{filepath.Join(disk, "data"), t.TempDir()} {
		c.workers = append(c.workers, newVictim(t, c.logs, fmt.Sprint("worker", i), crashPlan{Point: "worker", DataDir: dir, BusURL: url, Chaos: true}))
	}
	c.around(b, url, func() func() { return freeze(t, disk) })
	c.tellLogs()
}

// TestChaosSeriesHangs: the mount of every second series answers nothing for a while.
func TestChaosSeriesHangs(t *testing.T) {
	notShort(t)
	t.Parallel()
	c := newChaos(t)
	silent, err := os.MkdirTemp("/dev/shm", "silent") // another mount
	if err != nil {
		t.Skip("no second mount on this system: ", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(silent) })
	plugintest.Must(t, os.CopyFS(silent, os.DirFS(c.scans[0])))
	c.scans = append(c.scans, silent)
	c.hit = func(job string) bool { return strings.ContainsAny(job[len(job)-1:], "13579") }
	b, url := c.broker()
	for i := range *chaosWorkers {
		c.workers = append(c.workers, newVictim(t, c.logs, fmt.Sprint("worker", i), crashPlan{Point: "worker", DataDir: t.TempDir(), BusURL: url, Chaos: true}))
	}
	c.around(b, url, func() func() { return hang(t, silent) })
	c.tellLogs()
}

// loopDisk is an ext4 in a file, which can be frozen.
func loopDisk(t *testing.T, size string) string {
	t.Helper()
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	for _, command := range [][]string{{"truncate", "-s", size, image}, {"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, dir}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil { //nolint:gosec // the above
			t.Skipf("only root may mount a disk of a file (%s: %v %s)", command[0], err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil { //nolint:gosec // as above
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

// freeze has every write to a disk wait. It ends by itself, too, should the test break off.
func freeze(t *testing.T, dir string) (thaw func()) {
	t.Helper()
	if out, err := exec.Command("fsfreeze", "-f", dir).CombinedOutput(); err != nil { //nolint:gosec // a folder of the test
		t.Skipf("the disk cannot be frozen: %v %s", err, out)
	}
	thaws := exec.Command("sh", "-c", fmt.Sprintf("read nothing; fsfreeze -u %q", dir)) //nolint:gosec // the same
	lifeline, err := thaws.StdinPipe()                                                  // its end is the end of this process, at the latest
	plugintest.Must(t, err)
	plugintest.Must(t, thaws.Start())
	return func() {
		_ = lifeline.Close()
		plugintest.Must(t, thaws.Wait())
	}
}
