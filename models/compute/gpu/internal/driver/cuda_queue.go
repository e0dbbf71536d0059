package driver

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"
)

// cuQueue is a stream.
type cuQueue struct {
	c      *cuContext
	stream uintptr
}

// Queue implements Context.
func (c *cuContext) Queue() (Queue, error) {
	leave, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	q := &cuQueue{c: c}
	return q, c.lib.cu("cuStreamCreate", uintptr(unsafe.Pointer(&q.stream)), cuStreamNonBlocking)
}

// cuOp is an operation with everything that a call needs.
type cuOp struct {
	Op
	function uintptr
	values   []uint64  // of the arguments: addresses and numbers
	args     []uintptr // where the values are
}

// cuRecording is a list of operations, and a graph for every run of kernels and
// copies within the device where the driver has graphs.
type cuRecording struct {
	c     *cuContext
	parts []cuPart
}

type cuPart struct {
	ops  []cuOp
	exec uintptr // 0: call by call
}

// Record implements Queue. Copies to and from the host stand beside the graphs:
// the memory need not be pinned.
func (q *cuQueue) Record(ops []Op) (Recording, error) {
	leave, err := q.c.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	r := &cuRecording{c: q.c}
	inside := false // of a run
	for _, o := range ops {
		p := cuOp{Op: o}
		within := o.Kernel != "" || (o.To != nil && o.From != nil)
		if o.Kernel != "" {
			if p.function, err = q.c.function(o.Kernel); err != nil {
				return nil, err
			}
			for _, m := range o.Mem {
				p.values = append(p.values, m.(*cuMemory).at)
			}
			for _, v := range o.Ints {
				p.values = append(p.values, uint64(uint32(v))) //nolint:gosec // the first four bytes are the number
			}
			for i := range p.values {
				p.args = append(p.args, uintptr(unsafe.Pointer(&p.values[i]))) //nolint:gosec // values live as long as p
			}
		}
		if !within || !inside || len(r.parts) == 0 {
			r.parts = append(r.parts, cuPart{})
		}
		last := &r.parts[len(r.parts)-1]
		last.ops = append(last.ops, p)
		inside = within
	}
	for i := range r.parts {
		if len(r.parts[i].ops) > 1 {
			r.parts[i].exec = q.graph(r.parts[i].ops)
		}
	}
	return r, nil
}

// graph captures operations, or returns 0 where the driver cannot.
func (q *cuQueue) graph(ops []cuOp) uintptr {
	l := q.c.lib
	for _, f := range []string{"cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch", "cuGraphExecDestroy", "cuGraphDestroy"} {
		if !l.has(f) {
			return 0
		}
	}
	if l.cu("cuStreamBeginCapture_v2", q.stream, cuCaptureThreadLocal) != nil {
		return 0
	}
	var failed error
	for i := range ops {
		failed = errors.Join(failed, q.enqueue(&ops[i]))
	}
	var graph, exec uintptr
	if err := l.cu("cuStreamEndCapture", q.stream, uintptr(unsafe.Pointer(&graph))); err != nil || graph == 0 {
		return 0
	}
	defer func() { _ = l.cu("cuGraphDestroy", graph) }()
	if failed != nil || l.cu("cuGraphInstantiateWithFlags", uintptr(unsafe.Pointer(&exec)), graph, 0) != nil {
		return 0
	}
	return exec
}

// Release implements Recording.
func (r *cuRecording) Release() {
	leave, err := r.c.enter()
	if err != nil {
		return
	}
	defer leave()
	for i := range r.parts {
		if e := &r.parts[i].exec; *e != 0 {
			_ = r.c.lib.cu("cuGraphExecDestroy", *e)
			*e = 0
		}
	}
}

// Submit implements Queue.
func (q *cuQueue) Submit(limit time.Duration, parts ...Times) error {
	leave, err := q.c.enter()
	if err != nil {
		return err
	}
	defer leave()
	for _, p := range parts {
		for range p.N {
			if err := q.run(p.Recording.(*cuRecording)); err != nil {
				return err
			}
		}
	}
	err = wait(limit, func() (bool, error) {
		err := q.c.lib.cu("cuStreamQuery", q.stream)
		var e *Error
		if errors.As(err, &e) && e.Code == cuNotReady {
			return false, nil
		}
		return err == nil, err
	})
	runtime.KeepAlive(parts)
	return err
}

// Finish implements Queue. A context that has met a fault answers at once, and
// runs nothing more.
func (q *cuQueue) Finish() {
	if leave, err := q.c.enter(); err == nil {
		defer leave()
		_ = q.c.lib.cu("cuCtxSynchronize")
	}
}

func (q *cuQueue) run(r *cuRecording) error {
	for i := range r.parts {
		p := &r.parts[i]
		if p.exec != 0 {
			if err := q.c.lib.cu("cuGraphLaunch", p.exec, q.stream); err != nil {
				return err
			}
			continue
		}
		for j := range p.ops {
			if err := q.enqueue(&p.ops[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// enqueue calls what an operation is.
func (q *cuQueue) enqueue(o *cuOp) error {
	l := q.c.lib
	at := func(m Memory, offset int) uintptr { return uintptr(m.(*cuMemory).at) + uintptr(offset) }
	switch {
	case o.function != 0:
		g := o.Groups
		var args unsafe.Pointer
		if len(o.args) > 0 {
			args = unsafe.Pointer(&o.args[0])
		}
		if err := l.cu("cuLaunchKernel", o.function, uintptr(max(g[0], 1)), uintptr(max(g[1], 1)), uintptr(max(g[2], 1)),
			uintptr(o.Local), 1, 1, 0, q.stream, uintptr(args), 0); err != nil {
			return fmt.Errorf("kernel %s: %w", o.Kernel, err)
		}
		return nil
	case o.To != nil && o.From != nil:
		return l.cu("cuMemcpyDtoDAsync_v2", at(o.To, o.ToAt), at(o.From, o.FromAt), uintptr(o.Size), q.stream)
	case len(o.Host) == 0:
		return nil
	case o.To != nil:
		return l.cu("cuMemcpyHtoDAsync_v2", at(o.To, o.ToAt), uintptr(unsafe.Pointer(&o.Host[0])), uintptr(len(o.Host)), q.stream)
	default:
		return l.cu("cuMemcpyDtoHAsync_v2", uintptr(unsafe.Pointer(&o.Host[0])), at(o.From, o.FromAt), uintptr(len(o.Host)), q.stream)
	}
}

// Release implements Queue.
func (q *cuQueue) Release() {
	leave, err := q.c.enter()
	if err != nil || q.stream == 0 {
		return
	}
	defer leave()
	_ = q.c.lib.cu("cuStreamDestroy_v2", q.stream)
	q.stream = 0
}
