package compute

import (
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// Program is a graph lowered to steps over numbered tensors, for a back end to
// run: upsampling is fused into convolutions, element-wise operators and
// expansions into chains.
type Program struct {
	Tensors []Tensor
	Steps   []ProgramStep
	Outs    []int                // tensors
	Bound   map[string][]float32 // all slices that leaves may be bound to, used or not
	Frozen  bool                 // parameters hold their final values
	Train   *Update              // nil: no parameter changes
	Loop    *Loop                // nil: it is not repeated
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

// Chain is a tree of element-wise operators as instructions over registers.
type Chain struct {
	Size      int
	Registers int
	Code      []ChainOp
}

// ChainOp sets a register, or the output where Dst is -1. Binary is 0 for an
// element-wise function of X; op.Fill has no operand.
type ChainOp struct {
	Unary  op.Unary
	Binary byte
	X, Y   Operand
	Dst    int // may be the register of an operand
}

// Operand is a register, or a tensor of the chain's size or spread to it.
type Operand struct {
	Reg    int     // -1: Tensor
	Tensor int     // -1: nothing
	Spread *Spread // nil: the tensor has the chain's size
}

// Update is the optimiser's part of a training program.
type Update struct {
	Adam   *Adam
	Params []int // tensors
	Grads  []int // theirs, in the same order
}
