package compute

import (
	"math"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
)

// chainLowerer turns the element-wise tree behind a node into instructions.
type chainLowerer struct {
	*lowerer
	chain *Chain
	free  []int
}

func (b *chainLowerer) take() int {
	if n := len(b.free); n > 0 {
		r := b.free[n-1]
		b.free = b.free[:n-1]
		return r
	}
	b.chain.Registers++
	return b.chain.Registers - 1
}

func (b *chainLowerer) drop(o Operand) {
	if o.Reg >= 0 {
		b.free = append(b.free, o.Reg)
	}
}

// emit appends an instruction; its operands' registers are free from then on.
func (b *chainLowerer) emit(i ChainOp, root bool) Operand {
	b.drop(i.X)
	if i.Binary != 0 {
		b.drop(i.Y)
	}
	i.Dst = -1
	if !root {
		i.Dst = b.take()
	}
	b.chain.Code = append(b.chain.Code, i)
	return Operand{Reg: i.Dst}
}

// node returns where the value of n stands within the chain.
func (b *chainLowerer) node(n *gorgonia.Node, root bool) Operand {
	if v := b.fuse(n).fixed; v != nil { // a constant where an instruction needs a tensor
		return b.emit(ChainOp{Unary: op.Unary{F: op.Fill, C: *v}, X: Operand{Reg: -1, Tensor: -1}}, root)
	}
	if !root && !b.inlined(n) {
		return Operand{Reg: -1, Tensor: b.at[n]}
	}
	o, _ := op.Of(n)
	in := op.Inputs(n)
	switch o := o.(type) {
	case op.Expand:
		s := spreadOf(in[0].Shape(), n.Shape())
		return Operand{Reg: -1, Tensor: b.at[in[0]], Spread: &s}
	case op.Unary:
		return b.emit(ChainOp{Unary: o, X: b.node(in[0], false)}, root)
	case op.Binary:
		return b.binary(o, in, root)
	}
	panic("compute: no element-wise operator")
}

// binary computes x o y; a constant operand is part of the instruction where it
// can be.
func (b *chainLowerer) binary(o op.Binary, in gorgonia.Nodes, root bool) Operand {
	x, y := b.fuse(in[0]).fixed, b.fuse(in[1]).fixed
	if x != nil && (o.F == '+' || o.F == '*') {
		in, y = gorgonia.Nodes{in[1], in[0]}, x
	}
	if y != nil {
		if u, ok := constantOperand(o, *y); ok {
			return b.emit(ChainOp{Unary: u, X: b.node(in[0], false)}, root)
		}
	}
	i := ChainOp{Binary: o.F, X: b.node(in[0], false)}
	i.Y = b.node(in[1], false)
	return b.emit(i, root)
}

// constantOperand is x o y with a constant y, unless it is a quotient whose
// divisor is zero or so small or large that its reciprocal is no normal number.
func constantOperand(o op.Binary, y float64) (op.Unary, bool) {
	switch o.F {
	case '+':
		return op.Unary{F: op.Shift, C: y}, true
	case '-':
		return op.Unary{F: op.Shift, C: -y}, true
	case '*':
		return op.Unary{F: op.Scale, C: y}, true
	case '/':
		const smallest = 0x1p-126 // of the normal numbers in float32
		r := math.Abs(1 / y)
		return op.Unary{F: op.Scale, C: 1 / y}, r >= smallest && r <= math.MaxFloat32
	}
	return op.Unary{}, false
}
