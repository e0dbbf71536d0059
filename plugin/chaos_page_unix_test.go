//go:build unix

package plugin

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/plugin/audit"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// solo is a service with a bus of its own and a page, as a process.
type solo struct {
	*victim
	bus *bus.Bus
	url string // of its bus
}

// newSolo starts one, whose data are below a folder.
func (c *chaos) newSolo(dir string) *solo {
	t := c.t
	t.Helper()
	port, page := freePort(t), "127.0.0.1:"+freePort(t)
	plan := crashPlan{Point: "service", DataDir: filepath.Join(dir, "data"), Port: port, Page: page, Chaos: true}
	if c.clock != nil {
		plan.Clock = c.clock.File
	}
	plugintest.Must(t, os.MkdirAll(plan.DataDir, 0o700))
	writeUsers(t, plan.DataDir)
	s := &solo{victim: newVictim(t, c.logs, "service", plan), url: "nats://127.0.0.1:" + port}
	c.workers = append(c.workers, s.victim)
	s.bus = chaosBus(t, bus.Options{URL: s.url})
	return s
}

// whole kills the service and checks that what it keeps is whole, and that it never told of
// damage.
func (s *solo) whole() {
	t := s.t
	t.Helper()
	s.kill()
	k, err := openKept(s.plan.DataDir)
	plugintest.Must(t, err)
	plugintest.Must(t, k.Verify(context.Background()))
	plugintest.Must(t, k.Close())
	if lines := auditLines(t, s.plan.DataDir, audit.KindDamage); len(lines) > 0 {
		t.Errorf("%+v", lines)
	}
}

// visitor is somebody at the review page of a process in trouble: lists, and decides on
// one finding after the other.
type visitor struct {
	t       *testing.T
	client  *pageClient
	stop    context.CancelFunc
	ended   chan struct{}
	kept    map[string]bool // decisions that the page has said to be kept, by their comment
	refused map[string]int  // by what it said
	decided atomic.Int64    // how many were kept
	silent  time.Duration   // the longest that a list took
}

// visit has somebody at the page until done is called.
func visit(t *testing.T, url string) *visitor {
	ctx, stop := context.WithCancel(context.Background())
	r := &visitor{t: t, stop: stop, ended: make(chan struct{}), kept: map[string]bool{}, refused: map[string]int{}}
	plugintest.WaitFor(t, func() (in bool) {
		var err error
		r.client, err = signInAt(ctx, url, "ann")
		return err == nil
	})
	go func() {
		defer close(r.ended)
		versions := map[string]int{}
		for i := 0; ctx.Err() == nil; i++ {
			r.decide(ctx, strconv.Itoa(i), versions)
			time.Sleep(50 * time.Millisecond)
		}
	}()
	t.Cleanup(stop)
	return r
}

func (r *visitor) decide(ctx context.Context, comment string, versions map[string]int) {
	begin := time.Now()
	var list worklistAnswer
	err := r.client.call(ctx, "GET", "/api/v1/worklist", nil, &list)
	r.silent = max(r.silent, time.Since(begin))
	row := -1 // the first that is scored
	for i := range list.Rows {
		if row < 0 && list.Rows[i].State != "waiting" {
			row = i
		}
	}
	if row < 0 {
		if err != nil && ctx.Err() == nil {
			r.refused["list: "+err.Error()]++
		}
		return
	}
	id := list.Rows[row].ID
	var answer struct{ Version int }
	put := map[string]any{"verdict": "suspicious", "comment": comment, "base_version": versions[id]}
	if err := r.client.call(ctx, "PUT", "/api/v1/series/"+id+"/findings/1/decision", put, &answer); err == nil {
		versions[id] = answer.Version
		r.kept[comment] = true
		r.decided.Add(1)
	} else if ctx.Err() == nil {
		r.refused["decision: "+err.Error()]++
		var now struct {
			Findings []struct{ Decision *struct{ Version int } }
		}
		if err := r.client.call(ctx, "GET", "/api/v1/series/"+id, nil, &now); err == nil && len(now.Findings) > 0 && now.Findings[0].Decision != nil {
			versions[id] = now.Findings[0].Decision.Version
		}
	}
}

// done ends it, and checks that each decision that was kept is in REVIEWS, once.
func (r *visitor) done(b *bus.Bus) {
	r.t.Helper()
	plugintest.WaitFor(r.t, func() bool { return r.decided.Load() > 0 })
	r.stop()
	<-r.ended
	var published []string
	missing := func() (n int) {
		for comment := range r.kept {
			if !slices.Contains(published, comment) {
				n++
			}
		}
		return n
	}
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(100 * time.Millisecond) {
		published = published[:0]
		err := b.Reviews(plugintest.Context(r.t), "local", 0, func(_ bus.Envelope, review bus.Review) error {
			published = append(published, review.Comment)
			return nil
		})
		if err == nil && missing() == 0 {
			break
		}
	}
	slices.Sort(published)
	if n := len(published) - len(slices.Compact(slices.Clone(published))); missing() > 0 || n > 0 || len(r.kept) == 0 {
		r.t.Errorf("of %d decisions that were kept %d are not in REVIEWS, %d are there twice", len(r.kept), missing(), n)
	}
	r.t.Logf("review page: %d decisions kept, all in REVIEWS once; the slowest list took %s; refused: %v", len(r.kept), r.silent.Round(time.Millisecond), r.refused)
}
