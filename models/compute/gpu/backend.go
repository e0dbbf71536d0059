package gpu

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/driver"
	"github.com/nodulescope/nodulescope/models/compute/gpu/kernels"
)

// Options of Open. The zero value of a field takes the default named behind it.
type Options struct {
	Log     *slog.Logger  // none
	Limit   time.Duration // 30 s, without limit on a processor: how long a run may take
	Memory  int64         // nine tenths of what is free: most bytes that plans take
	OnFault func(error)   // nothing: told once, when the device has failed

	Precision Precision // Float32
}

// Backend runs programs on a device. It is safe for concurrent use.
type Backend struct {
	device driver.Device
	ctx    driver.Context
	o      Options

	mu     sync.Mutex
	used   int64 // bytes
	failed error
	sets   map[string]*parameters
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
		return nil, fmt.Errorf("%w: %s (%s): %s", ErrPrecision, d.ID(), d.Name, why)
	}
	if o.Limit == 0 && d.Type != driver.CPU {
		o.Limit = 30 * time.Second
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
		o.Memory = free / 10 * 9
	}
	return &Backend{device: d, ctx: ctx, o: o, sets: map[string]*parameters{}}, nil
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

// Failed implements compute.Backend. A lack of memory or of a kernel concerns
// one program; any other failure ends the use of the device, since nothing that
// is on it can be trusted.
func (b *Backend) Failed(err error) {
	if harmless(err) {
		b.o.Log.Warn("plan runs on the processor", "device", b.device.ID(), "reason", err.Error())
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

// lost says whether the device failed.
func (b *Backend) lost() bool {
	err := b.Err()
	return err != nil && !errors.Is(err, errClosed)
}

// Close releases the device. No plan may run. A device that failed is left to
// the end of the process.
func (b *Backend) Close() {
	if b.lost() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
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
