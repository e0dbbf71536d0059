package compute

import (
	"slices"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fused is what one step computes for a node: its operator, together with what
// then never exists in memory: an upsampling, or the element-wise operators
// that lead to it.
type fused struct {
	op    op.Operator    // nil: the node is a leaf
	in    gorgonia.Nodes // what it reads; for a chain, tensors of the node's size
	small gorgonia.Nodes // of a chain: tensors that are expanded while it runs
	up    bool           // Conv and ConvWeight of an upsampled input; ConvData before a BlockSum
	chain bool
	fixed *float64 // every element has this value, whatever the inputs
}

func (f fused) name() string {
	switch {
	case f.up:
		return "up+" + f.op.Name()
	case f.chain:
		return "chain to " + f.op.Name()
	case f.fixed != nil:
		return "constant"
	}
	return f.op.Name()
}

// reads is everything that must be there first.
func (f fused) reads() gorgonia.Nodes { return append(slices.Clone(f.in), f.small...) }

// fuser decides how the nodes of one graph are computed.
type fuser struct {
	users map[*gorgonia.Node]gorgonia.Nodes // who reads a node, once per reading
	outs  map[*gorgonia.Node]bool
	memo  map[*gorgonia.Node]fused
}

func newFuser(outs gorgonia.Nodes) *fuser {
	f := &fuser{map[*gorgonia.Node]gorgonia.Nodes{}, map[*gorgonia.Node]bool{}, map[*gorgonia.Node]fused{}}
	for _, n := range outs {
		f.outs[n] = true
	}
	for _, n := range op.Sort(outs...) {
		for _, in := range op.Inputs(n) {
			f.users[in] = append(f.users[in], n)
		}
	}
	return f
}

func (f *fuser) fuse(n *gorgonia.Node) fused {
	r, ok := f.memo[n]
	if !ok {
		r = f.decide(n)
		f.memo[n] = r
	}
	return r
}

func (f *fuser) decide(n *gorgonia.Node) fused {
	o, ok := op.Of(n)
	if !ok {
		return fused{}
	}
	if v, ok := f.value(n, o); ok {
		return fused{op: o, fixed: &v}
	}
	if elementwise(n) {
		r := fused{op: o, chain: true}
		f.leaves(n, &r)
		return r
	}
	in := op.Inputs(n)
	plain := fused{op: o, in: in}
	switch o := o.(type) {
	case op.Conv:
		if x, ok := upsampled(in[0]); ok && o == threeTaps && three(spatialOf(in[1])) {
			return fused{op: o, in: gorgonia.Nodes{x, in[1]}, up: true}
		}
	case op.ConvWeight:
		if x, ok := upsampled(in[0]); ok && o.Conv == threeTaps && three(o.Kernel) {
			return fused{op: o, in: gorgonia.Nodes{x, in[1]}, up: true}
		}
	case op.BlockSum:
		d, ok := op.Of(in[0])
		if !ok {
			return plain
		}
		wd := op.Inputs(in[0])
		if d, ok := d.(op.ConvData); ok && d.Conv == threeTaps && three(spatialOf(wd[0])) {
			return fused{op: d, in: wd, up: true}
		}
	}
	return plain
}

// value folds what does not depend on any input: all elements of n are equal
// and known ahead.
func (f *fuser) value(n *gorgonia.Node, o op.Operator) (float64, bool) {
	var in []float64
	for _, m := range op.Inputs(n) {
		if v := f.fuse(m).fixed; v != nil {
			in = append(in, *v)
		}
	}
	if u, ok := o.(op.Unary); ok && u.F == op.Fill {
		return u.C, true
	}
	if len(in) < o.Arity() {
		return 0, false
	}
	switch o := o.(type) {
	case op.Unary:
		return o.At(in[0]), true
	case op.Binary:
		var v [1]float64
		one := tensor.Shape{1}
		o.Eval64(v[:], one, [][]float64{in[:1], in[1:]}, []tensor.Shape{one, one})
		return v[0], true
	case op.Reshape, op.Expand:
		return in[0], true
	case op.SumTo:
		from := op.Inputs(n)[0].Shape().TotalSize()
		return in[0] * float64(from/n.Shape().TotalSize()), true
	}
	return 0, false
}

// elementwise says whether n is computed element by element.
func elementwise(n *gorgonia.Node) bool {
	o, ok := op.Of(n)
	if !ok {
		return false
	}
	switch o.(type) {
	case op.Unary, op.Binary:
		return true
	}
	return false
}

// inlined says whether n is computed within the chains that read it: what only
// one chain reads, and expansions that only chains read. (A constant is never
// computed: see value.)
func (f *fuser) inlined(n *gorgonia.Node) bool {
	o, ok := op.Of(n)
	users := f.users[n]
	if !ok || f.outs[n] || slices.ContainsFunc(users, func(u *gorgonia.Node) bool { return !elementwise(u) }) {
		return false
	}
	_, expand := o.(op.Expand)
	return expand || (elementwise(n) && len(users) == 1)
}

// leaves adds what the chain that ends in n reads.
func (f *fuser) leaves(n *gorgonia.Node, r *fused) {
	for _, in := range op.Inputs(n) {
		switch {
		case f.fuse(in).fixed != nil: // stands in the instruction
		case !f.inlined(in):
			r.in = append(r.in, in)
		case elementwise(in):
			f.leaves(in, r)
		default:
			r.small = append(r.small, op.Inputs(in)[0])
		}
	}
}

// threeTaps is the convolution that upsampling can be folded into.
var threeTaps = op.Conv{Stride: 1, Pad: 1}

func three(kernel []int) bool {
	return !slices.ContainsFunc(kernel, func(k int) bool { return k != 3 })
}

func spatialOf(n *gorgonia.Node) []int { return n.Shape()[2:] }

// upsampled returns what n is the upsampling of.
func upsampled(n *gorgonia.Node) (*gorgonia.Node, bool) {
	o, ok := op.Of(n)
	if !ok {
		return nil, false
	}
	if _, ok := o.(op.Upsample); !ok {
		return nil, false
	}
	return op.Inputs(n)[0], true
}
