package gpu

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nodulescope/nodulescope/internal/logtest"
	"github.com/nodulescope/nodulescope/models"
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
)

// testDevice is a Keeper's device on which faults are injected at the driver's
// interface, and a clock that goes on when the test says so.
type testDevice struct {
	*Keeper
	left  *atomic.Int64 // submissions until it fails
	waits chan time.Duration
	tick  chan time.Time
	used  chan *Backend
	log   *logtest.Buffer
}

func newTestDevice(t *testing.T, submissions int64, r Retry) *testDevice {
	t.Helper()
	devices(t)
	b := &testDevice{left: &atomic.Int64{}, waits: make(chan time.Duration, 10), tick: make(chan time.Time), used: make(chan *Backend, 10), log: &logtest.Buffer{}}
	b.left.Store(submissions)
	open := func(_ *Backend, o Options) (*Backend, error) {
		ctx, err := devices(t)[0].Open()
		if err != nil {
			return nil, err
		}
		be, err := on(fails(ctx, b.left, &driver.Error{Call: "test", Kind: driver.ErrLost}), o)
		if err != nil {
			return nil, err
		}
		return be, be.selfCheck()
	}
	b.Keeper = newKeeper(open, Options{Log: slog.New(slog.NewTextHandler(b.log, nil))}, r, func(be *Backend) { b.used <- be }, func(d time.Duration) <-chan time.Time {
		b.waits <- d
		return b.tick
	})
	t.Cleanup(b.Close)
	return b
}

// scores of a small network on a back end, and what computed them.
func scores(t *testing.T, s *models.Scorer) models.PatchBound {
	t.Helper()
	x, support := draw(rand.New(rand.NewPCG(2, 2)), 28*28), make([]float32, 28*28)
	for i := range support {
		support[i] = 1
	}
	out, err := s.ScoreAll([][]float32{x}, [][]float32{support}, [][32]byte{{1}})
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func scorer(t *testing.T, b *Backend) *models.Scorer {
	t.Helper()
	v := models.VAE{Dims: 2, Latent: 3}
	s, err := models.NewScorer(v, v.NewParams(rand.New(rand.NewPCG(1, 1))), 2, compute.Options{Backends: cpu.List(b)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKeeper: a device that fails is opened afresh, and fails twice at that
// before it gives the scores that it gave before; meanwhile the processor does.
func TestKeeper(t *testing.T) {
	b := newTestDevice(t, 1000, Retry{})
	old := <-b.used
	s := scorer(t, old)
	want := scores(t, s)
	if st := b.State(); st.Err != nil || st.Faults != 0 || !st.Next.IsZero() || want.Machine != st.Backend.Machine() {
		t.Fatalf("%+v, computed by %v", st, want.Machine)
	}
	b.left.Store(0)
	if got := scores(t, s); got.Machine != cpu.List()[0].Machine() {
		t.Errorf("after the fault it is computed by %v", got.Machine)
	}
	var waits []time.Duration
	for attempt := range 3 {
		waits = append(waits, <-b.waits)
		if st := b.State(); st.Err == nil || st.Faults != 1 || st.Next.IsZero() || len(b.used) != 0 {
			t.Errorf("before attempt %d: %+v", attempt, st)
		}
		if attempt == 2 {
			b.left.Store(1000)
		}
		b.tick <- time.Time{}
	}
	fresh := <-b.used
	<-old.gone
	if old.Used() != 0 {
		t.Errorf("the device that failed holds %d bytes", old.Used())
	}
	if !slices.Equal(waits, []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}) {
		t.Errorf("waits of %v", waits)
	}
	if st := b.State(); st.Err != nil || st.Faults != 1 || !st.Next.IsZero() || st.Backend != fresh {
		t.Errorf("%+v", st)
	}
	if d := cmp.Diff(want, scores(t, scorer(t, fresh))); d != "" {
		t.Errorf("on the fresh device (-before +after):\n%.500s", d)
	}
	for _, line := range []string{"all work goes to the processor", "will be tried again", "device is back"} {
		if !strings.Contains(b.log.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, b.log)
		}
	}
	b.left.Store(0) // again, soon after
	scores(t, scorer(t, fresh))
	if wait := <-b.waits; wait != 8*time.Minute || b.State().Faults != 2 {
		t.Errorf("a second fault waits for %v: %+v", wait, b.State())
	}
}

// TestKeeperOff: where the setting says so, a device is not tried again, nor
// after Close.
func TestKeeperOff(t *testing.T) {
	b := newTestDevice(t, 1000, Retry{Off: true})
	(<-b.used).Failed(driver.ErrLost)
	if st := b.State(); !errors.Is(st.Err, driver.ErrLost) || st.Faults != 1 || !st.Next.IsZero() || len(b.waits) != 0 {
		t.Errorf("%+v", st)
	}
	b = newTestDevice(t, 0, Retry{First: time.Second, Most: 3 * time.Second})
	for _, want := range []time.Duration{1, 2, 3, 3} { // it cannot be opened at all
		if wait := <-b.waits; wait != want*time.Second {
			t.Errorf("a wait of %v, want %d s", wait, want)
		}
		if st := b.State(); st.Backend != nil || st.Err == nil || st.Faults != 0 {
			t.Errorf("%+v", st)
		}
		b.tick <- time.Time{}
	}
	<-b.waits
	b.Close()
	select {
	case b.tick <- time.Time{}:
		t.Error("it is tried again after Close")
	default:
	}
}

// TestRetryWaits: the wait starts anew after a device has worked for long.
func TestRetryWaits(t *testing.T) {
	r := Retry{}.withDefaults()
	if got := r.next(32*time.Minute, 59*time.Minute); got != time.Hour {
		t.Errorf("%v", got)
	}
	if got := r.next(time.Hour, time.Hour); got != time.Minute {
		t.Errorf("%v after an hour of work", got)
	}
}
