//go:build unix

package scale

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

const password = "a sentence that is long enough"

// BenchmarkQueued is what many jobs that wait do to a service: its memory, the time until
// the work list is there, and how long an urgent job waits. The broker has forgotten the
// ids of those jobs, as of a queue that has grown for longer than a few minutes. The first
// figures are of a service that has just started; then as many jobs come as are done, an
// urgent one among them every few seconds, and its memory is looked at all the while.
func BenchmarkQueued(b *testing.B) {
	needBinary(b)
	f := newFixture(b)
	for b.Loop() {
		for range *rounds {
			counts := []int{1000, *many / 10, *many}
			var dirs []string
			for _, n := range counts {
				dir := b.TempDir()
				f.fill(b, *binary, dir, n, nil)
				addUser(b, dir)
				dirs = append(dirs, dir)
			}
			time.Sleep(bus.DuplicateWindow)
			for i, n := range counts {
				dir, port, review := dirs[i], freePort(b), "127.0.0.1:"+freePort(b)
				s := serve(b, *binary, dir, nil, "--nats-port", port, "--review-listen", review)
				urgent := s.urgent(f, dir, port)
				list := worklist(b, "http://"+review)
				b.Logf("%d jobs wait: ready after %.2f s; urgent jobs were answered after %.0f ms; work list after %.0f ms; memory %.0f MB; load %s",
					n, s.took.Seconds(), urgent, list, s.memory(), load())
				kept, done := s.hold(f, dir, port, n)
				b.Logf("%d jobs were kept waiting for %s, while %d were done: memory %.0f MB in the median, at most %.0f; load %s",
					n, *holds, done, kept[len(kept)/2], kept[len(kept)-1], load())
				s.kill()
			}
		}
	}
}

// hold sends as many jobs as are done, so that as many wait as before, and tells what the
// process took in MB, in order, twice a second, and how many jobs were done.
func (s *service) hold(f *fixture, dataDir, port string, waiting int) (memory []float64, done int) {
	c := s.connect(dataDir, port)
	defer c.Close()
	sent, first := waiting, int(s.done())
	begin := time.Now()
	for tick := 0; time.Since(begin) < *holds; tick++ {
		missing := int(s.done()) + waiting - sent
		each(s.b, missing, func(ctx context.Context, i int) error {
			job := f.job(sent + i)
			if tick%10 == 0 && i == 0 {
				job.Priority = bus.PriorityStat
			}
			_, err := c.SubmitJob(ctx, "local", fmt.Sprint("/scale/held/", i), fmt.Sprint("held", sent+i), job)
			return err
		})
		sent += max(missing, 0)
		memory = append(memory, s.memory())
		time.Sleep(500 * time.Millisecond)
	}
	slices.Sort(memory)
	return memory, int(s.done()) - first
}

func (s *service) connect(dataDir, port string) *bus.Bus {
	access, err := bus.ReadAccess(filepath.Join(dataDir, "bus-access.json"))
	checktest.Must(s.b, err)
	return connect(s.b, bus.Options{URL: "nats://127.0.0.1:" + port, User: string(bus.RoleService), Password: access[bus.RoleService]})
}

// memory is that of the process in MB, after a collection could have been.
func (s *service) memory() float64 { return s.metric("process_resident_memory_bytes") / 1e6 }

// urgent is how many milliseconds some urgent jobs waited, in order.
func (s *service) urgent(f *fixture, dataDir, port string) (took []float64) {
	c := s.connect(dataDir, port)
	defer c.Close()
	for i := range 9 {
		ctx, cancel := context.WithTimeout(s.b.Context(), time.Minute)
		last, err := c.LastResultSeq(ctx)
		checktest.Must(s.b, err)
		job := f.job(1<<20 + i)
		job.Priority = bus.PriorityStat
		begin := time.Now()
		_, err = c.SubmitJob(ctx, "local", "/scale/urgent", fmt.Sprint("urgent", i), job)
		checktest.Must(s.b, err)
		checktest.Must(s.b, c.FollowResults(ctx, "local", bus.FollowOptions{FromSeq: last + 1}, func(_ bus.Envelope, r bus.Result) error {
			if r.JobID == fmt.Sprint("urgent", i) {
				return bus.ErrStop
			}
			return nil
		}))
		took = append(took, float64(time.Since(begin).Milliseconds()))
		cancel()
	}
	slices.Sort(took)
	return took
}

func addUser(b *testing.B, dataDir string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), *binary, "users", "add", "ann", "--role", "review", "--data-dir", dataDir) //nolint:gosec // what is measured
	cmd.Stdin = strings.NewReader(password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

// worklist is how many milliseconds the work list takes, in order.
func worklist(b *testing.B, url string) (took []float64) {
	b.Helper()
	jar, err := cookiejar.New(nil)
	checktest.Must(b, err)
	client := &http.Client{Jar: jar}
	text, err := json.Marshal(map[string]string{"name": "ann", "password": password})
	checktest.Must(b, err)
	r, err := client.Post(url+"/api/v1/session", "application/json", bytes.NewReader(text)) //nolint:noctx // of this machine
	checktest.Must(b, err)
	_ = r.Body.Close()
	for range 9 {
		begin := time.Now()
		r, err := client.Get(url + "/api/v1/worklist") //nolint:noctx // of this machine
		checktest.Must(b, err)
		var list struct{ Rows []json.RawMessage }
		err = json.NewDecoder(r.Body).Decode(&list)
		_ = r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK {
			b.Fatalf("%s, %v", r.Status, err)
		}
		took = append(took, float64(time.Since(begin).Milliseconds()))
	}
	slices.Sort(took)
	return took
}

// BenchmarkStart is the time from the start to ready beside many results.
func BenchmarkStart(b *testing.B) {
	needBinary(b)
	f := newFixture(b)
	dir := b.TempDir()
	f.fill(b, *binary, dir, 1, nil)
	s := serve(b, *binary, dir, nil)
	s.until(1)
	s.stop()
	result := f.results(b, dir, *many)
	checktest.Must(b, os.Remove(filepath.Join(dir, "ledger.db"))) // it is made anew of the results
	s = serve(b, *binary, dir, nil)
	b.Logf("the ledger was filled with %d results of %d bytes in %.1f s", *many, result, s.took.Seconds())
	s.stop()
	for b.Loop() {
		for range *rounds {
			s := serve(b, *binary, dir, nil)
			took := s.took
			b.Logf("%d results: ready after %.2f s; memory %.0f MB; load %s", *many, took.Seconds(), s.memory(), load())
			s.stop()
		}
	}
}

// results stores many copies of the result that is there, each of another job.
func (f *fixture) results(b *testing.B, dataDir string, n int) (size int) {
	b.Helper()
	server := broker(b, filepath.Join(dataDir, "bus"), false)
	defer func() { server.Shutdown(); server.WaitForShutdown() }()
	c := connect(b, bus.Options{URL: server.ClientURL()})
	defer c.Close()
	var first bus.Result
	checktest.Must(b, c.StoredResults(b.Context(), "local", func(s bus.StoredResult) (err error) {
		size = len(s.Event)
		_, first, err = bus.DecodeResult(s.Event)
		return err
	}))
	each(b, n, func(ctx context.Context, i int) error {
		r := first
		r.Identity = fmt.Sprintf("sha256:%064x", i)
		r.JobID, r.SeriesUID = fmt.Sprint("again", i), fmt.Sprint("1.2.3.", i)
		_, err := c.PublishResult(ctx, "local", "/scale", r)
		return err
	})
	return size
}
