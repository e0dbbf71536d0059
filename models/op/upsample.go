package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Upsample repeats every element of the spatial axes twice (nearest
// neighbour) and crops the far end to Out: y[n,c,p] = x[n,c,p/2].
// x is [N,C,spatial...], y is [N,C,Out...].
type Upsample struct{ Out []int }

// BlockSum is the adjoint of Upsample: dx[n,c,q] is the sum of dy[n,c,p] over
// all p with p/2 = q. dy is [N,C,spatial...], dx is [N,C,In...].
type BlockSum struct{ In []int }

// Name implements Operator.
func (u Upsample) Name() string { return fmt.Sprintf("upsample%v", u.Out) }

// Name implements Operator.
func (b BlockSum) Name() string { return fmt.Sprintf("blocksum%v", b.In) }

// Arity implements Operator.
func (u Upsample) Arity() int { return 1 }

// Arity implements Operator.
func (b BlockSum) Arity() int { return 1 }

// OutShape implements Operator.
func (u Upsample) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	return append(append(tensor.Shape{}, in[0][:min(2, len(in[0]))]...), u.Out...), halves(in[0], u.Out)
}

// OutShape implements Operator.
func (b BlockSum) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	s := append(append(tensor.Shape{}, in[0][:min(2, len(in[0]))]...), b.In...)
	if len(in[0]) != len(s) {
		return nil, fmt.Errorf("%v does not fit %v", in[0], b.In)
	}
	return s, halves(s, in[0][2:])
}

// halves says whether every axis of out is twice that of x, or one less.
func halves(x tensor.Shape, out []int) error {
	ok := len(x) == len(out)+2 && len(out) >= 1 && len(out) <= 3
	for i := 0; ok && i < len(out); i++ {
		ok = out[i] == 2*x[i+2] || out[i] == 2*x[i+2]-1
	}
	if !ok {
		return fmt.Errorf("%v does not upsample to %v", x, out)
	}
	return nil
}

// pairs calls f with the flat index of every element of y and of the element
// of x that it repeats.
func pairs(x, y tensor.Shape, f func(xi, yi int)) {
	for yi := range y.TotalSize() {
		xi, rest, step := 0, yi, 1
		for i := len(y) - 1; i >= 0; i-- {
			p := rest % y[i]
			rest /= y[i]
			if i >= 2 {
				p /= 2
			}
			xi += p * step
			step *= x[i]
		}
		f(xi, yi)
	}
}

func upsample[T float](dst, x []T, xs, ys tensor.Shape) {
	pairs(xs, ys, func(xi, yi int) { dst[yi] = x[xi] })
}

func blockSum[T float](dst, dy []T, xs, ys tensor.Shape) {
	clear(dst)
	pairs(xs, ys, func(xi, yi int) { dst[xi] += dy[yi] })
}

// Eval32 implements Operator.
func (u Upsample) Eval32(dst []float32, out tensor.Shape, in [][]float32, s []tensor.Shape) {
	upsample(dst, in[0], s[0], out)
}

// Eval64 implements Operator.
func (u Upsample) Eval64(dst []float64, out tensor.Shape, in [][]float64, s []tensor.Shape) {
	upsample(dst, in[0], s[0], out)
}

// Eval32 implements Operator.
func (b BlockSum) Eval32(dst []float32, out tensor.Shape, in [][]float32, s []tensor.Shape) {
	blockSum(dst, in[0], out, s[0])
}

// Eval64 implements Operator.
func (b BlockSum) Eval64(dst []float64, out tensor.Shape, in [][]float64, s []tensor.Shape) {
	blockSum(dst, in[0], out, s[0])
}

// Grad implements Operator.
func (u Upsample) Grad(in gorgonia.Nodes, _, dy *gorgonia.Node, _ []bool) (gorgonia.Nodes, error) {
	return one(Apply(BlockSum{spatial(in[0])}, dy))
}

// Grad implements Operator.
func (b BlockSum) Grad(in gorgonia.Nodes, _, dy *gorgonia.Node, _ []bool) (gorgonia.Nodes, error) {
	return one(Apply(Upsample{spatial(in[0])}, dy))
}
