package gpu

import (
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/internal/logtest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// meeting is a device whose submissions wait, once it is open, until as many
// are under way as are wanted.
type meeting struct {
	open atomic.Bool
	all  sync.WaitGroup
	met  atomic.Int64
}

type meetingQueue struct {
	driver.Queue
	m *meeting
}

func (m *meeting) of(c driver.Context) driver.Context {
	return altered{c, func(q driver.Queue) driver.Queue { return meetingQueue{q, m} }}
}

func (q meetingQueue) Submit(limit time.Duration, parts ...driver.Times) error {
	if q.m.open.Load() {
		q.m.all.Done()
		q.m.all.Wait()
		q.m.met.Add(1)
	}
	return q.Queue.Submit(limit, parts...)
}

// decoders are two plans over the same weights, and what they give alone. Their
// outputs are cleared.
func decoders(t *testing.T, b *Backend) (plans []*compute.Plan, want [][]float32) {
	t.Helper()
	v := models.VAE{Dims: 2, Latent: 3}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 1)))
	for i := range 2 {
		g := v.NewGraph(tensor.Float32)
		out := v.Decode(g, g.Input("z", 4, 3))
		p, err := compute.Compile(gorgonia.Nodes{out}, ps.Bound(), compute.Options{Backends: cpu.List(b), Frozen: true})
		if err != nil || g.Err != nil || !p.OnDevice() {
			t.Fatal(err, g.Err)
		}
		copy(p.Input("z"), draw(rand.New(rand.NewPCG(2, uint64(i))), 12)) //nolint:gosec // 0 or 1
		p.Run()
		plans, want = append(plans, p), append(want, slices.Clone(p.Output(0)))
		clear(p.Output(0))
	}
	return plans, want
}

// TestTwoLanes: two plans of frozen weights run beside each other and give what
// they give alone, to the bit.
func TestTwoLanes(t *testing.T) {
	var m meeting
	var log logtest.Buffer
	b, err := on(m.of(first(t)), Options{Lanes: 2, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Lanes() != 2 {
		t.Fatalf("%d lanes", b.Lanes())
	}
	plans, want := decoders(t, b)
	if slices.Equal(want[0], want[1]) {
		t.Fatal("both plans give the same")
	}
	m.all.Add(2)
	m.open.Store(true) // a submission waits for the other one from now on
	var ended sync.WaitGroup
	for _, p := range plans {
		ended.Go(p.Run)
	}
	ended.Wait()
	for i, p := range plans {
		if !p.OnDevice() || !slices.Equal(p.Output(0), want[i]) {
			t.Errorf("plan %d beside the other gives something else", i)
		}
	}
	if m.met.Load() != 2 {
		t.Errorf("%d submissions met", m.met.Load())
	}
	b.mu.Lock()
	b.o.Memory = 2 * b.used
	b.mu.Unlock()
	for range 2 {
		if b.Lanes() != 1 {
			t.Error("two lanes where half of the memory is in use")
		}
	}
	if n := strings.Count(log.String(), "one run at a time for want of memory"); n != 1 {
		t.Errorf("that is logged %d times", n)
	}
}

// TestFaultBesideRun: of two runs under way one meets a fault. What the other
// gives stands; the processor does the work of the one, and all that follows.
func TestFaultBesideRun(t *testing.T) {
	left := &atomic.Int64{}
	left.Store(1000)
	var m meeting
	b, err := on(m.of(fails(first(t), left, &driver.Error{Call: "test", Kind: driver.ErrLost})), Options{Lanes: 2})
	if err != nil {
		t.Fatal(err)
	}
	plans, want := decoders(t, b)
	m.all.Add(2)
	left.Store(1)
	m.open.Store(true)
	for round, there := range []int{1, 0} {
		var ended sync.WaitGroup
		for _, p := range plans {
			ended.Go(p.Run)
		}
		ended.Wait()
		for i, p := range plans {
			if p.OnDevice() {
				there--
			}
			if p.Err() != nil {
				t.Error(p.Err())
			}
			for j, x := range p.Output(0) {
				if math.Abs(float64(x-want[i][j])) > 1e-5 {
					t.Fatalf("round %d: output %d of plan %d is %g, was %g", round, j, i, x, want[i][j])
				}
			}
		}
		if there != 0 {
			t.Errorf("round %d: %d plans more on the device than expected", round, -there)
		}
	}
	<-b.gone
	if m.met.Load() != 2 || b.Alive() || b.Used() != 0 {
		t.Errorf("%d submissions met, alive %t, %d bytes in use", m.met.Load(), b.Alive(), b.Used())
	}
}
