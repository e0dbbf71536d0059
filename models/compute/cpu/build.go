package cpu

import (
	"fmt"
	"slices"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
	"github.com/nodulescope/nodulescope/models/op"
)

// builder assigns buffers and binds steps to them.
type builder struct {
	*executable
	prog    *compute.Program
	team    *team
	set     *kernel.Set
	at      [][]float32 // where the tensors are
	uses    []int       // how often a tensor is still needed
	free    [][]float32
	numbers map[*float32]int
}

// Build implements compute.Backend.
func (b *Backend) Build(p *compute.Program) (compute.Executable, error) {
	x := builder{executable: &executable{space: newSpace(), inputs: map[string][]float32{}, loop: p.Loop},
		prog: p, team: newTeam(b.workers()), set: b.set, at: make([][]float32, len(p.Tensors)), uses: make([]int, len(p.Tensors)), numbers: map[*float32]int{}}
	for i, t := range p.Tensors {
		x.tensor(i, t)
	}
	for _, s := range p.Steps {
		for _, in := range s.In {
			x.uses[in]++
		}
	}
	keep := p.Outs
	if p.Train != nil {
		keep = append(slices.Clone(keep), p.Train.Grads...)
	}
	for _, o := range keep {
		x.uses[o]++ // never released
	}
	for i := 0; i < len(p.Steps); i++ {
		s := p.Steps[i]
		if i+1 < len(p.Steps) && x.follows(s, p.Steps[i+1]) {
			i++
			x.convChain(s, p.Steps[i])
			continue
		}
		if err := x.step(s); err != nil {
			return nil, err
		}
	}
	for _, o := range p.Outs {
		x.outs = append(x.outs, x.at[o])
	}
	if p.Train != nil {
		x.update(p.Train)
	}
	if p.Loop != nil {
		for _, k := range p.Loop.Keep {
			x.kept = append(x.kept, make([]float32, p.Loop.Rounds*len(x.outs[k])))
		}
	}
	return x.executable, nil
}

// tensor makes room for what no step computes. It is never released.
func (x *builder) tensor(i int, t compute.Tensor) {
	switch t.Kind {
	case compute.Temporary:
		return
	case compute.Parameter:
		x.at[i] = t.Host
	case compute.Input:
		x.at[i] = make([]float32, t.Size)
		x.inputs[t.Name] = x.at[i]
	case compute.Constant:
		x.at[i] = slices.Repeat([]float32{t.Value}, t.Size)
	}
	x.uses[i]++
}

// release gives the buffer of a tensor back once nothing needs it any more.
func (x *builder) release(i int) {
	if x.uses[i]--; x.uses[i] == 0 {
		x.free = append(x.free, x.at[i])
	}
}

// most is how many times larger than needed a buffer may be that is used again:
// a small tensor in a large one would keep that from the next large one.
const most = 2

// alloc returns the smallest free buffer that holds size elements, or a new
// one.
func (x *builder) alloc(size int) []float32 {
	best := -1
	for i, f := range x.free {
		if cap(f) >= size && (best < 0 || cap(f) < cap(x.free[best])) {
			best = i
		}
	}
	if best < 0 || cap(x.free[best]) > most*size {
		x.bufs += size
		return make([]float32, size)
	}
	b := x.free[best][:size]
	x.free = append(x.free[:best], x.free[best+1:]...)
	return b
}

// number tells buffers apart by where they begin.
func (x *builder) number(b []float32) int {
	n, ok := x.numbers[&b[0]]
	if !ok {
		n = len(x.numbers)
		x.numbers[&b[0]] = n
	}
	return n
}

func (x *builder) step(p compute.ProgramStep) error {
	s := step{name: p.Name(), out: p.Shape, bytes: 4 * p.Shape.TotalSize()}
	for _, in := range p.Shapes {
		s.bytes += 4 * in.TotalSize()
	}
	if p.Chain != nil {
		c := newChain(x.team, &x.set.Vec, p.Chain, x.at)
		spread := spreads(p.Chain)
		for _, in := range p.In { // the chain may overwrite what dies here
			if !spread[in] {
				x.release(in)
			}
		}
		x.at[p.Out] = x.alloc(p.Chain.Size)
		for _, in := range p.In { // but not what it reads more than once
			if spread[in] {
				x.release(in)
			}
		}
		s.run, s.flops = c.bind(x.at[p.Out]), len(c.code)*p.Chain.Size
	} else {
		x.at[p.Out] = x.alloc(p.Shape.TotalSize())
		var err error
		if s.run, s.flops, err = x.kernel(p); err != nil {
			return err
		}
		for _, in := range p.In {
			x.release(in)
		}
	}
	s.buffer = x.number(x.at[p.Out])
	x.steps = append(x.steps, s)
	return nil
}

// kernel returns the run of any step but a chain, and the FLOPs that it needs.
func (x *builder) kernel(p compute.ProgramStep) (run func(), flops int, err error) {
	t, y := x.team, x.at[p.Out]
	in := make([][]float32, len(p.In))
	for i, id := range p.In {
		in[i] = x.at[id]
	}
	switch o := p.Op.(type) {
	case op.Conv:
		run, flops = x.conv(p, nil)
		return run, flops, nil
	case op.ConvData:
		run, flops = x.conv(p, nil)
		return run, flops, nil
	case op.ConvWeight:
		g := newWeightGrad(o, p.Up, p.Shapes[0], p.Shapes[1], p.Shape)
		return g.bind(t, x.set, x.space, y, in[0], in[1]), g.flops(), nil
	case op.MatMul:
		k := newMatMul(t, x.set, o, p.Shapes[0], p.Shapes[1])
		return k.bind(y, in[0], in[1]), 2 * k.rows * k.cols * k.k, nil
	case op.Upsample:
		return newUpsample(t, p.Shapes[0], p.Shape).up(y, in[0]), 0, nil
	case op.BlockSum:
		return newUpsample(t, p.Shape, p.Shapes[0]).sum(y, in[0]), len(in[0]), nil
	case op.Expand:
		return newBroadcast(t, p.Spread).bindExpand(y, in[0]), 0, nil
	case op.SumTo:
		return newBroadcast(t, p.Spread).bindSum(y, in[0], x.set), len(in[0]), nil
	}
	return nil, 0, fmt.Errorf("cpu: %s cannot be computed", p.Name())
}

// follows says whether a chain is computed within the convolution whose output it
// alone reads: while each piece of that is still in cache.
func (x *builder) follows(conv, next compute.ProgramStep) bool {
	switch conv.Op.(type) {
	case op.Conv, op.ConvData:
		return next.Chain != nil && x.uses[conv.Out] == 1 && slices.Contains(next.In, conv.Out) && !spreads(next.Chain)[conv.Out]
	}
	return false
}

// convChain makes one step of a convolution and the chain that follows it, in
// place.
func (x *builder) convChain(conv, next compute.ProgramStep) {
	s := step{name: conv.Name() + ", " + next.Name(), out: next.Shape, bytes: 4 * next.Shape.TotalSize()}
	for _, in := range append(slices.Clone(conv.Shapes), next.Shapes...) {
		s.bytes += 4 * in.TotalSize()
	}
	s.bytes -= 4 * conv.Shape.TotalSize() // which the chain does not read again
	y := x.alloc(conv.Shape.TotalSize())
	x.at[conv.Out], x.at[next.Out] = y, y
	c := newChain(x.team, &x.set.Vec, next.Chain, x.at)
	s.run, s.flops = x.conv(conv, c)
	s.flops += len(c.code) * c.size
	for _, in := range append(slices.Clone(conv.In), next.In...) {
		if in != conv.Out {
			x.release(in)
		}
	}
	s.buffer = x.number(y)
	x.steps = append(x.steps, s)
}

// conv binds a convolution, or the adjoint of one in its data, and the chain that
// changes its output in place, unless that is nil.
func (x *builder) conv(p compute.ProgramStep, then *chain) (run func(), flops int) {
	from, weights := 0, 1
	if _, ok := p.Op.(op.ConvData); ok {
		from, weights = 1, 0
	}
	w := compute.NewWindow(p.Op, p.Up, p.Shapes, p.Shape)
	k := fastest(x.set, p.Shape[0], func(l layout) *convKernel { return newConv(x.team, l, x.set, w) })
	k.build(x.set, x.space)
	if then != nil {
		k.then, k.thenAll = then, then.bind(x.at[p.Out])
	}
	id := p.In[weights]
	t := x.prog.Tensors[id]
	key := fmt.Sprint("tensor ", id)
	if t.Kind == compute.Parameter { // two leaves may be bound to one slice
		key = fmt.Sprintf("%p", &t.Host[0])
	}
	return k.bind(x.space, x.at[p.Out], x.at[p.In[from]], x.at[id], key, x.prog.Frozen && t.Kind == compute.Parameter), w.FLOPs()
}
