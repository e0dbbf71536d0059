package compute

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Program is a graph lowered to steps over numbered tensors, for a back end to
// run. What a plan for the processor fuses is fused here too: upsampling into
// convolutions, element-wise operators and expansions into chains.
type Program struct {
	Tensors []Tensor
	Steps   []ProgramStep
	Outs    []int
	Bound   map[string][]float32 // all slices that leaves may be bound to, used or not
	Frozen  bool                 // parameters hold their final values
	Train   *Update              // nil: no parameter changes
	Loop    *Loop                // nil: runs once
}

// TensorKind says where the values of a tensor come from.
type TensorKind int

// Kinds of tensor.
const (
	Temporary TensorKind = iota // of a step
	Input                       // of the caller, before every run
	Parameter                   // of a bound slice
	Constant                    // Value, everywhere
)

// Tensor is one tensor of a program. Reshaped tensors are one.
type Tensor struct {
	Kind  TensorKind
	Name  string // of an input or parameter
	Size  int
	Host  []float32 // of a parameter: the bound slice
	Value float32   // of a constant
}

// ProgramStep computes one tensor. Op is op.Conv, op.ConvData, op.ConvWeight,
// op.MatMul, op.Upsample, op.BlockSum, op.Expand or op.SumTo; of a chain it is
// the last operator.
type ProgramStep struct {
	Op     op.Operator
	Up     bool // Conv and ConvWeight read their first input upsampled; ConvData is summed to the half size
	In     []int
	Shapes []tensor.Shape // of In
	Out    int
	Shape  tensor.Shape // of Out
	Spread Spread       // of Expand and SumTo
	Chain  *Chain
}

// Name says what the step does.
func (s ProgramStep) Name() string {
	return fused{op: s.Op, up: s.Up, chain: s.Chain != nil}.name()
}

// Spread relates a small tensor to the large one that it expands to: Dims are
// the axes of the large one, neighbours of one kind merged, and Steps those of
// the small one, 0 where it repeats.
type Spread struct{ Dims, Steps []int }

func spreadOf(small, large tensor.Shape) Spread {
	b := newBroadcast(nil, small, large)
	return Spread{b.dims, b.step}
}

// Chain is a tree of element-wise operators as instructions over registers.
type Chain struct {
	Size      int
	Registers int
	Code      []ChainOp
}

// ChainOp sets a register, or the output where Dst is -1. Binary is 0 for an
// element-wise function of X.
type ChainOp struct {
	Unary  op.Unary
	Binary byte
	X, Y   Operand
	Dst    int
}

// Operand is a register, or a tensor of the chain's size or spread to it.
type Operand struct {
	Reg    int // -1: Tensor
	Tensor int
	Spread *Spread // nil: the tensor has the chain's size
}

// Update is the optimiser's part of a training program: gradients are the last
// of Outs, in the order of Params.
type Update struct {
	Adam   *Adam
	Params []int // tensors
	Grads  []int
}

// Lower turns the graph behind outs into a program. Leaves in bound are
// parameters, the others inputs. Of o it uses Frozen and Loop.
func Lower(outs gorgonia.Nodes, bound map[string][]float32, o Options) (*Program, error) {
	l := lowerer{fuser: newFuser(outs), p: &Program{Frozen: o.Frozen, Bound: bound, Loop: o.Loop}, at: map[*gorgonia.Node]int{}, bound: bound, inputs: map[string]int{}}
	for _, n := range op.SortBy(func(n *gorgonia.Node) gorgonia.Nodes { return l.fuse(n).reads() }, outs...) {
		if n.Dtype() != tensor.Float32 {
			return nil, fmt.Errorf("compute: %s %v holds %v, want float32", n.Name(), n.Shape(), n.Dtype())
		}
		if err := l.node(n); err != nil {
			return nil, err
		}
	}
	for _, n := range outs {
		l.p.Outs = append(l.p.Outs, l.at[n])
	}
	if o.Loop != nil {
		return l.p, o.Loop.check(outs, l.inputs)
	}
	return l.p, nil
}

type lowerer struct {
	*fuser
	p      *Program
	at     map[*gorgonia.Node]int
	bound  map[string][]float32
	inputs map[string]int // sizes
}

func (l *lowerer) add(t Tensor) int {
	l.p.Tensors = append(l.p.Tensors, t)
	return len(l.p.Tensors) - 1
}

func (l *lowerer) node(n *gorgonia.Node) error {
	f, size := l.fuse(n), n.Shape().TotalSize()
	switch {
	case f.op == nil:
		return l.leaf(n, size)
	case f.fixed != nil:
		l.at[n] = l.add(Tensor{Kind: Constant, Size: size, Value: float32(*f.fixed)})
		return nil
	}
	if _, ok := f.op.(op.Reshape); ok {
		l.at[n] = l.at[f.in[0]]
		return nil
	}
	s := ProgramStep{Op: f.op, Up: f.up, Shape: n.Shape()}
	for _, m := range f.in {
		s.In, s.Shapes = append(s.In, l.at[m]), append(s.Shapes, m.Shape())
	}
	switch f.op.(type) {
	case op.Expand:
		s.Spread = spreadOf(s.Shapes[0], s.Shape)
	case op.SumTo:
		s.Spread = spreadOf(s.Shape, s.Shapes[0])
	}
	if f.chain {
		b := chainLowerer{lowerer: l, chain: &Chain{Size: size}}
		b.node(n, true)
		s.Chain = b.chain
		for _, m := range f.small {
			s.In, s.Shapes = append(s.In, l.at[m]), append(s.Shapes, m.Shape())
		}
	}
	s.Out = l.add(Tensor{Size: size})
	l.at[n] = s.Out
	l.p.Steps = append(l.p.Steps, s)
	return nil
}

func (l *lowerer) leaf(n *gorgonia.Node, size int) error {
	if n.Op() != nil {
		return fmt.Errorf("compute: %s (%v) is no operator of models/op and cannot be lowered", n.Name(), n.Op())
	}
	b, ok := l.bound[n.Name()]
	switch {
	case ok && len(b) != size:
		return fmt.Errorf("compute: %q has %d values, the graph wants %v", n.Name(), len(b), n.Shape())
	case ok:
		l.at[n] = l.add(Tensor{Kind: Parameter, Name: n.Name(), Size: size, Host: b})
	case l.inputs[n.Name()] > 0:
		return fmt.Errorf("compute: two inputs are called %q", n.Name())
	default:
		l.inputs[n.Name()] = size
		l.at[n] = l.add(Tensor{Kind: Input, Name: n.Name(), Size: size})
	}
	return nil
}

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
	if v := b.fuse(n).fixed; v != nil {
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

// constantOperand is x o y with a constant y.
func constantOperand(o op.Binary, y float64) (op.Unary, bool) {
	switch o.F {
	case '+':
		return op.Unary{F: op.Shift, C: y}, true
	case '-':
		return op.Unary{F: op.Shift, C: -y}, true
	case '*':
		return op.Unary{F: op.Scale, C: y}, true
	case '/':
		return op.Unary{F: op.Scale, C: 1 / y}, y != 0
	}
	return op.Unary{}, false
}
