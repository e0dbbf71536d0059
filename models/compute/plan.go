package compute

import (
	"fmt"
	"maps"
	"slices"

	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Options of Compile.
type Options struct {
	Threads int         // workers; 0: one per processor
	Kernels *kernel.Set // nil: the fastest that this machine runs
	Frozen  bool        // bound parameters hold their final values: they are packed once
	Backend Backend     // nil: the processor
	Loop    *Loop       // nil: the plan is only Run
}

// Plan is a graph compiled for its shapes: steps in order, with every buffer
// assigned ahead. A plan is run by one goroutine at a time; plans that share
// bound parameters may run at the same time as long as none writes them.
type Plan struct {
	team    *team
	space   *space
	steps   []step
	bufs    int // elements of all buffers
	inputs  map[string][]float32
	outs    [][]float32
	loop    *Loop
	kept    [][]float32
	device  *elsewhere // nil: all runs on the processor
	machine Machine    // where device is nil
}

type step struct {
	name   string
	out    tensor.Shape
	flops  int // needed, without borders and padding
	bytes  int // of the tensors that it reads and writes
	buffer int // which buffer holds the output: steps with the same number share it
	run    func()
}

// Compile turns the graph behind outs into a plan. Leaves are found by name:
// those in bound use the caller's slices, the others become inputs that the
// caller fills before Run. A node that holds no operator of package op, a leaf
// that is not float32, or a bound slice of the wrong length is an error that
// names it.
func Compile(outs gorgonia.Nodes, bound map[string][]float32, o Options) (*Plan, error) {
	if o.Backend != nil {
		program, err := Lower(outs, bound, o)
		if err != nil {
			return nil, err
		}
		if p := compileOn(program, o, func(o Options) (*Plan, error) { return Compile(outs, bound, o) }); p != nil {
			return p, nil
		}
	}
	c := compiler{
		plan: &Plan{team: newTeam(o.Threads), space: newSpace(), inputs: map[string][]float32{}},
		set:  o.Kernels, frozen: o.Frozen, fuser: newFuser(outs), params: map[*gorgonia.Node]bool{}, numbers: map[*float32]int{}, at: map[*gorgonia.Node][]float32{}, uses: map[*gorgonia.Node]int{}, root: map[*gorgonia.Node]*gorgonia.Node{},
	}
	if c.set == nil {
		c.set = kernel.Best()
	}
	c.plan.machine = Processor(c.set)
	order := op.SortBy(func(n *gorgonia.Node) gorgonia.Nodes { return c.fuse(n).reads() }, outs...)
	for _, n := range order {
		for _, in := range c.fuse(n).reads() {
			c.uses[in]++
		}
	}
	for _, n := range outs {
		c.uses[n]++ // outputs are never released
	}
	for _, n := range order {
		if n.Dtype() != tensor.Float32 {
			return nil, fmt.Errorf("compute: %s %v holds %v, want float32", n.Name(), n.Shape(), n.Dtype())
		}
		var err error
		if f := c.fuse(n); f.op != nil {
			err = c.lower(n, f)
		} else {
			err = c.leaf(n, bound)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, n := range outs {
		c.plan.outs = append(c.plan.outs, c.at[n])
	}
	return c.plan, c.plan.setLoop(o.Loop, outs)
}

// Input returns the buffer of a named input for the caller to fill. It panics
// where the plan has no such input.
func (p *Plan) Input(name string) []float32 {
	b, ok := p.inputs[name]
	if !ok {
		panic("compute: plan has no input " + name)
	}
	return b
}

// Inputs are the names of the inputs, sorted. A leaf that no output depends on
// is none.
func (p *Plan) Inputs() []string { return slices.Sorted(maps.Keys(p.inputs)) }

// Output returns the i-th output. The next Run overwrites it, or where a device
// fails puts it elsewhere.
func (p *Plan) Output(i int) []float32 { return p.outs[i] }

// Run computes the outputs from the inputs.
func (p *Plan) Run() {
	if p.device != nil {
		_ = p.onDevice(Executable.Run, func(spare *Plan) error { spare.Run(); return nil }) // see Err
		return
	}
	p.space.run++
	for i := range p.steps {
		p.steps[i].run()
	}
}

// FLOPs is how many multiplications and additions one Run needs, without those
// on borders and padding.
func (p *Plan) FLOPs() int {
	if p.OnDevice() {
		return p.device.exec.FLOPs()
	}
	n := 0
	for _, s := range p.steps {
		n += s.flops
	}
	return n
}

type compiler struct {
	*fuser
	plan    *Plan
	set     *kernel.Set
	frozen  bool
	params  map[*gorgonia.Node]bool // leaves that are bound
	at      map[*gorgonia.Node][]float32
	uses    map[*gorgonia.Node]int            // how often a value is still needed
	root    map[*gorgonia.Node]*gorgonia.Node // whose buffer a reshaped value shares
	free    [][]float32
	numbers map[*float32]int
}

func (c *compiler) leaf(n *gorgonia.Node, bound map[string][]float32) error {
	if n.Op() != nil {
		return fmt.Errorf("compute: %s (%v) is no operator of models/op and cannot be lowered", n.Name(), n.Op())
	}
	size := n.Shape().TotalSize()
	if b, ok := bound[n.Name()]; ok {
		if len(b) != size {
			return fmt.Errorf("compute: %q has %d values, the graph wants %v", n.Name(), len(b), n.Shape())
		}
		c.at[n], c.params[n] = b, true
	} else {
		if c.plan.inputs[n.Name()] != nil {
			return fmt.Errorf("compute: two inputs are called %q", n.Name())
		}
		c.at[n] = make([]float32, size)
		c.plan.inputs[n.Name()] = c.at[n]
	}
	c.uses[n]++ // never released
	return nil
}

// owner is the node whose buffer n uses.
func (c *compiler) owner(n *gorgonia.Node) *gorgonia.Node {
	for c.root[n] != nil {
		n = c.root[n]
	}
	return n
}

// release gives the buffer of an input back once nothing needs it any more.
func (c *compiler) release(n *gorgonia.Node) {
	n = c.owner(n)
	if c.uses[n]--; c.uses[n] == 0 {
		c.free = append(c.free, c.at[n])
	}
}

// alloc returns the smallest free buffer that holds size elements, or a new
// one.
func (c *compiler) alloc(size int) []float32 {
	best := -1
	for i, f := range c.free {
		if cap(f) >= size && (best < 0 || cap(f) < cap(c.free[best])) {
			best = i
		}
	}
	if best < 0 || cap(c.free[best]) > 2*size {
		c.plan.bufs += size
		return make([]float32, size)
	}
	b := c.free[best][:size]
	c.free = append(c.free[:best], c.free[best+1:]...)
	return b
}

// number tells buffers apart by where they begin.
func (c *compiler) number(b []float32) int {
	first := &b[0]
	if _, ok := c.numbers[first]; !ok {
		c.numbers[first] = len(c.numbers)
	}
	return c.numbers[first]
}

// lower appends the step that computes n.
func (c *compiler) lower(n *gorgonia.Node, f fused) error {
	if f.fixed != nil { // filled once: no step
		c.at[n] = make([]float32, n.Shape().TotalSize())
		c.plan.bufs += len(c.at[n])
		for i := range c.at[n] {
			c.at[n][i] = float32(*f.fixed)
		}
		c.uses[n]++ // never released
		return nil
	}
	in := f.in
	if _, ok := f.op.(op.Reshape); ok {
		// The value shares its input's buffer: what needs it needs that one.
		c.at[n], c.root[n] = c.at[in[0]], in[0]
		c.uses[c.owner(in[0])] += c.uses[n]
		c.release(in[0])
		return nil
	}
	s := step{name: f.name(), out: n.Shape(), bytes: 4 * n.Shape().TotalSize()}
	for _, m := range f.reads() {
		s.bytes += 4 * m.Shape().TotalSize()
	}
	if f.chain {
		ch := &chain{team: c.plan.team, size: n.Shape().TotalSize()}
		b := chainBuilder{compiler: c, chain: ch}
		b.node(n, true)
		for _, m := range in { // the chain may overwrite what dies here
			c.release(m)
		}
		ch.out = c.alloc(ch.size)
		c.at[n] = ch.out
		for _, m := range f.small { // but not what it reads more than once
			c.release(m)
		}
		s.run, s.flops = ch.finish(b.registers), len(ch.code)*ch.size
	} else {
		c.at[n] = c.alloc(n.Shape().TotalSize())
		var err error
		if s.run, s.flops, err = c.kernel(n, f); err != nil {
			return err
		}
		for _, m := range in {
			c.release(m)
		}
	}
	s.buffer = c.number(c.at[n])
	c.plan.steps = append(c.plan.steps, s)
	return nil
}

// kernel returns the run of any step but a chain, and the FLOPs that it needs.
func (c *compiler) kernel(n *gorgonia.Node, f fused) (run func(), flops int, err error) {
	t, out, y := c.plan.team, n.Shape(), c.at[n]
	s, x := make([]tensor.Shape, len(f.in)), make([][]float32, len(f.in))
	for i, m := range f.in {
		s[i], x[i] = m.Shape(), c.at[m]
	}
	conv := func(build func(layout) *convKernel, from, weights int) (func(), int, error) {
		k := fastest(c.set, out[0], build)
		k.build(c.set, c.plan.space)
		return k.bind(c.plan.space, y, x[from], x[weights], c.frozen && c.params[f.in[weights]]), k.flops(), nil
	}
	weight := func(g weightGrad) (func(), int, error) {
		return g.bind(t, c.set, c.plan.space, y, x[0], x[1]), g.flops(), nil
	}
	switch o := f.op.(type) {
	case op.Conv:
		if f.up {
			return conv(func(l layout) *convKernel { return newUpConv(t, l, c.set, s[0], s[1], out) }, 0, 1)
		}
		return conv(func(l layout) *convKernel { return newConv(t, l, c.set, o, s[0], s[1], out) }, 0, 1)
	case op.ConvData:
		if f.up {
			return conv(func(l layout) *convKernel { return newUpConvData(t, l, c.set, s[0], s[1], out) }, 1, 0)
		}
		return conv(func(l layout) *convKernel { return newConvData(t, l, c.set, o.Conv, s[0], s[1], out) }, 1, 0)
	case op.ConvWeight:
		if f.up {
			return weight(newUpConvWeight(s[0], s[1], out))
		}
		return weight(newConvWeight(o.Conv, s[0], s[1], out))
	case op.MatMul:
		k := newMatMul(t, c.set, o, s[0], s[1])
		return k.bind(y, x[0], x[1]), 2 * k.rows * k.cols * k.k, nil
	case op.Upsample:
		return newUpsample(t, s[0], out).up(y, x[0]), 0, nil
	case op.BlockSum:
		return newUpsample(t, out, s[0]).sum(y, x[0]), len(x[0]), nil
	case op.Expand:
		return newBroadcast(t, s[0], out).bindExpand(y, x[0]), 0, nil
	case op.SumTo:
		return newBroadcast(t, out, s[0]).bindSum(y, x[0]), len(x[0]), nil
	}
	return nil, 0, fmt.Errorf("compute: %s (%s) cannot be lowered", n.Name(), f.name())
}

// chainBuilder turns the element-wise tree behind a node into instructions.
type chainBuilder struct {
	*compiler
	chain     *chain
	registers int
	free      []int
}

func (b *chainBuilder) take() int {
	if n := len(b.free); n > 0 {
		r := b.free[n-1]
		b.free = b.free[:n-1]
		return r
	}
	b.registers++
	return b.registers - 1
}

// drop gives the registers of sources back.
func (b *chainBuilder) drop(sources ...source) {
	for _, s := range sources {
		if s.reg >= 0 {
			b.free = append(b.free, s.reg)
		}
	}
}

// binary computes x o y; a constant y is part of the instruction, and so is a
// constant x where the operands can change places.
func (b *chainBuilder) binary(o op.Binary, in gorgonia.Nodes) instruction {
	x, y := b.fuse(in[0]).fixed, b.fuse(in[1]).fixed
	if x != nil && (o.F == '+' || o.F == '*') {
		in, y = gorgonia.Nodes{in[1], in[0]}, x
	}
	if y != nil {
		u := map[byte]op.Unary{'+': {F: op.Shift, C: *y}, '-': {F: op.Shift, C: -*y}, '*': {F: op.Scale, C: *y}, '/': {F: op.Scale, C: 1 / *y}}[o.F]
		i := unaryInstruction(&b.set.Vec, u)
		i.x = b.node(in[0], false)
		b.drop(i.x)
		return i
	}
	i := binaryInstruction(&b.set.Vec, o)
	i.x, i.y = b.node(in[0], false), b.node(in[1], false)
	b.drop(i.x, i.y)
	return i
}

// node returns where the value of n stands within the chain.
func (b *chainBuilder) node(n *gorgonia.Node, root bool) source {
	if v := b.fuse(n).fixed; v != nil { // a constant where an instruction needs a tensor
		i := unaryInstruction(&b.set.Vec, op.Unary{F: op.Fill, C: *v})
		i.dst = b.take()
		i.x = source{reg: i.dst}
		b.chain.code = append(b.chain.code, i)
		return source{reg: i.dst}
	}
	if !root && !b.inlined(n) {
		return source{-1, b.at[n]}
	}
	o, _ := op.Of(n)
	in := op.Inputs(n)
	var i instruction
	switch o := o.(type) {
	case op.Expand:
		small := in[0]
		i = instruction{fetch: newBroadcast(b.plan.team, small.Shape(), n.Shape()), x: source{-1, b.at[small]}, y: nowhere}
	case op.Unary:
		i = unaryInstruction(&b.set.Vec, o)
		i.x = b.node(in[0], false)
		b.drop(i.x)
	case op.Binary:
		i = b.binary(o, in)
	}
	i.dst = -1
	if !root {
		i.dst = b.take() // perhaps that of an input: loops may overwrite theirs
	}
	b.chain.code = append(b.chain.code, i)
	return source{reg: i.dst}
}
