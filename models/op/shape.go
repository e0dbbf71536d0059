package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Reshape gives the same elements another shape.
type Reshape struct{ Out tensor.Shape }

// Expand repeats axes of size 1 up to the size in Out; the other axes stay.
type Expand struct{ Out tensor.Shape }

// SumTo is the adjoint of Expand: it sums over the axes that are 1 in Out.
type SumTo struct{ Out tensor.Shape }

// Name implements Operator.
func (r Reshape) Name() string { return fmt.Sprintf("reshape%v", r.Out) }

// Name implements Operator.
func (e Expand) Name() string { return fmt.Sprintf("expand%v", e.Out) }

// Name implements Operator.
func (s SumTo) Name() string { return fmt.Sprintf("sumto%v", s.Out) }

// Arity implements Operator.
func (r Reshape) Arity() int { return 1 }

// Arity implements Operator.
func (e Expand) Arity() int { return 1 }

// Arity implements Operator.
func (s SumTo) Arity() int { return 1 }

// OutShape implements Operator.
func (r Reshape) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	if in[0].TotalSize() != r.Out.TotalSize() {
		return nil, fmt.Errorf("%v and %v have not the same number of elements", in[0], r.Out)
	}
	return r.Out, nil
}

// OutShape implements Operator.
func (e Expand) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	return e.Out, expands(in[0], e.Out)
}

// OutShape implements Operator.
func (s SumTo) OutShape(in []tensor.Shape) (tensor.Shape, error) { return s.Out, expands(s.Out, in[0]) }

func expands(small, large tensor.Shape) error {
	ok := len(small) == len(large)
	for i := 0; ok && i < len(small); i++ {
		ok = small[i] == large[i] || small[i] == 1
	}
	if !ok {
		return fmt.Errorf("%v does not expand to %v", small, large)
	}
	return nil
}

// walk calls f with the flat index of every element of large and of the
// element of small that it expands from.
func walk(small, large tensor.Shape, f func(si, li int)) {
	step := make([]int, len(large)) // of small, per axis of large
	s := 1
	for i := len(small) - 1; i >= 0; i-- {
		if small[i] != 1 {
			step[i] = s
		}
		s *= small[i]
	}
	for li := range large.TotalSize() {
		si, rest := 0, li
		for i := len(large) - 1; i >= 0; i-- {
			si += rest % large[i] * step[i]
			rest /= large[i]
		}
		f(si, li)
	}
}

func expand[T float](dst, x []T, small, large tensor.Shape) {
	walk(small, large, func(si, li int) { dst[li] = x[si] })
}

func sumTo[T float](dst, x []T, small, large tensor.Shape) {
	clear(dst)
	walk(small, large, func(si, li int) { dst[si] += x[li] })
}

// Eval32 implements Operator.
func (r Reshape) Eval32(dst []float32, _ tensor.Shape, in [][]float32, _ []tensor.Shape) {
	copy(dst, in[0])
}

// Eval64 implements Operator.
func (r Reshape) Eval64(dst []float64, _ tensor.Shape, in [][]float64, _ []tensor.Shape) {
	copy(dst, in[0])
}

// Eval32 implements Operator.
func (e Expand) Eval32(dst []float32, out tensor.Shape, in [][]float32, s []tensor.Shape) {
	expand(dst, in[0], s[0], out)
}

// Eval64 implements Operator.
func (e Expand) Eval64(dst []float64, out tensor.Shape, in [][]float64, s []tensor.Shape) {
	expand(dst, in[0], s[0], out)
}

// Eval32 implements Operator.
func (s SumTo) Eval32(dst []float32, out tensor.Shape, in [][]float32, shapes []tensor.Shape) {
	sumTo(dst, in[0], out, shapes[0])
}

// Eval64 implements Operator.
func (s SumTo) Eval64(dst []float64, out tensor.Shape, in [][]float64, shapes []tensor.Shape) {
	sumTo(dst, in[0], out, shapes[0])
}

// Grad implements Operator.
func (r Reshape) Grad(in gorgonia.Nodes, _, dy *gorgonia.Node, _ []bool) (gorgonia.Nodes, error) {
	return one(Apply(Reshape{in[0].Shape()}, dy))
}

// Grad implements Operator.
func (e Expand) Grad(in gorgonia.Nodes, _, dy *gorgonia.Node, _ []bool) (gorgonia.Nodes, error) {
	return one(Apply(SumTo{in[0].Shape()}, dy))
}

// Grad implements Operator.
func (s SumTo) Grad(in gorgonia.Nodes, _, dy *gorgonia.Node, _ []bool) (gorgonia.Nodes, error) {
	return one(Apply(Expand{in[0].Shape()}, dy))
}

func one(n *gorgonia.Node, err error) (gorgonia.Nodes, error) { return gorgonia.Nodes{n}, err }
