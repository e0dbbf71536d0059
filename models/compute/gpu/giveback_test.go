package gpu

import (
	"maps"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
)

// TestFailedGivesBack: what a device held that failed is given back, by plans
// that are in use, too; nothing is asked of it afterwards.
func TestFailedGivesBack(t *testing.T) {
	left := &atomic.Int64{}
	left.Store(1000)
	b, err := on(fails(first(t), left, &driver.Error{Call: "test", Kind: driver.ErrLost}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	outs, loop := descent(t, 2)
	var plans []*compute.Plan
	for range 3 {
		p, err := compute.Compile(outs, nil, compute.Options{Backends: cpu.List(b), Loop: loop})
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

// silent is a device whose driver does not say that what runs has ended until
// answer is closed.
func silent(c driver.Context, answer chan struct{}) driver.Context {
	return altered{c, func(q driver.Queue) driver.Queue { return silentQueue{q, answer} }}
}

type silentQueue struct {
	driver.Queue
	answer chan struct{}
}

func (q silentQueue) Finish() {
	<-q.answer
	q.Queue.Finish()
}

// TestSilentDriver: a driver that does not answer after a fault keeps nobody
// waiting. The device is opened afresh and scores as before, and the memory of
// the context that failed is given back once the driver answers.
func TestSilentDriver(t *testing.T) {
	left, answer := &atomic.Int64{}, make(chan struct{})
	left.Store(1000)
	open := func(_ *Backend, o Options) (*Backend, error) {
		b, err := on(fails(silent(first(t), answer), left, &driver.Error{Call: "test", Kind: driver.ErrLost}), o)
		if err != nil {
			return nil, err
		}
		return b, b.selfCheck()
	}
	used, tick := make(chan *Backend, 2), make(chan time.Time)
	k := newKeeper(open, Options{}, Retry{}, func(b *Backend) { used <- b }, func(time.Duration) <-chan time.Time { return tick })
	defer k.Close()
	old := <-used
	s := scorer(t, old)
	want := scores(t, s)
	old.mu.Lock()
	plans := slices.Collect(maps.Keys(old.live))
	old.mu.Unlock()
	left.Store(0)
	if got := scores(t, s); got.Machine != cpu.List()[0].Machine() {
		t.Errorf("after the fault it is computed by %v", got.Machine)
	}
	left.Store(1000)
	tick <- time.Time{}
	fresh := <-used
	s = scorer(t, fresh)
	defer runtime.KeepAlive(s) // with its memory
	if d := cmp.Diff(want, scores(t, s)); d != "" {
		t.Errorf("on the fresh device (-before +after):\n%.500s", d)
	}
	held := fresh.Used()
	select {
	case <-old.gone:
		t.Error("memory is given back before the driver has answered")
	default:
	}
	if old.Used() == 0 {
		t.Error("a device that does not answer holds nothing")
	}
	for _, r := range plans { // the device may still write there
		if len(r.slabs) == 0 {
			t.Error("host memory is let go")
		}
	}
	close(answer)
	<-old.gone
	for _, r := range plans {
		if len(r.slabs) != 0 {
			t.Error("host memory is kept")
		}
	}
	if len(plans) == 0 || old.Used() != 0 || fresh.Used() != held || held == 0 {
		t.Errorf("%d bytes are left, %d of the fresh device after %d", old.Used(), fresh.Used(), held)
	}
}
