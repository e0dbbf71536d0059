//go:build unix

package plugin

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/bus"
	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// Settings of the fault harness: `make chaos` gives longer ones.
var (
	chaosSeed    = flag.Uint64("chaos-seed", 0, "`SEED` of the faults, 0: drawn")
	chaosTime    = flag.Duration("chaos-time", 6*time.Second, "`TIME` during which jobs are sent and faults made")
	chaosJobs    = flag.Int("chaos-jobs", 60, "`NUMBER` of jobs, spread over that time")
	chaosWorkers = flag.Int("chaos-workers", 2, "`NUMBER` of workers")
	chaosFault   = flag.Duration("chaos-fault", 1500*time.Millisecond, "`TIME` for which a disk is full or a storage hangs")
	chaosShipped = flag.Bool("chaos-shipped", false, "score with the shipped detectors, outlines and rungs, in place of a detector that costs nothing")
	chaosPause   = flag.Duration("chaos-pause", 600*time.Millisecond, "mean `TIME` between two faults")
)

// chaosAckWait is after how long a silent worker's job goes to another one.
const chaosAckWait = 3 * time.Second

// chaosChild is a process of the harness: a broker, or a worker.
func chaosChild(plan crashPlan) error {
	if plan.Clock != "" {
		if err := plugintest.FollowClock(plan.Clock); err != nil {
			return err
		}
	}
	if len(plan.Routes) > 0 {
		return chaosServer(plan)
	}
	if plan.Candidates != "" {
		return chaosWatch(plan)
	}
	if plan.Point == "broker" {
		address, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(plan.BusURL, "nats://"))
		if err != nil {
			return err
		}
		if _, err := bus.Start(context.Background(), bus.ServerOptions{StoreDir: plan.DataDir, Port: address.Port}); err != nil {
			return err
		}
		select {}
	}
	models, err := chaosModels(plan.Shipped)
	if err != nil {
		return err
	}
	cfg := crashConfig(plan)
	cfg.Queue.AckWait, cfg.MaxAttempts = chaosAckWait, 5
	if plan.Shipped { // such a job takes so long that it may be killed more often
		cfg.MaxAttempts = 20
	}
	if plan.Port != "" {
		if cfg.Server.Port, err = strconv.Atoi(plan.Port); err != nil {
			return err
		}
		cfg.Server.DontListen = false
	}
	cfg.Detectors, cfg.Outliner, cfg.Rungs = models.Detectors, models.Outliner, models.Rungs
	if plan.Hold {
		cfg.Detectors[0] = plugintest.Wrapped{Detector: models.Detectors[0], Before: func(ctx context.Context, _ []nodule.Patch) error {
			fmt.Fprintln(os.Stderr, held)
			<-ctx.Done()
			return ctx.Err()
		}}
	}
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	p, err := New(cfg)
	if err != nil {
		return err
	}
	return p.Run(context.Background())
}

// held is what a process says that holds a job.
const held = "a job is held"

// victim is a child process that is killed, frozen and started again.
type victim struct {
	t    *testing.T
	name string
	plan crashPlan
	log  *os.File

	mu  sync.Mutex
	cmd *exec.Cmd
}

func newVictim(t *testing.T, logs, name string, plan crashPlan) *victim {
	t.Helper()
	plan.Shipped = *chaosShipped
	log, err := os.OpenFile(filepath.Join(logs, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	plugintest.Must(t, err)
	v := &victim{t: t, name: name, plan: plan, log: log}
	v.start()
	t.Cleanup(func() { v.kill(); _ = log.Close() })
	return v
}

func (v *victim) start() {
	cmd := plugintest.Child(v.t, v.plan)
	cmd.Stderr, cmd.Stdout = v.log, v.log
	if err := cmd.Start(); err != nil {
		v.t.Error(err)
		return
	}
	v.mu.Lock()
	v.cmd = cmd
	v.mu.Unlock()
}

func (v *victim) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait() // killed
}

// ended tells whether the process has ended by itself.
func (v *victim) ended() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(v.cmd.Process.Pid, &status, syscall.WNOHANG, nil)
	return err != nil || pid != 0
}

// said is its log.
func (v *victim) said() string {
	text, err := os.ReadFile(v.log.Name())
	plugintest.Must(v.t, err)
	return string(text)
}

// freeze stops the process for a while: its sockets stay open.
func (v *victim) freeze(d time.Duration) {
	v.mu.Lock()
	pid := v.cmd.Process.Pid
	v.mu.Unlock()
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	time.Sleep(d)
	_ = syscall.Kill(pid, syscall.SIGCONT)
}

// chaos is one run of the harness.
type chaos struct {
	t       *testing.T
	logs    string // folder
	r       *rand.Rand
	brokers []*victim // one, or three of a cluster
	workers []*victim
	links   []*plugintest.Lossy // of each worker to the broker; none at a cluster
	whole   func()              // waits until a cluster is whole again: one server is down at a time
	clock   *plugintest.Clock   // of all processes; nil: that of the machine
	faults  map[string]int
	history []fault               // in order
	hit     func(job string) bool // tells jobs that a trouble of a storage concerns

	scans        []string    // folders of the series, in turn
	want         [][]float64 // scores by place
	jobs         *rand.Rand  // what is sent
	asked        sync.Map    // of good jobs: places by id
	good, poison atomic.Int64
}

// fault is one that was made.
type fault struct {
	what       string
	begin, end time.Time
}

// fault does one of what may happen, and waits until it is over.
func (c *chaos) fault() {
	i, broker := c.r.IntN(len(c.workers)), c.brokers[c.r.IntN(len(c.brokers))]
	pause := time.Duration(c.r.Int64N(int64(2*chaosAckWait/3))) + 200*time.Millisecond
	kinds := []string{"worker killed", "worker killed", "worker frozen", "broker killed", "broker frozen", "link cut"}
	if c.clock != nil {
		kinds = append(kinds, "clock forward", "clock back", "clock back")
	}
	kind := kinds[c.r.IntN(len(kinds))]
	if kind == "link cut" && len(c.links) == 0 {
		kind = "worker frozen"
	}
	c.faults[kind]++
	begin := time.Now()
	defer func() { c.history = append(c.history, fault{fmt.Sprint(kind, " ", i), begin, time.Now()}) }()
	switch kind {
	case "worker killed":
		c.workers[i].kill()
		c.workers[i].start()
	case "worker frozen":
		c.workers[i].freeze(pause + chaosAckWait) // its job goes to another one meanwhile
	case "broker killed":
		broker.kill()
		time.Sleep(pause / 4)
		broker.start()
		c.whole()
	case "broker frozen":
		broker.freeze(pause)
		c.whole()
	case "clock forward", "clock back":
		c.jump(kind == "clock back")
	case "link cut":
		c.links[i].Lose(func([]byte) bool { return true })
		time.Sleep(pause)
		c.links[i].Lose(nil)
	}
}

// TestChaos: while workers and broker are killed, frozen and cut off at random,
// every job is answered once, with the right score, and poison is put aside once.
func TestChaos(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	b, url := c.broker()
	for i := range *chaosWorkers {
		link := plugintest.NewLossy(t, url)
		c.links = append(c.links, link)
		c.workers = append(c.workers, newVictim(t, c.logs, fmt.Sprint("worker", i), crashPlan{Point: "worker", DataDir: t.TempDir(), BusURL: link.URL, Chaos: true}))
	}
	c.run(b, url)
}

// broker is a single one, as a process.
func (c *chaos) broker() (b *bus.Bus, url string) {
	c.t.Helper()
	url = "nats://127.0.0.1:" + freePort(c.t)
	plan := crashPlan{Point: "broker", DataDir: c.t.TempDir(), BusURL: url, Chaos: true}
	if c.clock != nil {
		plan.Clock = c.clock.File
	}
	c.brokers = append(c.brokers, newVictim(c.t, c.logs, "broker", plan))
	return chaosBus(c.t, bus.Options{URL: url}), url
}

func newChaos(t *testing.T) *chaos {
	if testing.Short() {
		t.Skip("of a race in the processes that are killed nobody would hear")
	}
	t.Helper()
	seed := cmp.Or(*chaosSeed, rand.Uint64())
	t.Logf("seed %d: repeat with -args -chaos-seed %d", seed, seed)
	scan := plugintest.WriteCT(t, plugintest.CT())
	return &chaos{
		t: t, logs: t.TempDir(), r: rand.New(rand.NewPCG(seed, 17)), faults: map[string]int{}, whole: func() {}, hit: func(string) bool { return true },
		scans: []string{scan}, want: chaosScores(t, scan), jobs: rand.New(rand.NewPCG(seed, 18)),
	}
}

// run sends jobs and makes faults, and compares what was asked with what was answered.
func (c *chaos) run(b *bus.Bus, url string) {
	end, finished := time.Now().Add(*chaosTime), make(chan struct{})
	go func() {
		defer close(finished)
		c.send(b, url, 0, *chaosJobs)
	}()
	for time.Now().Before(end) {
		time.Sleep(time.Duration(c.r.Int64N(int64(2 * *chaosPause))))
		c.fault()
	}
	<-finished
	c.settle(b)
	c.check(b)
	c.tellLogs()
}

// tellLogs shows what the processes said, where the test has failed.
func (c *chaos) tellLogs() {
	if !c.t.Failed() {
		return
	}
	for _, v := range append(c.workers, c.brokers...) {
		text := v.said()
		c.t.Logf("%s:\n%s", v.name, text[max(0, len(text)-6000):])
	}
}

// settle waits until no job is left: as long as the queue gets shorter, and six times as
// long as jobs were sent at most. It returns how many are left.
func (c *chaos) settle(b *bus.Bus) (left uint64) {
	c.t.Helper()
	begin := time.Now()
	shrunk, least := begin, uint64(math.MaxUint64)
	for time.Since(shrunk) < time.Minute && time.Since(begin) < time.Minute+6**chaosTime {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		h, err := b.Holding(ctx, bus.StreamJobs)
		cancel()
		if err == nil && h.Messages == 0 {
			c.t.Logf("all jobs were settled %s after the last was sent", time.Since(begin).Round(100*time.Millisecond))
			return 0
		}
		if err == nil && h.Messages < least {
			shrunk, least = time.Now(), h.Messages
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Errorf("%d jobs are left after %s, the last was settled %s ago", least, time.Since(begin).Round(time.Second), time.Since(shrunk).Round(time.Second))
	return least
}
