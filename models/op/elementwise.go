package op

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Func names an element-wise function of one tensor.
type Func string

// Element-wise functions. Those with a C use the constant of Unary.
const (
	Exp       Func = "exp"
	Log       Func = "log"
	Sqrt      Func = "sqrt"
	Square    Func = "square"
	Abs       Func = "abs"
	Sign      Func = "sign" // 0 at 0
	Recip     Func = "recip"
	Sigmoid   Func = "sigmoid"
	Tanh      Func = "tanh"
	Softplus  Func = "softplus"  // log(1 + e^x)
	LeakyReLU Func = "leakyrelu" // x where x > 0, C*x elsewhere
	LeakyGate Func = "leakygate" // 1 where x > 0, C elsewhere: the derivative of LeakyReLU
	Scale     Func = "scale"     // C*x
	Shift     Func = "shift"     // x + C
	Fill      Func = "fill"      // C, whatever x
)

// Unary applies an element-wise function.
type Unary struct {
	F Func
	C float64
}

// Name implements Operator.
func (u Unary) Name() string {
	switch u.F {
	case LeakyReLU, LeakyGate, Scale, Shift, Fill:
		return fmt.Sprintf("%s(%g)", u.F, u.C)
	}
	return string(u.F)
}

// Arity implements Operator.
func (u Unary) Arity() int { return 1 }

// OutShape implements Operator.
func (u Unary) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	if !unaryKnown(u.F) {
		return nil, fmt.Errorf("no element-wise function %q", u.F)
	}
	return in[0], nil
}

func unaryKnown(f Func) bool {
	switch f {
	case Exp, Log, Sqrt, Square, Abs, Sign, Recip, Sigmoid, Tanh, Softplus, LeakyReLU, LeakyGate, Scale, Shift, Fill:
		return true
	}
	return false
}

// At is the value of the function at x.
func (u Unary) At(x float64) float64 {
	switch u.F {
	case Exp:
		return math.Exp(x)
	case Log:
		return math.Log(x)
	case Sqrt:
		return math.Sqrt(x)
	case Square:
		return x * x
	case Abs:
		return math.Abs(x)
	case Sign:
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x // 0, or NaN carried on
	case Recip:
		return 1 / x
	case Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case Tanh:
		return math.Tanh(x)
	case Softplus:
		return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	case LeakyReLU:
		if x > 0 {
			return x
		}
		return u.C * x
	case LeakyGate:
		if x > 0 {
			return 1
		}
		return u.C
	case Scale:
		return u.C * x
	case Shift:
		return x + u.C
	case Fill:
		return u.C
	}
	panic("op: no element-wise function " + string(u.F))
}

// Eval32 implements Operator.
func (u Unary) Eval32(dst []float32, _ tensor.Shape, in [][]float32, _ []tensor.Shape) {
	for i, x := range in[0] {
		dst[i] = float32(u.At(float64(x)))
	}
}

// Eval64 implements Operator.
func (u Unary) Eval64(dst []float64, _ tensor.Shape, in [][]float64, _ []tensor.Shape) {
	for i, x := range in[0] {
		dst[i] = u.At(x)
	}
}

// Grad implements Operator. Functions that are constant almost everywhere have
// no derivative.
func (u Unary) Grad(in gorgonia.Nodes, out, dy *gorgonia.Node, _ []bool) (gorgonia.Nodes, error) {
	x := in[0]
	b := Builder{}
	var d *gorgonia.Node
	switch u.F {
	case Sign, LeakyGate, Fill:
		return gorgonia.Nodes{nil}, nil
	case Exp:
		d = b.Mul(dy, out)
	case Log:
		d = b.div(dy, x)
	case Sqrt:
		d = b.div(b.Scale(dy, 0.5), out)
	case Square:
		d = b.Mul(dy, b.Scale(x, 2))
	case Abs:
		d = b.Mul(dy, b.Unary(Sign, x))
	case Recip:
		d = b.Mul(dy, b.Scale(b.Unary(Square, out), -1))
	case Sigmoid: // s*(1-s)
		d = b.Mul(dy, b.Mul(out, b.Shift(b.Scale(out, -1), 1)))
	case Tanh: // 1-t*t
		d = b.Mul(dy, b.Shift(b.Scale(b.Unary(Square, out), -1), 1))
	case Softplus:
		d = b.Mul(dy, b.Unary(Sigmoid, x))
	case LeakyReLU:
		if u.C >= 0 { // out has the sign of x, which then need not be kept
			x = out
		}
		d = b.Mul(dy, b.Do(Unary{LeakyGate, u.C}, x))
	case Scale:
		d = b.Scale(dy, u.C)
	case Shift:
		d = dy
	}
	return gorgonia.Nodes{d}, b.Err
}

// Binary applies +, -, * or / element by element to two tensors of one shape.
type Binary struct{ F byte }

// Name implements Operator.
func (b Binary) Name() string {
	switch b.F {
	case '+':
		return "add"
	case '-':
		return "sub"
	case '*':
		return "mul"
	case '/':
		return "div"
	}
	return fmt.Sprintf("binary(%q)", b.F)
}

// Arity implements Operator.
func (b Binary) Arity() int { return 2 }

// OutShape implements Operator.
func (b Binary) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	if !in[0].Eq(in[1]) {
		return nil, fmt.Errorf("shapes %v and %v differ", in[0], in[1])
	}
	return in[0], nil
}

func binary[T float](f byte, dst, x, y []T) {
	for i := range dst {
		switch f {
		case '+':
			dst[i] = x[i] + y[i]
		case '-':
			dst[i] = x[i] - y[i]
		case '*':
			dst[i] = x[i] * y[i]
		case '/':
			dst[i] = x[i] / y[i]
		default:
			panic("op: no such binary operator")
		}
	}
}

// Eval32 implements Operator.
func (b Binary) Eval32(dst []float32, _ tensor.Shape, in [][]float32, _ []tensor.Shape) {
	binary(b.F, dst, in[0], in[1])
}

// Eval64 implements Operator.
func (b Binary) Eval64(dst []float64, _ tensor.Shape, in [][]float64, _ []tensor.Shape) {
	binary(b.F, dst, in[0], in[1])
}

// Grad implements Operator.
func (b Binary) Grad(in gorgonia.Nodes, out, dy *gorgonia.Node, wanted []bool) (gorgonia.Nodes, error) {
	x, y := in[0], in[1]
	w := Builder{}
	dx, dw := dy, dy
	switch b.F {
	case '-':
		dw = w.Scale(dy, -1)
	case '*':
		dx, dw = nil, nil
		if wanted[0] {
			dx = w.Mul(dy, y)
		}
		if wanted[1] {
			dw = w.Mul(dy, x)
		}
	case '/':
		dx = w.div(dy, y)
		if wanted[1] {
			dw = w.Scale(w.Mul(dx, out), -1)
		}
	}
	return gorgonia.Nodes{dx, dw}, w.Err
}
