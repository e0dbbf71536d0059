package gpu

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/driver"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// executable is a program on the device: one allocation, one queue, and a
// recording for everything between the first and the last host copy.
type executable struct {
	*resources
	prog    *compute.Program
	train   *trainer
	inputs  map[string][]float32
	outs    [][]float32
	kept    [][]float32
	flops   int
	hold    bool // parameters and moments stay on the device
	held    bool // those there are newer than the host's
	upload  driver.Recording
	before  driver.Recording // inputs
	body    driver.Recording
	round   driver.Recording // of a loop: body, keep and carry
	last    driver.Recording // of a loop: body and keep
	after   driver.Recording // outputs
	fetch   driver.Recording // parameters and moments to the host
	ends    driver.Recording // of a loop: what was kept and carried
	moments driver.Recording // to the device
	staged  []staged         // what fetch reads
	carried []staged         // what ends reads into inputs
}

// staged is read to one place and copied to another once the device has done
// everything: what fails half-way leaves the values to start from.
type staged struct{ to, from []float32 }

func unstage(all []staged) {
	for _, s := range all {
		copy(s.to, s.from)
	}
}

// resources are what an executable gives back.
type resources struct {
	b          *Backend
	queue      driver.Queue
	set        *parameters
	memory     driver.Memory
	table      driver.Memory
	recordings []driver.Recording
	unpin      []func()
	slabs      [][]float32 // what is pinned lives until it is not
	released   sync.Once
}

// release may be called more than once. What lies on a device that failed is
// given back by Backend.abandon: a driver may wait for ever for one that does
// not answer.
func (r *resources) release() {
	err := r.b.enter()
	if err == nil {
		defer r.b.calls.Done()
	} else if !errors.Is(err, errClosed) {
		return
	}
	r.giveBack()
}

// giveBack gives everything back, once.
func (r *resources) giveBack() {
	r.released.Do(func() {
		for _, f := range r.unpin {
			f()
		}
		for _, rec := range r.recordings {
			rec.Release()
		}
		for _, m := range []driver.Memory{r.memory, r.table} {
			if m != nil {
				r.b.give(m.Size())
				m.Release()
			}
		}
		if r.set != nil {
			r.b.drop(r.set)
		}
		if r.queue != nil {
			r.queue.Release()
		}
		r.slabs = nil
		r.b.mu.Lock()
		delete(r.b.live, r)
		r.b.mu.Unlock()
	})
}

// maxUnits is how many blocks a tensor's number can tell.
const maxUnits = 1 << 31

// Build implements compute.Backend.
func (b *Backend) Build(p *compute.Program) (compute.Executable, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.calls.Done()
	e := &executable{resources: &resources{b: b}, prog: p, inputs: map[string][]float32{}}
	b.mu.Lock()
	b.live[e.resources] = struct{}{}
	b.mu.Unlock()
	if err := e.build(); err != nil {
		if !harmless(err) {
			b.Failed(err)
		}
		e.release()
		return nil, err
	}
	runtime.AddCleanup(e, func(r *resources) { r.release() }, e.resources)
	return e, nil
}

func (e *executable) build() error {
	b, p := e.b, e.prog
	var err error
	if e.queue, err = b.ctx.Queue(); err != nil {
		return fmt.Errorf("gpu: %w", err)
	}
	if e.set, err = b.parameters(p.Bound, e.queue); err != nil {
		return err
	}
	l := lower(p, func(name string) int { return e.set.unit[name] })
	if p.Train != nil {
		e.train = l.update(p.Train)
	}
	for _, f := range l.flops {
		e.flops += f
	}
	loop := l.loop(p)
	total := l.place()
	if total >= maxUnits {
		l.fail("a plan of %d GiB: use a smaller batch", total>>23)
	}
	if l.err != nil {
		return fmt.Errorf("%w: %w", errUnsupported, l.err)
	}
	if e.memory, err = b.alloc(4 * kernels.Unit * max(total, 1)); err != nil {
		return err
	}
	if e.table, err = b.alloc(4 * max(len(l.ints), 1)); err != nil {
		return err
	}
	memory := []driver.Memory{e.memory, e.set.memory, e.table}
	if err := once(b, e.queue, append([]driver.Op{{To: e.table, Host: driver.Bytes(l.ints)}}, l.ops(l.once, memory)...)); err != nil {
		return err
	}
	return e.record(l, loop, memory)
}

// leastPinned is how much host memory a slab has at least: it then has pages of
// its own and can be pinned. Copies to and from memory that is not pinned keep
// the host waiting, and a driver refuses those of which only a part is.
const leastPinned = 64 << 10

// slab makes host memory for copies, pinned where the driver can.
func (e *executable) slab(size int) []float32 {
	s := make([]float32, max(size, leastPinned/4))
	e.slabs = append(e.slabs, s)
	e.unpin = append(e.unpin, e.b.ctx.Pin(driver.Bytes(s)))
	return s[:size:size]
}

// record makes all recordings.
func (e *executable) record(l *lowerer, loop loopBlocks, memory []driver.Memory) error {
	var before, after, ends, moments, fetch []driver.Op
	write := func(r ref, host []float32) driver.Op {
		return driver.Op{To: e.memory, ToAt: 4 * kernels.Unit * l.blocks[r].at, Host: driver.Bytes(host)}
	}
	read := func(r ref, host []float32) driver.Op {
		m, at := e.memory, l.blocks[r].at
		if l.blocks[r].param {
			m, at = e.set.memory, ^at
		}
		return driver.Op{From: m, FromAt: 4 * kernels.Unit * at, Host: driver.Bytes(host)}
	}
	stage := func(list *[]staged, to []float32) []float32 {
		from := e.slab(len(to))
		*list = append(*list, staged{to, from})
		return from
	}
	size := 0
	for _, t := range l.prog.Tensors {
		if t.Kind == compute.Input {
			size += units(t.Size) * kernels.Unit
		}
	}
	in, at := e.slab(size), 0
	for i, t := range l.prog.Tensors {
		if t.Kind == compute.Input {
			e.inputs[t.Name] = in[at : at+t.Size : at+t.Size]
			before = append(before, write(l.at[i], e.inputs[t.Name]))
			at += units(t.Size) * kernels.Unit
		}
	}
	size, at = 0, 0
	for _, o := range l.prog.Outs {
		size += units(l.prog.Tensors[o].Size) * kernels.Unit
	}
	out := e.slab(size)
	for _, o := range l.prog.Outs {
		n := l.prog.Tensors[o].Size
		e.outs = append(e.outs, out[at:at+n:at+n])
		after = append(after, read(l.at[o], e.outs[len(e.outs)-1]))
		at += units(n) * kernels.Unit
	}
	if e.train != nil {
		e.slabs = append(e.slabs, e.train.host)
		before = append(before, write(e.train.state, e.train.host))
		after = append(after, read(e.train.state, e.train.host))
		for i := range e.train.m {
			m, v := e.train.moments[0][i], e.train.moments[1][i]
			moments = append(moments, write(e.train.m[i], m), write(e.train.v[i], v))
			fetch = append(fetch, read(e.train.m[i], stage(&e.staged, m)), read(e.train.v[i], stage(&e.staged, v)))
		}
		for _, t := range l.prog.Train.Params {
			fetch = append(fetch, read(l.at[t], stage(&e.staged, l.prog.Tensors[t].Host)))
		}
	}
	body := l.ops(l.launches[:loop.body], memory)
	if l.prog.Loop != nil {
		for i, k := range loop.kept {
			e.kept = append(e.kept, e.slab(l.blocks[k].size))
			ends = append(ends, read(k, e.kept[i]))
		}
		for _, c := range l.prog.Loop.Carry {
			for i, t := range l.prog.Tensors {
				if t.Kind == compute.Input && t.Name == c.Input {
					ends = append(ends, read(l.at[i], stage(&e.carried, e.inputs[c.Input])))
				}
			}
		}
		before = append(before, write(loop.counter, e.slab(1)))
	}
	for _, r := range []struct {
		to  *driver.Recording
		ops []driver.Op
	}{{&e.upload, e.set.upload()}, {&e.before, before}, {&e.body, body}, {&e.after, after}, {&e.fetch, fetch}, {&e.ends, ends}, {&e.moments, moments},
		{&e.last, l.ops(l.launches[:loop.keep], memory)}, {&e.round, l.ops(l.launches, memory)}} {
		if l.prog.Loop == nil && (r.to == &e.last || r.to == &e.round) {
			continue
		}
		rec, err := e.queue.Record(r.ops)
		if err != nil {
			return fmt.Errorf("gpu: %w", err)
		}
		*r.to, e.recordings = rec, append(e.recordings, rec)
	}
	return nil
}

// Input implements compute.Executable.
func (e *executable) Input(name string) []float32 { return e.inputs[name] }

// Output implements compute.Executable.
func (e *executable) Output(i int) []float32 { return e.outs[i] }

// Kept implements compute.Executable.
func (e *executable) Kept(i int) []float32 { return e.kept[i] }

// FLOPs implements compute.Executable.
func (e *executable) FLOPs() int { return e.flops }

// Release implements compute.Executable.
func (e *executable) Release() { e.release() }
