package gpu

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/driver"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// meeting is a device whose submissions wait, once it is open, until as many
// are under way as are wanted.
type meeting struct {
	driver.Context
	open *atomic.Bool
	all  *sync.WaitGroup
	met  *atomic.Int64
}

type meetingQueue struct {
	driver.Queue
	m meeting
}

func (m meeting) Queue() (driver.Queue, error) {
	q, err := m.Context.Queue()
	return meetingQueue{q, m}, err
}

func (q meetingQueue) Submit(limit time.Duration, parts ...driver.Times) error {
	if q.m.open.Load() {
		q.m.all.Done()
		q.m.all.Wait()
		q.m.met.Add(1)
	}
	return q.Queue.Submit(limit, parts...)
}

// TestTwoLanes: two plans of frozen weights run beside each other and give what
// they give alone, to the bit.
func TestTwoLanes(t *testing.T) {
	m := meeting{first(t), &atomic.Bool{}, &sync.WaitGroup{}, &atomic.Int64{}}
	b, err := on(m, Options{Lanes: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Lanes() != 2 {
		t.Fatalf("%d lanes", b.Lanes())
	}
	v := models.VAE{Dims: 2, Latent: 3}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 1)))
	var plans []*compute.Plan
	var want [][]float32
	for i := range 2 {
		g := v.NewGraph(tensor.Float32)
		out := v.Decode(g, g.Input("z", 4, 3))
		p, err := compute.Compile(gorgonia.Nodes{out}, ps.Bound(), compute.Options{Backend: b, Frozen: true})
		if err != nil || g.Err != nil || !p.OnDevice() {
			t.Fatal(err, g.Err)
		}
		copy(p.Input("z"), draw(rand.New(rand.NewPCG(2, uint64(i))), 12)) //nolint:gosec // 0 or 1
		p.Run()
		plans, want = append(plans, p), append(want, slices.Clone(p.Output(0)))
		clear(p.Output(0))
	}
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
	if b.Lanes() != 1 {
		t.Error("two lanes where half of the memory is in use")
	}
}

// TestFailedGivesBack: what a device held that failed is given back, by plans
// that are in use, too; nothing is asked of it afterwards.
func TestFailedGivesBack(t *testing.T) {
	left := &atomic.Int64{}
	left.Store(1000)
	b, err := on(failing{first(t), left, &driver.Error{Call: "test", Kind: driver.ErrLost}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	outs, loop := descent(t, 2)
	var plans []*compute.Plan
	for range 3 {
		p, err := compute.Compile(outs, nil, compute.Options{Backend: b, Loop: loop})
		if err != nil || !p.OnDevice() {
			t.Fatal(err)
		}
		plans = append(plans, p)
	}
	if b.Used() == 0 {
		t.Fatal("plans use nothing")
	}
	b.mu.Lock()
	var all []*resources
	for r := range b.live {
		all = append(all, r)
	}
	b.mu.Unlock()
	left.Store(0)
	plans[0].Run()
	<-b.gone
	for _, r := range all {
		if len(r.slabs) != 0 || len(r.recordings) == 0 {
			t.Error("a plan was not given back")
		}
	}
	if b.Used() != 0 || b.Lanes() != 1 || len(all) != 3 {
		t.Errorf("%d bytes in use, %d lanes, %d plans", b.Used(), b.Lanes(), len(all))
	}
	for _, p := range plans { // on the processor
		p.Run()
		if p.OnDevice() || p.Err() != nil {
			t.Error("a plan stays on the device")
		}
	}
	b.Close()
}
