package compute

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Lower turns the graph behind outs into a program. Leaves in bound are
// parameters, the others inputs. Of o it uses Frozen and Loop.
func Lower(outs gorgonia.Nodes, bound map[string][]float32, o Options) (*Program, error) {
	l := newLowerer(outs, bound, o)
	if err := l.nodes(outs); err != nil {
		return nil, err
	}
	return l.finish(outs, o)
}

// lowerer makes a program of a graph.
type lowerer struct {
	*fuser
	p      *Program
	at     map[*gorgonia.Node]int
	bound  map[string][]float32
	inputs map[string]int // sizes
}

func newLowerer(outs gorgonia.Nodes, bound map[string][]float32, o Options) *lowerer {
	return &lowerer{fuser: newFuser(outs), p: &Program{Frozen: o.Frozen, Bound: bound, Loop: o.Loop}, at: map[*gorgonia.Node]int{}, bound: bound, inputs: map[string]int{}}
}

// nodes lowers all that outs depend on.
func (l *lowerer) nodes(outs gorgonia.Nodes) error {
	for _, n := range op.SortBy(func(n *gorgonia.Node) gorgonia.Nodes { return l.fuse(n).reads() }, outs...) {
		if n.Dtype() != tensor.Float32 {
			return fmt.Errorf("compute: %s %v holds %v, want float32", n.Name(), n.Shape(), n.Dtype())
		}
		if err := l.node(n); err != nil {
			return err
		}
	}
	return nil
}

// finish names the outputs.
func (l *lowerer) finish(outs gorgonia.Nodes, o Options) (*Program, error) {
	for _, n := range outs {
		l.p.Outs = append(l.p.Outs, l.at[n])
	}
	if o.Loop != nil {
		return l.p, o.Loop.check(outs, l.inputs)
	}
	return l.p, nil
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
	for _, m := range f.reads() {
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
