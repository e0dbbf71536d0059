package gpu

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/internal/conform"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// altered is a device whose queues behave otherwise.
type altered struct {
	driver.Context
	queue func(driver.Queue) driver.Queue
}

func (a altered) Queue() (driver.Queue, error) {
	q, err := a.Context.Queue()
	return a.queue(q), err
}

// failing is a device whose submissions fail once calls have been made.
type failing struct {
	altered
	left *atomic.Int64
}

type failingQueue struct {
	driver.Queue
	left *atomic.Int64
	err  error
}

func fails(c driver.Context, left *atomic.Int64, err error) failing {
	return failing{altered{c, func(q driver.Queue) driver.Queue { return failingQueue{q, left, err} }}, left}
}

func (q failingQueue) Submit(limit time.Duration, parts ...driver.Times) error {
	if q.left.Add(-1) < 0 {
		return q.err
	}
	return q.Queue.Submit(limit, parts...)
}

// first opens the first device.
func first(t *testing.T) driver.Context {
	t.Helper()
	ctx, err := devices(t)[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// TestLostDevice: plans go on on the processor with the same numbers, in the
// middle of a loop too; one that follows starts there.
func TestLostDevice(t *testing.T) {
	outs, loop := descent(t, 9)
	here, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(), Loop: loop})
	if err != nil {
		t.Fatal(err)
	}
	for after := range int64(14) {
		ctx := first(t)
		left := &atomic.Int64{}
		left.Store(1000)
		var log bytes.Buffer
		faults := 0
		b, err := on(fails(ctx, left, &driver.Error{Call: "test", Kind: driver.ErrLost}), Options{Log: slog.New(slog.NewTextHandler(&log, nil)), OnFault: func(error) { faults++ }})
		if err != nil {
			t.Fatal(err)
		}
		there, err := compute.Compile(outs, nil, compute.Options{Loop: loop, Backends: cpu.List(b)})
		if err != nil {
			t.Fatal(err)
		}
		other, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(b)})
		if err != nil || !other.OnDevice() {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(4, 4))
		for _, name := range here.Inputs() {
			x := draw(rng, 120)
			for _, p := range []*compute.Plan{here, there, other} {
				copy(p.Input(name), x)
			}
		}
		left.Store(after)
		if err := there.Repeat(nil); err != nil {
			t.Fatal(err)
		}
		if err := here.Repeat(nil); err != nil {
			t.Fatal(err)
		}
		if err := near(there.Kept(0), here.Kept(0), 1e-6); err != nil {
			t.Errorf("lost after %d submissions: losses: %v", after, err)
		}
		if err := near(there.Input("z"), here.Input("z"), 1e-6); err != nil {
			t.Errorf("lost after %d submissions: z: %v", after, err)
		}
		if there.OnDevice() {
			continue // it was done before
		}
		if b.Alive() || faults != 1 || b.Err() == nil || strings.Count(log.String(), "msg=") != 1 {
			t.Errorf("%d faults told, log %q", faults, log.String())
		}
		other.Run()
		if other.OnDevice() || other.Err() != nil || faults != 1 {
			t.Error("another plan of the device stays there")
		}
		next, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(b)})
		if err != nil || next.OnDevice() {
			t.Errorf("a new plan is compiled for a device that failed (%v)", err)
		}
		b.Close()
	}
}

// TestLostWeights: weights that lived on the device alone are not made up.
func TestLostWeights(t *testing.T) {
	for _, hold := range []bool{false, true} {
		left := &atomic.Int64{}
		left.Store(1000)
		b, err := on(fails(first(t), left, &driver.Error{Call: "test", Kind: driver.ErrLost}), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		outs, params, grads, ps := critic(t, models.GAN{Dims: 2, Latent: 3}, 2)
		a := compute.AdamDefaults(1e-3)
		p, err := compute.CompileTraining(outs, params, grads, ps.Bound(), a, compute.Options{Backends: cpu.List(b)})
		if err != nil || !p.OnDevice() {
			t.Fatal(err)
		}
		if hold {
			p.Hold()
		}
		p.Run()
		left.Store(0)
		p.Run()
		loss := p.Output(0)[0]
		if lost := p.Err() != nil; lost != hold || (loss != loss) != hold {
			t.Errorf("hold %t: error %v, loss %g", hold, p.Err(), loss)
		}
		if !hold && a.Steps != 2 {
			t.Errorf("%d steps, want 2", a.Steps)
		}
	}
}

// stuck is a device that answers nothing once a run has failed, not even a call
// that gives memory back.
type stuck struct{ failing }

type stuckMemory struct {
	driver.Memory
	f failing
}

func (s stuck) Alloc(n int) (driver.Memory, error) {
	m, err := s.Context.Alloc(n)
	return stuckMemory{m, s.failing}, err
}

func (m stuckMemory) Release() {
	if m.f.left.Load() < 0 {
		select {}
	}
	m.Memory.Release()
}

func (s stuck) Close() {
	if s.left.Load() < 0 {
		select {}
	}
	s.Context.Close()
}

// bare gives operations the memory that the driver knows.
func (q failingQueue) bare(ops []driver.Op) []driver.Op {
	under := func(m driver.Memory) driver.Memory {
		if s, ok := m.(stuckMemory); ok {
			return s.Memory
		}
		return m
	}
	for i := range ops {
		ops[i].To, ops[i].From = under(ops[i].To), under(ops[i].From)
		var all []driver.Memory
		for _, m := range ops[i].Mem {
			all = append(all, under(m))
		}
		ops[i].Mem = all
	}
	return ops
}

func (q failingQueue) Record(ops []driver.Op) (driver.Recording, error) {
	return q.Queue.Record(q.bare(ops))
}

// TestStuckDevice: handing over waits for nothing of the device.
func TestStuckDevice(t *testing.T) {
	left := &atomic.Int64{}
	left.Store(1000)
	b, err := on(stuck{fails(first(t), left, &driver.Error{Call: "wait", Kind: driver.ErrLost})}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	outs, _ := descent(t, 1)
	p, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(b)})
	if err != nil || !p.OnDevice() {
		t.Fatal(err)
	}
	left.Store(0)
	p.Run()
	if p.OnDevice() || p.Err() != nil {
		t.Error("the plan stays on the device")
	}
	b.Close()
	other, err := on(stuck{fails(first(t), left, &driver.Error{Call: "wait", Kind: driver.ErrLost})}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(other)}); err != nil || p.OnDevice() || other.Alive() {
		t.Errorf("a device that gets stuck while a plan is built: %v", err)
	}
}

// TestSlowDevice: a device that takes longer than the limit, in truth, is given
// up, and what it writes later changes nothing.
func TestSlowDevice(t *testing.T) {
	for _, d := range devices(t) {
		if d.Type != driver.CPU {
			continue // a card is too quick
		}
		b, err := Open(d, Options{})
		if err != nil {
			t.Fatal(err)
		}
		v := models.VAE{Dims: 3, Latent: 4}
		ps := v.NewParams(rand.New(rand.NewPCG(1, 1)))
		plan := func(b compute.Backend) *compute.Plan {
			g := v.NewGraph(tensor.Float32)
			out := v.Decode(g, g.Input("z", 4, 4))
			p, err := compute.Compile(gorgonia.Nodes{out}, ps.Bound(), compute.Options{Backends: cpu.List(b)})
			if err != nil || g.Err != nil {
				t.Fatal(err, g.Err)
			}
			copy(p.Input("z"), draw(rand.New(rand.NewPCG(2, 2)), 16))
			return p
		}
		here, there := plan(nil), plan(b)
		if !there.OnDevice() {
			t.Fatal("the plan runs on the processor")
		}
		here.Run()
		b.o.Limit = time.Millisecond
		there.Run()
		if there.OnDevice() || b.Alive() {
			t.Fatal("the device is quicker than the limit")
		}
		for range 2 { // at once, and when the device has finished
			if err := near(there.Output(0), here.Output(0), 1e-9); err != nil {
				t.Error(err)
			}
			clear(there.Output(0))
			time.Sleep(2 * time.Second)
			for _, v := range there.Output(0) {
				if v != 0 {
					t.Fatal("a device that was given up wrote into the outputs")
				}
			}
			there.Run()
		}
	}
}

// TestLittleMemory: a plan that does not fit runs on the processor, and the
// device stays in use for those that do.
func TestLittleMemory(t *testing.T) {
	b, err := on(first(t), Options{Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	v := models.VAE{Dims: 2, Latent: 4}
	ps := v.NewParams(rand.New(rand.NewPCG(1, 1)))
	for _, batch := range []int{1, 64} {
		g := v.NewGraph(tensor.Float32)
		out := v.Decode(g, g.Input("z", batch, 4))
		if g.Err != nil {
			t.Fatal(g.Err)
		}
		p, err := compute.Compile(gorgonia.Nodes{out}, ps.Bound(), compute.Options{Backends: cpu.List(b)})
		if err != nil {
			t.Fatal(err)
		}
		p.Run()
		if p.OnDevice() || !b.Alive() {
			t.Errorf("batch %d: on the device %t, alive %t", batch, p.OnDevice(), b.Alive())
		}
	}
	if b.Used() != 0 {
		t.Errorf("%d bytes are in use by plans that do not fit", b.Used())
	}
	outs, _ := descent(t, 1)
	p, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(b)})
	if err != nil || !p.OnDevice() {
		t.Errorf("a small plan runs on the processor (%v)", err)
	}
	runtime.KeepAlive(p)
}

// TestMemoryIsGivenBack: plans that nobody holds any more leave nothing behind.
func TestMemoryIsGivenBack(t *testing.T) {
	b, err := on(first(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	outs, _ := descent(t, 1)
	for range 20 {
		p, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(b)})
		if err != nil {
			t.Fatal(err)
		}
		p.Run()
	}
	for range 100 {
		if runtime.GC(); b.Used() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d bytes are still in use", b.Used())
}

// TestTwoProcesses: two processes on one device give the same.
func TestTwoProcesses(t *testing.T) {
	if os.Getenv("NODULESCOPE_TEST_CHILD") != "" {
		b, err := on(first(t), Options{})
		if err != nil {
			t.Fatal(err)
		}
		c := conform.Upsampled[0]
		feed, outs, err := c.Graph(rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			t.Fatal(err)
		}
		want := op.Evaluate(feed, outs...)
		p := compile(t, strict{b, t}, outs, feed, compute.Options{})
		for range 20 {
			p.Run()
			for i := range outs {
				if err := conform.Compare(p.Output(i), want[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		return
	}
	devices(t)
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			cmd := exec.Command(os.Args[0], "-test.run=TestTwoProcesses$") //nolint:gosec // this test
			cmd.Env = append(os.Environ(), "NODULESCOPE_TEST_CHILD=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = errors.Join(err, errors.New(string(out)))
			}
			failed <- err
		}()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
