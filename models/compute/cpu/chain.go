package cpu

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
	"github.com/nodulescope/nodulescope/models/op"
)

// block is how many elements a chain computes at a time: its intermediate
// values, 4 KiB each, stay in the first-level cache.
const block = 1024

// grain is the least number of elements worth another worker: handing a part
// over takes about as long as computing so many sums.
const grain = 1 << 14

// chain computes a tree of element-wise operators in one pass over its inputs.
// Every value is computed by the vector loop of the kernel set wherever it
// stands: the last block is filled up rather than computed otherwise.
type chain struct {
	team      *team
	size      int
	out       []float32
	code      []instruction
	regs      [][]float32 // per worker: all registers, block by block
	registers int         // of the code
	do        func(worker, part int)
}

// instruction sets a register, or the output, from sources. Exactly one of
// loop, plain, fill and fetch is set; fill writes c, fetch expands x, a small
// tensor.
type instruction struct {
	fill  bool
	loop  kernel.Loop
	plain func(dst, x []float32)
	fetch *broadcast
	x, y  source
	c     float32
	dst   int // register; -1: the output
}

// source is a register, or a tensor of the chain's size or expanded to it.
type source struct {
	reg    int       // -1: tensor
	tensor []float32 // nil: nothing
}

var nowhere = source{reg: -1}

// unaryInstruction picks the loop of an element-wise function.
func unaryInstruction(v *kernel.Vec, u op.Unary) instruction {
	in := instruction{c: float32(u.C), y: nowhere}
	switch u.F {
	case op.Scale:
		in.loop = v.Scale
	case op.Shift:
		in.loop = v.Shift
	case op.Square:
		in.loop = v.Square
	case op.LeakyReLU:
		in.loop = v.Leaky
	case op.LeakyGate:
		in.loop = v.Gate
	case op.Exp:
		in.loop = v.Exp
	case op.Sigmoid:
		in.loop = v.Sigmoid
	case op.Fill:
		in.fill = true
	default:
		in.plain = func(dst, x []float32) {
			for i, v := range x {
				dst[i] = float32(u.At(float64(v)))
			}
		}
	}
	return in
}

func binaryInstruction(v *kernel.Vec, b op.Binary) instruction {
	return instruction{loop: map[byte]kernel.Loop{'+': v.Add, '-': v.Sub, '*': v.Mul, '/': v.Div}[b.F]}
}

// newChain turns the code of a chain into instructions; at is where tensors
// are.
func newChain(t *team, v *kernel.Vec, p *compute.Chain, at [][]float32) *chain {
	c := &chain{team: t, size: p.Size, registers: p.Registers}
	for _, o := range p.Code {
		in := instruction{y: nowhere}
		if o.Binary != 0 {
			x := c.source(o.X, at, 0) // fetched, where it is expanded, before the instruction
			in = binaryInstruction(v, op.Binary{F: o.Binary})
			in.x, in.y = x, c.source(o.Y, at, 1)
		} else {
			in = unaryInstruction(v, o.Unary)
			if in.x = c.source(o.X, at, 0); o.Unary.F == op.Fill {
				in.x = nowhere
			}
		}
		in.dst = o.Dst
		c.code = append(c.code, in)
	}
	return c
}

// source is where an operand is found. One that is expanded is fetched to a
// register of its own first, of which there is one for each side.
func (c *chain) source(o compute.Operand, at [][]float32, side int) source {
	switch {
	case o.Reg >= 0:
		return source{reg: o.Reg}
	case o.Tensor < 0:
		return nowhere
	case o.Spread == nil:
		return source{-1, at[o.Tensor]}
	}
	r := c.registers + side
	c.code = append(c.code, instruction{fetch: newBroadcast(c.team, *o.Spread), x: source{-1, at[o.Tensor]}, y: nowhere, dst: r})
	return source{reg: r}
}

// spreads are the tensors that a chain expands.
func spreads(p *compute.Chain) map[int]bool {
	m := map[int]bool{}
	for _, o := range p.Code {
		for _, x := range []compute.Operand{o.X, o.Y} {
			if x.Spread != nil {
				m[x.Tensor] = true
			}
		}
	}
	return m
}

// bind fixes where the output is, and makes the registers and the work of one
// part.
func (c *chain) bind(out []float32) func() {
	c.out = out
	c.regs = make([][]float32, c.team.size)
	for i := range c.regs {
		c.regs[i] = make([]float32, (c.registers+4)*block) // two for what is expanded, two for the last block
	}
	parts := c.team.splits(c.size, grain)
	c.do = func(worker, part int) {
		// Parts begin at whole blocks.
		blocks := (c.size + block - 1) / block
		lo, hi := span(blocks, part, parts)
		c.part(worker, lo*block, min(c.size, hi*block))
	}
	return func() { c.team.each(parts, c.do) }
}

// part computes elements lo..hi-1, block by block.
func (c *chain) part(worker, lo, hi int) {
	for ; lo < hi; lo += block {
		c.run(c.regs[worker], lo, min(hi, lo+block))
	}
}

// run computes elements lo..hi-1.
func (c *chain) run(regs []float32, lo, hi int) {
	n := (hi - lo + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes
	whole := n == hi-lo
	spare := len(regs) - 2*block
	register := func(i int) []float32 { return regs[i*block : i*block+n] }
	for i := range c.code {
		in := &c.code[i]
		var dst []float32
		switch {
		case in.dst >= 0:
			dst = register(in.dst)
		case whole:
			dst = c.out[lo:hi]
		default:
			dst = regs[spare : spare+n]
		}
		if in.fetch != nil {
			in.fetch.part(dst[:hi-lo], in.x.tensor, lo)
			continue
		}
		if in.fill {
			setAll(dst, in.c)
		} else if x := c.read(in.x, regs, spare, lo, hi, n); in.plain != nil {
			in.plain(dst, x)
		} else {
			var y []float32
			if in.y.reg >= 0 || in.y.tensor != nil {
				y = c.read(in.y, regs, spare+block, lo, hi, n)
			}
			in.loop.Run(dst, x, y, in.c)
		}
		if in.dst < 0 && !whole {
			copy(c.out[lo:hi], dst)
		}
	}
}

// read returns n elements of a source; those of a tensor that ends before are
// copied to a spare register first.
func (c *chain) read(s source, regs []float32, spare, lo, hi, n int) []float32 {
	switch {
	case s.reg >= 0:
		return regs[s.reg*block : s.reg*block+n]
	case n == hi-lo:
		return s.tensor[lo:hi]
	}
	copy(regs[spare:spare+n], s.tensor[lo:hi])
	return regs[spare : spare+n]
}
