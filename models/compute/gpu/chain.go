package gpu

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
	"github.com/nodulescope/nodulescope/models/op"
)

// Numbers of the functions in chain.cl.
var (
	binaries = map[byte]int{'+': 0, '-': 1, '*': 2, '/': 3}
	unaries  = map[op.Func]int{op.Scale: 4, op.Shift: 5, op.LeakyReLU: 6, op.LeakyGate: 7, op.Fill: 8, op.Square: 9, op.Abs: 10,
		op.Sign: 11, op.Recip: 12, op.Sqrt: 13, op.Exp: 14, op.Log: 15, op.Sigmoid: 16, op.Tanh: 17, op.Softplus: 18}
)

// Kinds of operand in chain.cl.
const (
	fromRegister = iota
	fromTensor
	fromSpread
)

// chain lowers a chain of element-wise operators.
func (l *lowerer) chain(c *compute.Chain, out ref) {
	if c.Registers > kernels.ChainRegisters {
		l.fail("an element-wise expression needs %d registers, there are %d", c.Registers, kernels.ChainRegisters)
		return
	}
	var code []any
	for _, i := range c.Code {
		f, ok := binaries[i.Binary]
		if i.Binary == 0 {
			f, ok = unaries[i.Unary.F]
		}
		if !ok {
			l.fail("no kernel for %s", i.Unary.Name())
			return
		}
		kx, x := l.operand(i.X)
		ky, y := fromRegister, any(0)
		if i.Binary != 0 {
			ky, y = l.operand(i.Y)
		}
		code = append(code, f, i.Dst, kx, x, ky, y, i.Unary.C, 0)
	}
	at := l.table(code...)
	l.run("chain", one(c.Size, kernels.ChainGroup), kernels.ChainThreads, c.Size, out, len(c.Code), at)
}

func (l *lowerer) operand(o compute.Operand) (kind int, value any) {
	switch {
	case o.Reg >= 0:
		return fromRegister, o.Reg
	case o.Tensor < 0: // none
		return fromSpread + 1, 0
	case o.Spread != nil:
		return fromSpread, l.spread(l.at[o.Tensor], *o.Spread)
	}
	return fromTensor, l.at[o.Tensor]
}

// spread is the table of a tensor that expands.
func (l *lowerer) spread(t ref, s compute.Spread) int {
	return l.table(t, len(s.Dims), s.Dims, s.Steps)
}
