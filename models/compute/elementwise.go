package compute

import (
	"github.com/nodulescope/nodulescope/models/op"
)

// grain is the least number of elements worth another worker.
const grain = 1 << 14

// unaryLoop returns the loop of an element-wise function over equal ranges of
// dst and x, which may be the same slice.
func unaryLoop(u op.Unary) func(dst, x []float32) {
	c := float32(u.C)
	switch u.F {
	case op.Scale:
		return func(dst, x []float32) {
			for i, v := range x {
				dst[i] = c * v
			}
		}
	case op.Shift:
		return func(dst, x []float32) {
			for i, v := range x {
				dst[i] = v + c
			}
		}
	case op.Fill:
		return func(dst, _ []float32) {
			for i := range dst {
				dst[i] = c
			}
		}
	case op.Square:
		return func(dst, x []float32) {
			for i, v := range x {
				dst[i] = v * v
			}
		}
	case op.LeakyReLU:
		return func(dst, x []float32) {
			for i, v := range x {
				if v > 0 {
					dst[i] = v
				} else {
					dst[i] = c * v
				}
			}
		}
	case op.LeakyGate:
		return func(dst, x []float32) {
			for i, v := range x {
				if v > 0 {
					dst[i] = 1
				} else {
					dst[i] = c
				}
			}
		}
	}
	return func(dst, x []float32) {
		for i, v := range x {
			dst[i] = float32(u.At(float64(v)))
		}
	}
}

// binaryLoop returns the loop of an arithmetic operator.
func binaryLoop(b op.Binary) func(dst, x, y []float32) {
	switch b.F {
	case '+':
		return func(dst, x, y []float32) {
			y = y[:len(x)]
			for i, v := range x {
				dst[i] = v + y[i]
			}
		}
	case '-':
		return func(dst, x, y []float32) {
			y = y[:len(x)]
			for i, v := range x {
				dst[i] = v - y[i]
			}
		}
	case '*':
		return func(dst, x, y []float32) {
			y = y[:len(x)]
			for i, v := range x {
				dst[i] = v * y[i]
			}
		}
	case '/':
		return func(dst, x, y []float32) {
			y = y[:len(x)]
			for i, v := range x {
				dst[i] = v / y[i]
			}
		}
	}
	return nil
}
