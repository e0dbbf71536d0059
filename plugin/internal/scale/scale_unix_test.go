//go:build unix

package scale

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/dicomio/dicomtest"
	"github.com/nodulescope/nodulescope/internal/checktest"
)

var (
	binary  = flag.String("scale-binary", "", "`FILE` of the binary that is measured; without it nothing is")
	former  = flag.String("scale-former", "", "`FILE` of another build, which takes turns with it")
	jobs    = flag.Int("scale-jobs", 1000, "`NUMBER` of jobs of one run")
	many    = flag.Int("scale-many", 100000, "`NUMBER` of jobs that wait, or results that are stored")
	rounds  = flag.Int("scale-rounds", 3, "`NUMBER` of runs of each kind, in turn")
	holds   = flag.Duration("scale-hold", time.Minute, "`TIME` for which jobs are kept waiting")
	workers = flag.Int("scale-workers", 1, "`NUMBER` of jobs worked on at once")
)

const seriesCount = 64

func needBinary(b *testing.B) {
	b.Helper()
	if *binary == "" {
		b.Skip("-scale-binary is not set")
	}
}

// fixture has small series that jobs ask for.
type fixture struct{ dirs []string }

func newFixture(b *testing.B) *fixture {
	b.Helper()
	f, root := &fixture{}, b.TempDir()
	old := time.Now().Add(-time.Hour) // nobody waits for a series to be complete
	for i := range seriesCount {
		dir := filepath.Join(root, fmt.Sprint("s", i))
		checktest.Must(b, dicomtest.WriteSeries(dir, dicomtest.Spec{
			SeriesUID: uid(i), Slices: 10, Rows: 16, Cols: 16, Spacing: [3]float64{1, 1, 1},
			Stored: func(_, _, _ int) int { return -850 },
		}))
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		checktest.Must(b, err)
		for _, path := range append(files, dir) {
			checktest.Must(b, os.Chtimes(path, old, old))
		}
		f.dirs = append(f.dirs, dir)
	}
	return f
}

func uid(i int) string { return fmt.Sprint("1.2.826.0.1.3680043.10.9.1.17.", i+1) }

// job asks for a nodule outside of its images: it is answered with a code and costs
// nothing but its way.
func (f *fixture) job(i int) bus.Job {
	return bus.Job{
		SeriesUID: uid(i % seriesCount), URI: "file://" + f.dirs[i%seriesCount],
		Nodules: []bus.JobNodule{{ID: fmt.Sprint("n", i), PositionLPS: [3]float64{500, 500, 500}, DiameterMM: 8}},
	}
}

// fill puts jobs into the store of a build's bus; poison tells which are no jobs.
func (f *fixture) fill(b *testing.B, file, dataDir string, n int, poison func(int) bool) {
	b.Helper()
	serve(b, file, dataDir, nil).stop() // makes the streams as that build wants them
	server := broker(b, filepath.Join(dataDir, "bus"), false)
	defer func() { server.Shutdown(); server.WaitForShutdown() }()
	nc, err := nats.Connect(server.ClientURL())
	checktest.Must(b, err)
	defer nc.Close()
	c := connect(b, bus.Options{URL: server.ClientURL()})
	defer c.Close()
	each(b, n, func(ctx context.Context, i int) error {
		if poison != nil && poison(i) {
			_, err := nc.RequestWithContext(ctx, "nodule.v1.job.local.routine", []byte("this is no job"))
			return err
		}
		_, err := c.SubmitJob(ctx, "local", fmt.Sprint("/scale/", i), fmt.Sprint(i), f.job(i))
		return err
	})
}

// broker is a NATS server on a store.
func broker(b *testing.B, store string, sync bool) *natsserver.Server {
	b.Helper()
	server, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: store, SyncAlways: sync, JetStreamMaxStore: 8 << 30, NoSigs: true, MaxPayload: 8 << 20,
	})
	checktest.Must(b, err)
	server.Start()
	if !server.ReadyForConnections(time.Minute) {
		b.Fatal("no bus")
	}
	return server
}

func connect(b *testing.B, opts bus.Options) *bus.Bus {
	b.Helper()
	c, err := bus.Connect(b.Context(), opts)
	checktest.Must(b, err)
	return c
}

// each calls do with 0 to n-1, several at a time.
func each(b *testing.B, n int, do func(ctx context.Context, i int) error) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Minute)
	defer cancel()
	var group sync.WaitGroup
	const senders = 16
	for s := range senders {
		group.Go(func() {
			for i := s; i < n; i += senders {
				if err := do(ctx, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// service is a running `nodulescope serve`.
type service struct {
	b    *testing.B
	cmd  *exec.Cmd
	url  string // of metrics
	log  bytes.Buffer
	took time.Duration // from its start to ready
}

func freePort(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	checktest.Must(b, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	checktest.Must(b, err)
	return port
}

// serve starts a binary and waits until it takes jobs.
func serve(b *testing.B, file, dataDir string, env []string, more ...string) *service {
	b.Helper()
	listen := "127.0.0.1:" + freePort(b)
	args := append([]string{"serve", "--data-dir", dataDir, "--nats-port", "0", "--listen", listen, "--review-listen", "",
		"--workers", strconv.Itoa(*workers), "--log-level", "warn"}, more...)
	s := &service{b: b, url: "http://" + listen, cmd: exec.CommandContext(b.Context(), file, args...)} //nolint:gosec // what is measured
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	begin := time.Now()
	checktest.Must(b, s.cmd.Start())
	for s.get("/readyz") != http.StatusOK {
		if time.Since(begin) > 2*time.Minute {
			s.kill()
			b.Fatalf("not ready:\n%s", s.log.String())
		}
		time.Sleep(2 * time.Millisecond)
	}
	s.took = time.Since(begin)
	return s
}

func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // killed
}

func (s *service) stop() {
	s.b.Helper()
	checktest.Must(s.b, s.cmd.Process.Signal(syscall.SIGTERM))
	if err := s.cmd.Wait(); err != nil {
		s.b.Fatalf("%v\n%s", err, s.log.String())
	}
}

func (s *service) get(path string) int {
	r, err := http.Get(s.url + path) //nolint:noctx // of this machine
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	_, _ = io.Copy(io.Discard, r.Body)
	return r.StatusCode
}

// metric adds up the values of a metric.
func (s *service) metric(prefix string) (sum float64) {
	r, err := http.Get(s.url + "/metrics") //nolint:noctx // of this machine
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), prefix); found {
			if v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64); err == nil {
				sum += v
			}
		}
	}
	return sum
}

func (s *service) done() float64 {
	return s.metric(`nodulescope_deliveries_total{outcome="scored"}`) + s.metric(`nodulescope_deliveries_total{outcome="dead"}`)
}

// until waits for a number of jobs that are done and tells how many a second were, from
// the first that was seen on.
func (s *service) until(n int) float64 {
	s.b.Helper()
	var first float64
	var begin time.Time
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		done := s.done()
		if first == 0 && done > 0 {
			first, begin = done, time.Now()
		}
		if done >= float64(n) {
			return (done - first) / time.Since(begin).Seconds()
		}
		if time.Since(start) > 15*time.Minute {
			s.kill()
			s.b.Fatalf("%v jobs are done:\n%s", done, s.log.String())
		}
	}
}

// load is the machine's load of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
