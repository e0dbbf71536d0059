package driver

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"
)

// clQueue is an in-order command queue.
type clQueue struct {
	c  *clContext
	id uintptr
}

// Queue implements Context.
func (c *clContext) Queue() (Queue, error) {
	id, err := c.newQueue()
	if err != nil {
		return nil, err
	}
	return &clQueue{c, id}, nil
}

// clOp is an operation with everything that a call needs.
type clOp struct {
	Op
	kernel        uintptr // with its arguments set
	global, local [3]uintptr
}

type clRecording struct {
	c   *clContext
	ops []clOp
}

// Record implements Queue. Every kernel of a recording is an object of its own,
// whose arguments are set once.
func (q *clQueue) Record(ops []Op) (Recording, error) {
	r := &clRecording{c: q.c}
	for _, o := range ops {
		p := clOp{Op: o}
		if o.Kernel != "" {
			var err error
			if p.kernel, err = q.c.kernel(o); err != nil {
				r.Release()
				return nil, err
			}
			p.local = [3]uintptr{uintptr(o.Local), 1, 1}
			for i := range 3 {
				p.global[i] = uintptr(max(o.Groups[i], 1)) * p.local[i]
			}
		}
		r.ops = append(r.ops, p)
	}
	return r, nil
}

// kernel makes a kernel and sets its arguments.
func (c *clContext) kernel(o Op) (uintptr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := text(o.Kernel)
	var code int32
	k := call(c.lib.funcs["clCreateKernel"], c.program, uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&code)))
	if err := clError("clCreateKernel", int(code)); err != nil {
		return 0, fmt.Errorf("kernel %s: %w", o.Kernel, err)
	}
	arg := uintptr(0)
	set := func(size int, at unsafe.Pointer) error {
		err := c.lib.cl("clSetKernelArg", k, arg, uintptr(size), uintptr(at))
		arg++
		return err
	}
	for _, m := range o.Mem {
		if err := set(8, unsafe.Pointer(&m.(*clMemory).id)); err != nil {
			return 0, fmt.Errorf("kernel %s: argument %d: %w", o.Kernel, arg-1, err)
		}
	}
	for i := range o.Ints {
		if err := set(4, unsafe.Pointer(&o.Ints[i])); err != nil {
			return 0, fmt.Errorf("kernel %s: argument %d: %w", o.Kernel, arg-1, err)
		}
	}
	return k, nil
}

// Release implements Recording.
func (r *clRecording) Release() {
	for i := range r.ops {
		if k := &r.ops[i].kernel; *k != 0 {
			_ = r.c.lib.cl("clReleaseKernel", *k)
			*k = 0
		}
	}
}

// Submit implements Queue.
func (q *clQueue) Submit(limit time.Duration, parts ...Times) error {
	l := q.c.lib
	for _, p := range parts {
		r := p.Recording.(*clRecording)
		for range p.N {
			for i := range r.ops {
				if err := q.enqueue(&r.ops[i]); err != nil {
					return err
				}
			}
		}
	}
	var event uintptr
	if err := l.cl("clEnqueueMarkerWithWaitList", q.id, 0, 0, uintptr(unsafe.Pointer(&event))); err != nil {
		return err
	}
	defer func() { _ = l.cl("clReleaseEvent", event) }()
	if err := l.cl("clFlush", q.id); err != nil {
		return err
	}
	err := wait(limit, func() (bool, error) {
		var status int32
		if err := l.cl("clGetEventInfo", event, clEventStatus, 4, uintptr(unsafe.Pointer(&status)), 0); err != nil {
			return false, err
		}
		if status < 0 {
			return false, &Error{Call: "command", Code: int(status), Kind: ErrLost}
		}
		return status == 0, nil
	})
	runtime.KeepAlive(parts)
	return err
}

// Finish implements Queue.
func (q *clQueue) Finish() { _ = q.c.lib.cl("clFinish", q.id) }

// enqueue calls what an operation is.
func (q *clQueue) enqueue(o *clOp) error {
	l := q.c.lib
	id := func(m Memory) uintptr { return m.(*clMemory).id }
	switch {
	case o.kernel != 0:
		if err := l.cl("clEnqueueNDRangeKernel", q.id, o.kernel, 3, 0, uintptr(unsafe.Pointer(&o.global[0])), uintptr(unsafe.Pointer(&o.local[0])), 0, 0, 0); err != nil {
			return fmt.Errorf("kernel %s: %w", o.Kernel, err)
		}
		return nil
	case o.To != nil && o.From != nil:
		return l.cl("clEnqueueCopyBuffer", q.id, id(o.From), id(o.To), uintptr(o.FromAt), uintptr(o.ToAt), uintptr(o.Size), 0, 0, 0)
	case len(o.Host) == 0:
		return nil
	case o.To != nil:
		return l.cl("clEnqueueWriteBuffer", q.id, id(o.To), 0, uintptr(o.ToAt), uintptr(len(o.Host)), uintptr(unsafe.Pointer(&o.Host[0])), 0, 0, 0)
	default:
		return l.cl("clEnqueueReadBuffer", q.id, id(o.From), 0, uintptr(o.FromAt), uintptr(len(o.Host)), uintptr(unsafe.Pointer(&o.Host[0])), 0, 0, 0)
	}
}

// Release implements Queue.
func (q *clQueue) Release() {
	if q.id != 0 {
		_ = q.c.lib.cl("clReleaseCommandQueue", q.id)
		q.id = 0
	}
}
