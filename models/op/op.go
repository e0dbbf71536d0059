package op

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Operator is a pure function of tensors. Operators with equal names are
// equal: the name holds every attribute.
type Operator interface {
	// Name is the kind with its attributes, such as "conv3d(stride=2,pad=1)".
	Name() string
	// Arity is the number of inputs.
	Arity() int
	// OutShape is the shape of the output, or an error that says which input
	// does not fit.
	OutShape(in []tensor.Shape) (tensor.Shape, error)
	// Eval32 is the reference in float32. Every element of dst is written.
	Eval32(dst []float32, out tensor.Shape, in [][]float32, shapes []tensor.Shape)
	// Eval64 is the same in float64.
	Eval64(dst []float64, out tensor.Shape, in [][]float64, shapes []tensor.Shape)
	// Grad returns, for every input, the derivative of <out, dy> by that input
	// as a graph, or nil where the operator has none. wanted says for which
	// inputs the caller needs it.
	Grad(in gorgonia.Nodes, out, dy *gorgonia.Node, wanted []bool) (gorgonia.Nodes, error)
}

// lifted is an Operator as a Gorgonia operator. The ranks of its inputs and of
// its output are fixed when it is applied.
type lifted struct {
	Operator
	in  []int
	out int
}

var _ gorgonia.SDOp = lifted{}

// Apply adds an operator to the graph of its inputs and returns its output.
func Apply(o Operator, in ...*gorgonia.Node) (*gorgonia.Node, error) {
	if len(in) != o.Arity() {
		return nil, fmt.Errorf("op: %s takes %d inputs, got %d", o.Name(), o.Arity(), len(in))
	}
	shapes := make([]tensor.Shape, len(in))
	ranks := make([]int, len(in))
	for i, n := range in {
		shapes[i] = n.Shape()
		ranks[i] = len(shapes[i])
	}
	out, err := o.OutShape(shapes)
	if err != nil {
		return nil, fmt.Errorf("op: %s: %w", o.Name(), err)
	}
	n, err := gorgonia.ApplyOp(lifted{o, ranks, len(out)}, in...)
	if err != nil {
		return nil, fmt.Errorf("op: %s: %w", o.Name(), err)
	}
	return n, nil
}

// Of returns the operator that computes n, or false where n is an input.
func Of(n *gorgonia.Node) (Operator, bool) {
	l, ok := n.Op().(lifted)
	return l.Operator, ok
}

// Inputs returns the inputs of n in order.
func Inputs(n *gorgonia.Node) gorgonia.Nodes {
	it := n.Graph().From(n.ID())
	if it == nil {
		return nil
	}
	var in gorgonia.Nodes
	for it.Next() {
		in = append(in, it.Node().(*gorgonia.Node))
	}
	return in
}

// Type gives every input and the output the rank seen by Apply, over one
// common element type.
func (l lifted) Type() hm.Type {
	a := hm.TypeVariable('a')
	ts := make([]hm.Type, 0, len(l.in)+1)
	for _, r := range append(append([]int(nil), l.in...), l.out) {
		ts = append(ts, gorgonia.TensorType{Dims: r, Of: a})
	}
	return hm.NewFnType(ts...)
}

func (l lifted) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := gorgonia.DimSizersToShapes(ds)
	if err != nil {
		return nil, err
	}
	return l.OutShape(shapes)
}

func (l lifted) Do(vs ...gorgonia.Value) (gorgonia.Value, error) {
	shapes := make([]tensor.Shape, len(vs))
	for i, v := range vs {
		shapes[i] = v.Shape()
	}
	out, err := l.OutShape(shapes)
	if err != nil {
		return nil, fmt.Errorf("op: %s: %w", l.Name(), err)
	}
	switch vs[0].Data().(type) {
	case []float32:
		return evaluate(l, l.Eval32, out, vs, shapes)
	case []float64:
		return evaluate(l, l.Eval64, out, vs, shapes)
	}
	return nil, fmt.Errorf("op: %s: needs float32 or float64 tensors, got %T", l.Name(), vs[0].Data())
}

// evaluate runs eval, that of l for one element type, into a new tensor.
func evaluate[T float](l lifted, eval func(dst []T, out tensor.Shape, in [][]T, shapes []tensor.Shape), out tensor.Shape, vs []gorgonia.Value, shapes []tensor.Shape) (gorgonia.Value, error) {
	in, err := slices[T](vs)
	if err != nil {
		return nil, fmt.Errorf("op: %s: %w", l.Name(), err)
	}
	dst := make([]T, out.TotalSize())
	eval(dst, out, in, shapes)
	return tensor.New(tensor.WithShape(out...), tensor.WithBacking(dst)), nil
}

func slices[T float](vs []gorgonia.Value) ([][]T, error) {
	in := make([][]T, len(vs))
	for i, v := range vs {
		d, ok := v.Data().([]T)
		if !ok {
			return nil, fmt.Errorf("input %d holds %T", i, v.Data())
		}
		in[i] = d
	}
	return in, nil
}

func (l lifted) DiffWRT(n int) []bool {
	d := make([]bool, n)
	for i := range d {
		d[i] = true
	}
	return d
}

func (l lifted) SymDiff(in gorgonia.Nodes, out, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	return l.Grad(in, out, dy, l.DiffWRT(len(in)))
}

func (l lifted) ReturnsPtr() bool     { return true }
func (l lifted) CallsExtern() bool    { return false }
func (l lifted) OverwritesInput() int { return -1 }
func (l lifted) String() string       { return l.Name() }

func (l lifted) WriteHash(h hash.Hash) {
	_, _ = fmt.Fprintf(h, "nodulescope/%s%v%d", l.Name(), l.in, l.out)
}

func (l lifted) Hashcode() uint32 {
	h := fnv.New32a()
	l.WriteHash(h)
	return h.Sum32()
}

type float interface{ ~float32 | ~float64 }
