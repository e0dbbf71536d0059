//go:build unix

package plugin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// TestChaosDamage: between rounds a block of a stream, or the ledger, of a service that was
// killed is damaged. All results are there again, each job is answered once, and what is
// lost is counted: jobs among it are sent again.
func TestChaosDamage(t *testing.T) {
	notShort(t)
	t.Parallel()
	c := newChaos(t)
	s := c.newSolo(t.TempDir())
	for round := range max(int(*chaosTime/(20*time.Second)), 1) {
		c.damageRound(s, round)
		if t.Failed() {
			break
		}
	}
	c.check(s.bus)
	t.Logf("damage: %v", c.faults)
	s.kill()
	c.tellLogs()
}

// damageRound sends jobs, a decision and what is no job, damages something, and waits until
// all is right or told.
func (c *chaos) damageRound(s *solo, round int) {
	t, ctx := c.t, context.Background()
	target := append(bus.Streams(), "ledger")[c.r.IntN(5)]
	id := func(kind string, i int) string { return fmt.Sprint("round", round, kind, i) }
	for i := range 8 {
		c.ask(s.bus, id("job", i), c.scans[0], i, bus.PriorityRoutine)
		review := bus.Review{Identity: id("review", i), NoduleID: "n1", Verdict: bus.Suspicious, Reviewer: "ann", Time: time.Now().UTC(), Version: 1}
		_, err := s.bus.PublishReview(plugintest.Context(t), "local", "/chaos", review)
		plugintest.Must(t, err)
		plugintest.Must(t, sendPoison(ctx, s.url, id("poison", i)))
		c.poison.Add(1)
	}
	c.settle(s.bus)
	if target == bus.StreamJobs { // some must wait
		s.kill()
		s.plan.Hold = true
		s.start()
		plugintest.WaitFor(t, func() bool { _, err := s.bus.Holding(plugintest.Context(t), target); return err == nil })
		for i := range 12 {
			c.ask(s.bus, id("held", i), c.scans[0], i%9, bus.PriorityRoutine)
		}
		s.plan.Hold = false
	}
	time.Sleep(watchEvery + 2*time.Second) // what a stream held is noted so often
	before, lost := c.counts(s), s.lost()
	s.kill()
	what := c.damage(s, target)
	begin := time.Now()
	s.start()
	c.ask(s.bus, id("after", 0), c.scans[0], 0, bus.PriorityRoutine)
	told := func(stream string) int { return s.lost()[stream] - lost[stream] }
	right := func() bool {
		now := c.counts(s)
		if now == nil || now[bus.StreamJobs] > 0 {
			return false
		}
		answered := before[bus.StreamResults] + before[bus.StreamJobs] + 1 - told(bus.StreamJobs)
		return now[bus.StreamResults] == answered && now[bus.StreamReviews] == before[bus.StreamReviews]-told(bus.StreamReviews) &&
			now[bus.StreamDead] == before[bus.StreamDead]-told(bus.StreamDead)
	}
	for !right() && time.Since(begin) < 5*time.Minute {
		time.Sleep(200 * time.Millisecond)
		if s.ended() { // as systemd does
			t.Log("the service ended and is started again")
			s.start()
		}
	}
	t.Logf("%s: all is right or told after %s; lost %v", what, time.Since(begin).Round(100*time.Millisecond), s.lost())
	if !right() {
		t.Errorf("%s: before %v, now %v, lost %v", what, before, c.counts(s), s.lost())
	}
	c.poison.Add(-int64(told(bus.StreamDead)))
	for i := range 12 { // of those that are answered the service knows
		if target == bus.StreamJobs && told(bus.StreamJobs) > 0 {
			c.good.Add(-1)
			c.ask(s.bus, id("held", i), c.scans[0], i%9, bus.PriorityRoutine)
		}
	}
	c.settle(s.bus)
}

// damage cuts a file, or writes rubbish into it: in a short run where a message has its
// data, as rubbish in its place takes the broker minutes to give up.
func (c *chaos) damage(s *solo, target string) (what string) {
	share := 0.1 + 0.8*c.r.Float64()
	path := ledgerFile(s.plan.DataDir)
	if target != "ledger" {
		files, err := filepath.Glob(filepath.Join(s.plan.DataDir, "bus/jetstream/*/streams", target, "msgs/*.blk"))
		plugintest.Must(c.t, err)
		path = files[c.r.IntN(len(files))]
	}
	c.faults[target]++
	info, err := os.Stat(path)
	plugintest.Must(c.t, err)
	switch {
	case c.r.IntN(2) == 0:
		truncate(c.t, path, share)
		return fmt.Sprintf("%s cut at %.0f of %d bytes", target, share*float64(info.Size()), info.Size())
	case target == "ledger" || *chaosTime > time.Minute:
		overwrite(c.t, path, share, 64)
		return fmt.Sprintf("%s: rubbish at %.0f of %d bytes", target, share*float64(info.Size()), info.Size())
	}
	overwriteAt(c.t, path, record(c.t, path, 0)+400, 3)
	return target + ": bytes of a message"
}

// counts are how many messages each stream has; nil where that cannot be said now.
func (c *chaos) counts(s *solo) map[string]int {
	counts := map[string]int{}
	for _, stream := range bus.Streams() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		h, err := s.bus.Holding(ctx, stream)
		cancel()
		if err != nil {
			return nil
		}
		counts[stream] = int(h.Messages)
	}
	return counts
}

// lost is how many messages of each stream the audit trail says to be lost.
func (s *solo) lost() map[string]int {
	lost := map[string]int{}
	files, err := audit.Files(auditFile(s.plan.DataDir))
	plugintest.Must(s.t, err)
	_, _, _ = audit.VerifyFiles(files, func(r audit.Record) error { // its last line may be being written
		if r.Kind == audit.KindDamage {
			stream, _, _ := strings.Cut(r.Detail, " ")
			lost[stream] += r.Lost
		}
		return nil
	})
	return lost
}
