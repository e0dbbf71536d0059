package compute

import (
	"slices"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
)

// fused is what one step computes for a node: its operator, together with an
// upsampling that then never exists in memory, and the inputs of both.
type fused struct {
	op op.Operator // nil: the node is a leaf
	in gorgonia.Nodes
	up bool // Conv and ConvWeight of an upsampled input; ConvData before a BlockSum
}

func (f fused) name() string {
	if f.up {
		return "up+" + f.op.Name()
	}
	return f.op.Name()
}

// fuse decides how a node is computed.
func fuse(n *gorgonia.Node) fused {
	o, ok := op.Of(n)
	if !ok {
		return fused{}
	}
	in := op.Inputs(n)
	plain := fused{op: o, in: in}
	switch o := o.(type) {
	case op.Conv:
		if x, ok := upsampled(in[0], false); ok && o == threeTaps && three(spatialOf(in[1])) {
			return fused{o, gorgonia.Nodes{x, in[1]}, true}
		}
	case op.ConvWeight:
		if x, ok := upsampled(in[0], true); ok && o.Conv == threeTaps && three(o.Kernel) {
			return fused{o, gorgonia.Nodes{x, in[1]}, true}
		}
	case op.BlockSum:
		d, ok := op.Of(in[0])
		if !ok {
			return plain
		}
		wd := op.Inputs(in[0])
		if d, ok := d.(op.ConvData); ok && d.Conv == threeTaps && three(spatialOf(wd[0])) && slices.Equal(d.In, doubled(o.In)) {
			return fused{d, wd, true}
		}
	}
	return plain
}

// threeTaps is the convolution that upsampling can be folded into.
var threeTaps = op.Conv{Stride: 1, Pad: 1}

func three(kernel []int) bool {
	return !slices.ContainsFunc(kernel, func(k int) bool { return k != 3 })
}

func spatialOf(n *gorgonia.Node) []int { return n.Shape()[2:] }

func doubled(s []int) []int {
	d := slices.Clone(s)
	for i := range d {
		d[i] *= 2
	}
	return d
}

// upsampled returns what n is the upsampling of; whole asks for one that crops
// nothing.
func upsampled(n *gorgonia.Node, whole bool) (*gorgonia.Node, bool) {
	o, ok := op.Of(n)
	if !ok {
		return nil, false
	}
	u, ok := o.(op.Upsample)
	if !ok {
		return nil, false
	}
	x := op.Inputs(n)[0]
	return x, !whole || slices.Equal(u.Out, doubled(spatialOf(x)))
}
