package driver

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// cuContext is a Context of CUDA. Every call makes it current on its thread.
type cuContext struct {
	lib        *library
	device     Device
	capability int // 90 for 9.0
	ctx        uintptr
	mu         sync.Mutex
	module     uintptr
	functions  map[string]uintptr
}

func openCUDA(l *library, d Device, id int32, capability int) (Context, error) {
	c := &cuContext{lib: l, device: d, capability: capability, functions: map[string]uintptr{}}
	runtime.LockOSThread() // the context is made current on the thread that makes it
	defer runtime.UnlockOSThread()
	if err := l.cu("cuCtxCreate_v2", uintptr(unsafe.Pointer(&c.ctx)), 0, uintptr(id)); err != nil {
		return nil, err
	}
	return c, l.cu("cuCtxSetCurrent", 0)
}

// enter makes the context current until leave.
func (c *cuContext) enter() (leave func(), err error) {
	runtime.LockOSThread()
	if err := c.lib.cu("cuCtxSetCurrent", c.ctx); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return runtime.UnlockOSThread, nil
}

// Device implements Context.
func (c *cuContext) Device() Device { return c.device }

// Free implements Context.
func (c *cuContext) Free() (int64, bool) {
	leave, err := c.enter()
	if err != nil {
		return 0, false
	}
	defer leave()
	var free, total uintptr
	if c.lib.cu("cuMemGetInfo_v2", uintptr(unsafe.Pointer(&free)), uintptr(unsafe.Pointer(&total))) != nil {
		return 0, false
	}
	return int64(free), true //nolint:gosec // less than 2^63
}

// Pin implements Context.
func (c *cuContext) Pin(b []byte) func() {
	if len(b) == 0 || !c.lib.has("cuMemHostRegister_v2") || !c.lib.has("cuMemHostUnregister") {
		return func() {}
	}
	leave, err := c.enter()
	if err != nil {
		return func() {}
	}
	defer leave()
	if c.lib.cu("cuMemHostRegister_v2", uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0) != nil {
		return func() {} // copies are slower, and right
	}
	return func() {
		if leave, err := c.enter(); err == nil {
			defer leave()
			_ = c.lib.cu("cuMemHostUnregister", uintptr(unsafe.Pointer(&b[0])))
		}
	}
}

// ptx is that of the largest compute capability which the card has.
func (c *cuContext) ptx(p Program) (string, error) {
	best := -1
	for capability := range p.PTX {
		if capability <= c.capability && capability > best {
			best = capability
		}
	}
	if best < 0 {
		return "", fmt.Errorf("compute capability %s: %w", c.device.Capability, errBuild)
	}
	return p.PTX[best], nil
}

// Load implements Context.
func (c *cuContext) Load(p Program) error {
	ptx, err := c.ptx(p)
	if err != nil {
		return err
	}
	leave, err := c.enter()
	if err != nil {
		return err
	}
	defer leave()
	c.mu.Lock()
	defer c.mu.Unlock()
	image, log := text(ptx), make([]byte, 1<<14)
	options := []uint32{cuJITErrorLog, cuJITErrorLogSize}
	values := []uintptr{uintptr(unsafe.Pointer(&log[0])), uintptr(len(log))}
	var module uintptr
	err = c.lib.cu("cuModuleLoadDataEx", uintptr(unsafe.Pointer(&module)), uintptr(unsafe.Pointer(&image[0])), uintptr(len(options)),
		uintptr(unsafe.Pointer(&options[0])), uintptr(unsafe.Pointer(&values[0])))
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(untilZero(log)))
	}
	if c.module != 0 {
		_ = c.lib.cu("cuModuleUnload", c.module)
		clear(c.functions)
	}
	c.module = module
	return nil
}

// function finds a kernel of the program. The caller has entered the context.
func (c *cuContext) function(name string) (uintptr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.functions[name]; ok {
		return f, nil
	}
	var f uintptr
	n := text(name)
	if err := c.lib.cu("cuModuleGetFunction", uintptr(unsafe.Pointer(&f)), c.module, uintptr(unsafe.Pointer(&n[0]))); err != nil {
		return 0, fmt.Errorf("kernel %s: %w", name, err)
	}
	c.functions[name] = f
	return f, nil
}

// cuMemory is a block of device memory.
type cuMemory struct {
	c    *cuContext
	at   uint64
	size int
}

// Alloc implements Context.
func (c *cuContext) Alloc(bytes int) (Memory, error) {
	leave, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	m := &cuMemory{c: c, size: max(bytes, 4)}
	if err := c.lib.cu("cuMemAlloc_v2", uintptr(unsafe.Pointer(&m.at)), uintptr(m.size)); err != nil {
		return nil, err
	}
	err = c.lib.cu("cuMemsetD8_v2", uintptr(m.at), 0, uintptr(m.size))
	if err == nil {
		err = c.lib.cu("cuCtxSynchronize") // queues do not wait for what is cleared
	}
	if err != nil {
		_ = c.lib.cu("cuMemFree_v2", uintptr(m.at))
		return nil, err
	}
	return m, nil
}

// Size implements Memory.
func (m *cuMemory) Size() int { return m.size }

// Release implements Memory.
func (m *cuMemory) Release() {
	leave, err := m.c.enter()
	if err != nil || m.at == 0 {
		return
	}
	defer leave()
	_ = m.c.lib.cu("cuMemFree_v2", uintptr(m.at))
	m.at = 0
}

// Close implements Context. What is left of it goes with the context.
func (c *cuContext) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx != 0 {
		_ = c.lib.cu("cuCtxDestroy_v2", c.ctx)
		c.ctx = 0
	}
}
