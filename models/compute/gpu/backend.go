package gpu

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// Options of Open. The zero value of a field takes the default named behind it.
type Options struct {
	Log     *slog.Logger  // none
	Limit   time.Duration // 30 s, without limit on a processor: how long a run may take
	Memory  int64         // nine tenths of what is free: most bytes that plans take
	OnFault func(error)   // nothing: told once, when the device has failed
	Lanes   int           // 2, 1 on a processor: see compute.Backend

	Precision Precision // Float32
}

const (
	// runLimit is far more than the longest run takes, a search of a hundred
	// steps on a small card, and less than a job waits for its answer.
	runLimit = 30 * time.Second
	// planned are the tenths of the free memory that plans may take: drivers and
	// the desktop need some.
	planned = 9
	// lanePart: with more than a third in use, twice as much would leave less
	// than the plans of one more detector take.
	lanePart = 3
)

// Backend runs programs on a device. It is safe for concurrent use.
type Backend struct {
	device driver.Device
	ctx    driver.Context
	o      Options

	mu     sync.Mutex
	used   int64 // bytes
	failed error
	sets   map[string]*parameters
	live   map[*resources]struct{}
	lost   []driver.Memory // that a plan would have had which could not be built
	short  bool            // it was logged that there is no room for a second lane

	calls sync.WaitGroup // plans that are asking the driver for something
	gone  chan struct{}  // closed once a device that failed has given everything back
}

var _ compute.Backend = (*Backend)(nil)

// Open opens a device and loads the kernels.
func Open(d driver.Device, o Options) (*Backend, error) {
	if d.Group < leastGroup || d.Local < leastLocal {
		return nil, fmt.Errorf("gpu: %s (%s) has groups of %d work items and %d bytes, 256 and 32768 are needed", d.ID(), d.Name, d.Group, d.Local)
	}
	ctx, err := d.Open()
	if err != nil {
		return nil, fmt.Errorf("gpu: %w", err)
	}
	return on(ctx, o)
}

// on makes a back end of an open device.
func on(ctx driver.Context, o Options) (*Backend, error) {
	d := ctx.Device()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Precision == "" {
		o.Precision = Float32
	}
	if why := Lacks(d, o.Precision); why != "" {
		ctx.Close()
		return nil, fmt.Errorf("%w: %s (%s): %s", errPrecision, d.ID(), d.Name, why)
	}
	if o.Limit == 0 && d.Type != driver.CPU {
		o.Limit = runLimit
	}
	if err := ctx.Load(driver.Program{Source: kernels.Source(o.Precision), Options: "-cl-std=CL1.2", PTX: kernels.PTX(o.Precision)}); err != nil {
		ctx.Close()
		return nil, fmt.Errorf("gpu: load the kernels on %s (%s): %w", d.ID(), d.Name, err)
	}
	if o.Memory == 0 {
		free, ok := ctx.Free()
		if !ok {
			free = d.Memory
		}
		o.Memory = free / 10 * planned
	}
	if o.Lanes == 0 {
		o.Lanes = 2
		if d.Type == driver.CPU {
			o.Lanes = 1
		}
	}
	return &Backend{device: d, ctx: ctx, o: o, sets: map[string]*parameters{}, live: map[*resources]struct{}{}, gone: make(chan struct{})}, nil
}

// Machine implements compute.Backend.
func (b *Backend) Machine() compute.Machine {
	return compute.Machine{Device: b.device.ID(), Name: b.device.Name, Precision: string(b.Precision())}
}

// Device is the device in use.
func (b *Backend) Device() driver.Device { return b.device }

// Used is how many bytes plans hold on the device.
func (b *Backend) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Err is why the device is no longer used, or nil.
func (b *Backend) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}

// Alive implements compute.Backend.
func (b *Backend) Alive() bool { return b.Err() == nil }

// Lanes implements compute.Backend. Where plans hold more than a third of the
// memory, a second set of them might take what another detector needs.
func (b *Backend) Lanes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed != nil {
		return 1
	}
	if b.used > b.o.Memory/lanePart {
		if b.o.Lanes > 1 && !b.short {
			b.short = true
			b.o.Log.Debug("one run at a time for want of memory", "device", b.device.ID(), "used", b.used, "planned", b.o.Memory)
		}
		return 1
	}
	return b.o.Lanes
}

// enter is called before a plan asks the driver for anything, and followed by
// calls.Done. Nothing is asked of a device that failed, or is closed.
func (b *Backend) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed != nil {
		return b.failed
	}
	b.calls.Add(1)
	return nil
}

// Failed implements compute.Backend. A lack of memory or of a kernel concerns
// one program; any other failure ends the use of the device, since nothing that
// is on it can be trusted.
func (b *Backend) Failed(err error) {
	if harmless(err) {
		b.o.Log.Warn("no place for a plan: a smaller one, another one or the processor does its work", "device", b.device.ID(), "reason", err.Error())
		return
	}
	b.mu.Lock()
	first := b.failed == nil
	if first {
		b.failed = err
	}
	b.mu.Unlock()
	if first {
		b.o.Log.Error("device failed: all work goes to the processor", "device", b.device.ID(), "name", b.device.Name, "reason", err.Error())
		go b.abandon()
		if b.o.OnFault != nil {
			b.o.OnFault(err)
		}
	}
}

// harmless says whether a failure concerns one program alone.
func harmless(err error) bool {
	return errors.Is(err, driver.ErrMemory) || errors.Is(err, errUnsupported)
}

// errClosed is the end of a device that did not fail.
var errClosed = errors.New("gpu: the back end is closed")

// abandon gives back what a device that failed still holds, as soon as nobody
// asks it for anything and what was submitted has ended. A driver may never
// answer: then this goroutine, and the host memory that the device may still
// write to, stay to the end of the process.
func (b *Backend) abandon() {
	b.calls.Wait()
	b.mu.Lock()
	live, lost := slices.Collect(maps.Keys(b.live)), b.lost
	b.live, b.lost = nil, nil
	b.mu.Unlock()
	var slabs [][]float32
	for _, r := range live {
		slabs = append(slabs, r.slabs...)
		if r.queue != nil {
			r.queue.Finish()
		}
	}
	for _, r := range live {
		r.giveBack()
	}
	for _, m := range lost {
		m.Release()
	}
	b.ctx.Close()
	runtime.KeepAlive(slabs)
	b.mu.Lock()
	b.used = 0
	b.mu.Unlock()
	close(b.gone)
}

// Close releases the device. No plan may run. A device that failed gives back
// what it holds by itself.
func (b *Backend) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed != nil {
		return
	}
	b.failed = errClosed
	b.ctx.Close()
}

// errUnsupported is a program that has no kernels.
var errUnsupported = errors.New("gpu: not supported")

// alloc takes memory within the budget.
func (b *Backend) alloc(bytes int) (driver.Memory, error) {
	b.mu.Lock()
	if b.used+int64(bytes) > b.o.Memory {
		used := b.used
		b.mu.Unlock()
		return nil, fmt.Errorf("gpu: %d bytes beside the %d in use are more than the %d planned for: %w", bytes, used, b.o.Memory, driver.ErrMemory)
	}
	b.used += int64(bytes)
	b.mu.Unlock()
	m, err := b.ctx.Alloc(bytes)
	if err != nil {
		b.give(bytes)
		return nil, fmt.Errorf("gpu: %d bytes: %w", bytes, err)
	}
	return m, nil
}

// give takes bytes off the books.
func (b *Backend) give(bytes int) {
	b.mu.Lock()
	b.used -= int64(bytes)
	b.mu.Unlock()
}
