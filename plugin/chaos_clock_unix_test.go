//go:build unix

package plugin

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// jump moves the clock of all processes by minutes, hours or days, while a worker dies.
func (c *chaos) jump(back bool) {
	by := []time.Duration{time.Minute, time.Hour, 24 * time.Hour}[c.r.IntN(3)] * time.Duration(1+c.r.IntN(9))
	if back {
		by = -by
	}
	c.t.Logf("the clock jumps by %s", by)
	c.clock.Jump(by)
	if c.r.IntN(2) == 0 { // its job goes to another one after ack wait, whatever the clock says
		i := c.r.IntN(len(c.workers))
		c.workers[i].kill()
		c.workers[i].start()
	}
}

func newClockChaos(t *testing.T) *chaos {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the clock of a process cannot be shifted here")
	}
	c := newChaos(t)
	c.clock = plugintest.NewClock(t)
	return c
}

// A worker dies with a job, and the clock jumps back by an hour, so that to the broker the
// worker was given it in an hour from now: another one has it all the same, also where all
// of the machine was away in between.
func TestClockBackWhileAWorkerDies(t *testing.T) {
	notShort(t)
	t.Parallel()
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("broker restarted ", restart), func(t *testing.T) {
			t.Parallel()
			c := newClockChaos(t)
			b, url := c.broker()
			plan := crashPlan{Point: "worker", DataDir: t.TempDir(), BusURL: url, Chaos: true, Clock: c.clock.File, Hold: true}
			c.workers = append(c.workers, newVictim(t, c.logs, "worker", plan))
			c.ask(b, "held", c.scans[0], 0, bus.PriorityRoutine)
			plugintest.WaitFor(t, func() bool { return strings.Contains(c.workers[0].said(), held) })
			c.workers[0].kill()
			c.clock.Jump(-time.Hour)
			if restart {
				c.brokers[0].kill()
				c.brokers[0].start()
			}
			c.workers[0].plan.Hold = false
			c.workers[0].start()
			c.settle(b)
			c.check(b)
			c.tellLogs()
		})
	}
}

// The clock is wrong by years for a while, and the service starts meanwhile: who is signed in
// stays so, nothing is forgotten, and jobs are answered.
func TestClockWrongByYears(t *testing.T) {
	notShort(t)
	t.Parallel()
	c := newClockChaos(t)
	s := c.newSolo(t.TempDir())
	send := func(from string) {
		for i := range 3 {
			c.ask(s.bus, fmt.Sprint(from, i), c.scans[0], i, bus.PriorityRoutine)
		}
		c.settle(s.bus)
	}
	const years = 3 * 365 * 24 * time.Hour
	visitor := visit(t, "http://"+s.plan.Page)
	send("before")
	c.clock.Jump(years)
	send("ahead")
	visitor.done(s.bus)
	if len(visitor.refused) > 0 {
		t.Errorf("the page refused %v", visitor.refused)
	}
	for _, jump := range []time.Duration{0, -2 * years, years} {
		s.kill()
		c.clock.Jump(jump)
		s.start()
		send(fmt.Sprint("jump", jump))
	}
	c.check(s.bus)
	if strings.Contains(s.said(), "forgotten") {
		t.Error("results were forgotten")
	}
	s.whole()
	c.tellLogs()
}

// TestChaosClock is [TestChaos] on a machine whose clock jumps forward and back.
func TestChaosClock(t *testing.T) {
	notShort(t)
	t.Parallel()
	c := newClockChaos(t)
	b, url := c.broker()
	for i := range *chaosWorkers {
		plan := crashPlan{Point: "worker", DataDir: t.TempDir(), BusURL: url, Chaos: true, Clock: c.clock.File}
		c.workers = append(c.workers, newVictim(t, c.logs, fmt.Sprint("worker", i), plan))
	}
	c.run(b, url)
}
