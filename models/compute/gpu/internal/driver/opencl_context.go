package driver

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// clContext is a Context of OpenCL.
type clContext struct {
	lib             *library
	device          Device
	id, ctx         uintptr
	mu              sync.Mutex
	program, filler uintptr // filler is the queue that clears new memory
}

func openCLContext(l *library, d Device, id uintptr) (Context, error) {
	c := &clContext{lib: l, device: d, id: id}
	var code int32
	c.ctx = call(l.funcs["clCreateContext"], 0, 1, uintptr(unsafe.Pointer(&id)), 0, 0, uintptr(unsafe.Pointer(&code)))
	if err := clError("clCreateContext", int(code)); err != nil {
		return nil, err
	}
	var err error
	if c.filler, err = c.newQueue(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *clContext) newQueue() (uintptr, error) {
	var code int32
	q := call(c.lib.funcs["clCreateCommandQueue"], c.ctx, c.id, 0, uintptr(unsafe.Pointer(&code)))
	return q, clError("clCreateCommandQueue", int(code))
}

// Device implements Context.
func (c *clContext) Device() Device { return c.device }

// Free implements Context: OpenCL does not tell.
func (c *clContext) Free() (int64, bool) { return 0, false }

// Pin implements Context: OpenCL pins only memory of its own.
func (c *clContext) Pin([]byte) func() { return func() {} }

// Load implements Context.
func (c *clContext) Load(p Program) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	source, options := text(p.Source), text(p.Options)
	lines := []uintptr{uintptr(unsafe.Pointer(&source[0]))}
	var code int32
	program := call(c.lib.funcs["clCreateProgramWithSource"], c.ctx, 1, uintptr(unsafe.Pointer(&lines[0])), 0, uintptr(unsafe.Pointer(&code)))
	runtime.KeepAlive(source)
	if err := clError("clCreateProgramWithSource", int(code)); err != nil {
		return err
	}
	if err := c.lib.cl("clBuildProgram", program, 1, uintptr(unsafe.Pointer(&c.id)), uintptr(unsafe.Pointer(&options[0])), 0, 0); err != nil {
		log := make([]byte, 1<<16)
		_ = c.lib.cl("clGetProgramBuildInfo", program, c.id, clProgramBuildLog, uintptr(len(log)), uintptr(unsafe.Pointer(&log[0])), 0)
		_ = c.lib.cl("clReleaseProgram", program)
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(untilZero(log)))
	}
	if c.program != 0 {
		_ = c.lib.cl("clReleaseProgram", c.program)
	}
	c.program = program
	return nil
}

// clMemory is a buffer.
type clMemory struct {
	c    *clContext
	id   uintptr
	size int
}

// Alloc implements Context. Drivers reserve memory at its first use, so that
// it is cleared at once.
func (c *clContext) Alloc(bytes int) (Memory, error) {
	if c.device.Largest > 0 && int64(bytes) > c.device.Largest {
		return nil, &Error{Call: "clCreateBuffer", Name: fmt.Sprintf("%d bytes, at most %d are given", bytes, c.device.Largest), Kind: ErrMemory}
	}
	bytes = max(4, (bytes+3)/4*4)
	var code int32
	id := call(c.lib.funcs["clCreateBuffer"], c.ctx, clMemReadWrite, uintptr(bytes), 0, uintptr(unsafe.Pointer(&code)))
	if err := clError("clCreateBuffer", int(code)); err != nil {
		return nil, err
	}
	m := &clMemory{c, id, bytes}
	var zero uint32
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.lib.cl("clEnqueueFillBuffer", c.filler, id, uintptr(unsafe.Pointer(&zero)), 4, 0, uintptr(bytes), 0, 0, 0)
	if err == nil {
		err = c.lib.cl("clFinish", c.filler)
	}
	if err != nil {
		m.Release()
		return nil, err
	}
	return m, nil
}

// Size implements Memory.
func (m *clMemory) Size() int { return m.size }

// Release implements Memory.
func (m *clMemory) Release() {
	if m.id != 0 {
		_ = m.c.lib.cl("clReleaseMemObject", m.id)
		m.id = 0
	}
}

// Close implements Context.
func (c *clContext) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range []struct {
		call string
		id   *uintptr
	}{{"clReleaseProgram", &c.program}, {"clReleaseCommandQueue", &c.filler}, {"clReleaseContext", &c.ctx}} {
		if *r.id != 0 {
			_ = c.lib.cl(r.call, *r.id)
			*r.id = 0
		}
	}
}
