package gpu

import (
	"slices"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// lowerer turns the steps of a program into launches.
type lowerer struct {
	*builder
	prog   *compute.Program
	at     []ref // of the program's tensors
	uses   []int
	made   []int // step that computes a tensor; -1: none
	packed map[string][]ref
	flops  []int // of the steps
}

// lower makes the launches of all steps. unit says where a parameter lies.
func lower(p *compute.Program, unit func(name string) int) *lowerer {
	l := &lowerer{builder: newBuilder(), prog: p, at: make([]ref, len(p.Tensors)), uses: make([]int, len(p.Tensors)), made: make([]int, len(p.Tensors)),
		packed: map[string][]ref{}, flops: make([]int, len(p.Steps))}
	for i, t := range p.Tensors {
		l.made[i] = -1
		switch t.Kind {
		case compute.Parameter:
			l.at[i] = l.parameter(t.Size, unit(t.Name))
		default:
			l.at[i] = l.tensor(t.Size, t.Kind != compute.Temporary)
		}
		if t.Kind == compute.Constant {
			l.runOnce("fill", strided(t.Size), 256, l.at[i], t.Size, float64(t.Value))
		}
	}
	for i, s := range p.Steps {
		l.made[s.Out] = i
		for _, in := range s.In {
			l.uses[in]++
		}
	}
	for _, o := range p.Outs {
		l.uses[o] += 2 // an output is stored
	}
	if p.Train != nil {
		for _, g := range p.Train.Grads {
			l.uses[g] += 2 // and so is a gradient
		}
	}
	done := make([]bool, len(p.Steps))
	for i, s := range p.Steps {
		l.step = i
		if done[i] {
			continue
		}
		out, e := s.Out, epilogue{}
		if j, f, ok := l.follows(i); ok {
			out, e, done[j] = p.Steps[j].Out, f, true
		}
		l.lower(i, s, l.at[out], e)
	}
	l.step = -1
	for _, o := range p.Outs {
		l.extend(l.at[o])
	}
	return l
}

func (l *lowerer) lower(i int, s compute.ProgramStep, out ref, e epilogue) {
	size := s.Shape.TotalSize()
	if s.Chain != nil {
		l.chain(s.Chain, out)
		l.flops[i] = len(s.Chain.Code) * size
		return
	}
	switch o := s.Op.(type) {
	case op.Conv:
		w := newWindow(s)
		l.window(w, s.In[0], s.In[1], out, e)
		l.flops[i] = w.FLOPs()
	case op.ConvData:
		w := newWindow(s)
		l.window(w, s.In[1], s.In[0], out, e)
		l.flops[i] = w.FLOPs()
	case op.ConvWeight:
		w := newWindow(s)
		l.weight(w, s.In[0], s.In[1], out)
		l.flops[i] = w.FLOPs()
	case op.MatMul:
		l.flops[i] = l.matmul(o, s, out, e)
	case op.Upsample:
		l.resample(s.Shapes[0], s.Shape, out, l.at[s.In[0]], false)
	case op.BlockSum:
		l.resample(s.Shape, s.Shapes[0], out, l.at[s.In[0]], true)
		l.flops[i] = s.Shapes[0].TotalSize()
	case op.Expand:
		table := l.spread(l.at[s.In[0]], s.Spread)
		l.run("expand", strided(size), 256, size, out, table)
	case op.SumTo:
		l.sum(s, out)
		l.flops[i] = s.Shapes[0].TotalSize()
	default:
		l.fail("no kernel for %s", s.Name())
	}
}

// follows finds the chain that alone reads what step i computes, where it adds
// a bias and activates: the product then stores that.
func (l *lowerer) follows(i int) (int, epilogue, bool) {
	none := func() (int, epilogue, bool) { return 0, epilogue{}, false }
	s := l.prog.Steps[i]
	if s.Chain != nil || l.uses[s.Out] != 1 {
		return none()
	}
	var want compute.Spread
	sigmoid := false
	switch s.Op.(type) {
	case op.Conv, op.ConvData:
		want, sigmoid = biased(s.Shape[0], s.Shape[1], compute.SpatialAxes(s.Shape).Volume()), s.Shape[1] <= 4
	case op.MatMul:
		want = biased(s.Shape[0], s.Shape[1], 1)
	default:
		return none()
	}
	j := slices.IndexFunc(l.prog.Steps, func(u compute.ProgramStep) bool { return slices.Contains(u.In, s.Out) })
	c := l.prog.Steps[j].Chain
	if c == nil || len(c.Code) > 2 {
		return none()
	}
	var e epilogue
	code := c.Code
	if b := code[0]; b.Binary == '+' {
		x, y := b.X, b.Y
		if y.Reg < 0 && y.Tensor == s.Out {
			x, y = y, x
		}
		if x.Reg >= 0 || x.Tensor != s.Out || x.Spread != nil || y.Reg >= 0 || y.Spread == nil || l.made[y.Tensor] >= i ||
			!slices.Equal(y.Spread.Dims, want.Dims) || !slices.Equal(y.Spread.Steps, want.Steps) {
			return none()
		}
		e.bias, e.hasBias = l.at[y.Tensor], true
		code = code[1:]
	}
	if len(code) > 1 {
		return none()
	}
	if len(code) == 1 {
		switch u := code[0].Unary; {
		case code[0].Binary != 0:
			return none()
		case u.F == op.LeakyReLU:
			e.kind, e.c = actLeaky, u.C
		case u.F == op.Sigmoid && sigmoid:
			e.kind = actSigmoid
		default:
			return none()
		}
	}
	return j, e, true
}

// biased is how a vector of n elements spreads to [rows, n, each].
func biased(rows, n, each int) compute.Spread {
	var s compute.Spread
	for i, d := range []int{rows, n, each} {
		if d == 1 {
			continue
		}
		step := 0
		if i == 1 {
			step = 1
		}
		if k := len(s.Dims) - 1; k >= 0 && s.Steps[k] == 0 && step == 0 {
			s.Dims[k] *= d
			continue
		}
		s.Dims, s.Steps = append(s.Dims, d), append(s.Steps, step)
	}
	if len(s.Dims) == 0 {
		return compute.Spread{Dims: []int{1}, Steps: []int{1}}
	}
	return s
}

// largeRows is from how many rows on the large tile is worth it for a product of
// two matrices: with one tile of rows the card has too few groups to work on.
const largeRows = 64

func (l *lowerer) matmul(m op.MatMul, s compute.ProgramStep, out ref, e epilogue) (flops int) {
	rows, cols, inner := m.Dims(s.Shapes[0], s.Shapes[1])
	ar, ak, bk, bc := inner, 1, cols, 1
	if m.TransA {
		ar, ak = 1, rows
	}
	if m.TransB {
		bk, bc = 1, inner
	}
	t := kernels.Tiles[2]
	if rows > largeRows && cols > narrowRows {
		t = kernels.Tiles[0]
	}
	part, n := split(inner)
	to, first := out, e
	if n > 1 {
		to, first = l.tensor(n*rows*cols, false), epilogue{}
	}
	d := []any{to, l.at[s.In[0]], l.at[s.In[1]], rows, cols, inner, ar, ak, bk, bc, part}
	groups := [3]int{(cols + t.Cols - 1) / t.Cols, (rows + t.Rows - 1) / t.Rows, n}
	l.run("matmul"+t.Name, groups, kernels.Threads, append(d, first.values()...)...)
	if n > 1 {
		l.parts(out, to, rows*cols, n, cols, 1, e)
	}
	return 2 * rows * cols * inner
}

func (l *lowerer) resample(small, full tensor.Shape, out, in ref, sum bool) {
	s, f, two := compute.SpatialAxes(small), compute.SpatialAxes(full), compute.OnSpatial(small, 2, 1)
	planes := small[0] * small[1]
	n := planes * f.Volume()
	l.run("resample", strided(n), 256, out, in, planes, s[0], s[1], s[2], f[0], f[1], f[2], two[0], two[1], two[2], sum)
}

const (
	shortSum  = 16   // terms that one work item adds sooner than a group shares them out
	besideSum = 4096 // terms of elements whose neighbours are beside them: more would leave a card idle
)

// sum lowers op.SumTo: a group per element, or a work item where neighbouring
// elements have neighbouring terms, or few.
func (l *lowerer) sum(s compute.ProgramStep, out ref) {
	var kept, summed [2][]int // sizes and steps in the large tensor
	step, last := 1, len(s.Spread.Dims)-1
	for i := last; i >= 0; i-- {
		to := &summed
		if s.Spread.Steps[i] > 0 {
			to = &kept
		}
		to[0], to[1] = append([]int{s.Spread.Dims[i]}, to[0]...), append([]int{step}, to[1]...)
		step *= s.Spread.Dims[i]
	}
	terms := 1
	for _, n := range summed[0] {
		terms *= n
	}
	a := l.table(len(kept[0]), kept[0], kept[1])
	b := l.table(len(summed[0]), summed[0], summed[1])
	n, in := s.Shape.TotalSize(), l.at[s.In[0]]
	if terms <= shortSum || (s.Spread.Steps[last] > 0 && terms <= besideSum) {
		l.run("sum_each", one(n, 64), 64, out, in, terms, a, b, n)
		return
	}
	l.run("sum_group", [3]int{n, 1, 1}, 256, out, in, terms, a, b)
}
