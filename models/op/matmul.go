package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// MatMul is the matrix product a*b of two matrices, each of which may be taken
// transposed: [M,K]*[K,N] = [M,N].
type MatMul struct{ TransA, TransB bool }

// Name implements Operator.
func (m MatMul) Name() string { return fmt.Sprintf("matmul(ta=%t,tb=%t)", m.TransA, m.TransB) }

// Arity implements Operator.
func (m MatMul) Arity() int { return 2 }

// Dims returns M, N and K for input shapes a and b.
func (m MatMul) Dims(a, b tensor.Shape) (rows, cols, inner int) {
	rows, inner, cols = a[0], a[1], b[1]
	if m.TransA {
		rows, inner = inner, rows
	}
	if m.TransB {
		cols = b[0]
	}
	return rows, cols, inner
}

// OutShape implements Operator.
func (m MatMul) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	a, b := in[0], in[1]
	if len(a) != 2 || len(b) != 2 {
		return nil, fmt.Errorf("needs two matrices, got %v and %v", a, b)
	}
	rows, cols, inner := m.Dims(a, b)
	if (!m.TransB && b[0] != inner) || (m.TransB && b[1] != inner) {
		return nil, fmt.Errorf("%v and %v do not fit", a, b)
	}
	return tensor.Shape{rows, cols}, nil
}

func matmul[T float](m MatMul, c, a, b []T, as, bs tensor.Shape) {
	rows, cols, inner := m.Dims(as, bs)
	for i := range rows {
		for j := range cols {
			var s T
			for k := range inner {
				ai, bi := i*inner+k, k*cols+j
				if m.TransA {
					ai = k*rows + i
				}
				if m.TransB {
					bi = j*inner + k
				}
				s += a[ai] * b[bi]
			}
			c[i*cols+j] = s
		}
	}
}

// Eval32 implements Operator.
func (m MatMul) Eval32(dst []float32, _ tensor.Shape, in [][]float32, s []tensor.Shape) {
	matmul(m, dst, in[0], in[1], s[0], s[1])
}

// Eval64 implements Operator.
func (m MatMul) Eval64(dst []float64, _ tensor.Shape, in [][]float64, s []tensor.Shape) {
	matmul(m, dst, in[0], in[1], s[0], s[1])
}

// Grad implements Operator: with op(a) = a or its transpose, d op(a) =
// dy*op(b)' and d op(b) = op(a)'*dy.
func (m MatMul) Grad(in gorgonia.Nodes, _, dy *gorgonia.Node, wanted []bool) (gorgonia.Nodes, error) {
	a, b := in[0], in[1]
	return derive(wanted,
		func() (*gorgonia.Node, error) {
			if m.TransA {
				return Apply(MatMul{m.TransB, true}, b, dy)
			}
			return Apply(MatMul{false, !m.TransB}, dy, b)
		},
		func() (*gorgonia.Node, error) {
			if m.TransB {
				return Apply(MatMul{true, m.TransA}, dy, a)
			}
			return Apply(MatMul{!m.TransA, false}, a, dy)
		})
}
