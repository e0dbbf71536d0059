package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Conv is the cross-correlation that networks call convolution, in as many
// spatial axes as its inputs have beyond batch and channel:
//
//	y[n,k,p] = sum over c, q of x[n,c,p*Stride-Pad+q] * w[k,c,q]
//
// x is [N,C,spatial...], w is [K,C,kernel...], y is [N,K,spatial'...]; x counts
// as zero outside its bounds.
type Conv struct{ Stride, Pad int }

// ConvData is the adjoint of Conv in x: from w [K,C,kernel...] and
// dy [N,K,spatial'...] it returns dx [N,C,In...].
type ConvData struct {
	Conv
	In []int // spatial size of x
}

// ConvWeight is the adjoint of Conv in w: from x [N,C,spatial...] and
// dy [N,K,spatial'...] it returns dw [K,C,Kernel...].
type ConvWeight struct {
	Conv
	Kernel []int // spatial size of w
}

// Name implements Operator.
func (c Conv) Name() string { return fmt.Sprintf("conv(stride=%d,pad=%d)", c.Stride, c.Pad) }

// Name implements Operator.
func (c ConvData) Name() string {
	return fmt.Sprintf("convdata(stride=%d,pad=%d,in=%v)", c.Stride, c.Pad, c.In)
}

// Name implements Operator.
func (c ConvWeight) Name() string {
	return fmt.Sprintf("convweight(stride=%d,pad=%d,kernel=%v)", c.Stride, c.Pad, c.Kernel)
}

// Arity implements Operator.
func (c Conv) Arity() int { return 2 }

// out is the number of positions of a kernel of size k along an axis of size n.
func (c Conv) out(n, k int) int { return (n+2*c.Pad-k)/c.Stride + 1 }

// OutShape implements Operator.
func (c Conv) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	x, w := in[0], in[1]
	if c.Stride < 1 || c.Pad < 0 {
		return nil, fmt.Errorf("stride %d and pad %d: want at least 1 and 0", c.Stride, c.Pad)
	}
	if len(x) < 3 || len(w) != len(x) || x[1] != w[1] {
		return nil, fmt.Errorf("input %v and kernel %v do not fit", x, w)
	}
	y := tensor.Shape{x[0], w[0]}
	for i := 2; i < len(x); i++ {
		if x[i]+2*c.Pad < w[i] {
			return nil, fmt.Errorf("kernel %v is larger than the padded input %v", w, x)
		}
		y = append(y, c.out(x[i], w[i]))
	}
	return y, nil
}

// OutShape implements Operator.
func (c ConvData) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	w, dy := in[0], in[1]
	if len(w) < 3 || len(dy) != len(w) || len(c.In) != len(w)-2 || dy[1] != w[0] {
		return nil, fmt.Errorf("kernel %v and gradient %v do not fit", w, dy)
	}
	x := append(tensor.Shape{dy[0], w[1]}, c.In...)
	return x, c.check(x, w, dy)
}

// OutShape implements Operator.
func (c ConvWeight) OutShape(in []tensor.Shape) (tensor.Shape, error) {
	x, dy := in[0], in[1]
	if len(x) < 3 || len(dy) != len(x) || len(c.Kernel) != len(x)-2 || dy[0] != x[0] {
		return nil, fmt.Errorf("input %v and gradient %v do not fit", x, dy)
	}
	w := append(tensor.Shape{dy[1], x[1]}, c.Kernel...)
	return w, c.check(x, w, dy)
}

func (c Conv) check(x, w, dy tensor.Shape) error {
	y, err := c.OutShape([]tensor.Shape{x, w})
	if err != nil {
		return err
	}
	if !y.Eq(dy) {
		return fmt.Errorf("gradient %v, want %v", dy, y)
	}
	return nil
}

// taps calls f for every product of the convolution: flat indices into x, w
// and y. It is the one loop that the three operators share.
func (c Conv) taps(x, w, y tensor.Shape, f func(xi, wi, yi int)) {
	// Two spatial axes are three with a flat first one.
	var xs, ws, ys [3]int
	for i := range 3 {
		xs[i], ws[i], ys[i] = 1, 1, 1
	}
	d := len(x) - 2
	if d > 3 {
		panic("op: convolution in more than three axes")
	}
	pad, stride := [3]int{}, [3]int{1, 1, 1}
	for i := range d {
		j := 3 - d + i
		xs[j], ws[j], ys[j] = x[2+i], w[2+i], y[2+i]
		pad[j], stride[j] = c.Pad, c.Stride
	}
	for n := range x[0] {
		for k := range w[0] {
			for p := range ys[0] * ys[1] * ys[2] {
				yi := (n*w[0]+k)*ys[0]*ys[1]*ys[2] + p
				pz, py, px := p/(ys[1]*ys[2])*stride[0]-pad[0], p/ys[2]%ys[1]*stride[1]-pad[1], p%ys[2]*stride[2]-pad[2]
				for ch := range x[1] {
					xi, wi := (n*x[1]+ch)*xs[0]*xs[1]*xs[2], (k*x[1]+ch)*ws[0]*ws[1]*ws[2]
					for qz := max(0, -pz); qz < min(ws[0], xs[0]-pz); qz++ {
						for qy := max(0, -py); qy < min(ws[1], xs[1]-py); qy++ {
							for qx := max(0, -px); qx < min(ws[2], xs[2]-px); qx++ {
								f(xi+((pz+qz)*xs[1]+py+qy)*xs[2]+px+qx, wi+(qz*ws[1]+qy)*ws[2]+qx, yi)
							}
						}
					}
				}
			}
		}
	}
}

func conv[T float](c Conv, y, x, w []T, ys, xs, ws tensor.Shape) {
	clear(y)
	c.taps(xs, ws, ys, func(xi, wi, yi int) { y[yi] += x[xi] * w[wi] })
}

func convData[T float](c Conv, dx, w, dy []T, xs, ws, ys tensor.Shape) {
	clear(dx)
	c.taps(xs, ws, ys, func(xi, wi, yi int) { dx[xi] += dy[yi] * w[wi] })
}

func convWeight[T float](c Conv, dw, x, dy []T, ws, xs, ys tensor.Shape) {
	clear(dw)
	c.taps(xs, ws, ys, func(xi, wi, yi int) { dw[wi] += dy[yi] * x[xi] })
}

// Eval32 implements Operator.
func (c Conv) Eval32(dst []float32, out tensor.Shape, in [][]float32, s []tensor.Shape) {
	conv(c, dst, in[0], in[1], out, s[0], s[1])
}

// Eval64 implements Operator.
func (c Conv) Eval64(dst []float64, out tensor.Shape, in [][]float64, s []tensor.Shape) {
	conv(c, dst, in[0], in[1], out, s[0], s[1])
}

// Eval32 implements Operator.
func (c ConvData) Eval32(dst []float32, out tensor.Shape, in [][]float32, s []tensor.Shape) {
	convData(c.Conv, dst, in[0], in[1], out, s[0], s[1])
}

// Eval64 implements Operator.
func (c ConvData) Eval64(dst []float64, out tensor.Shape, in [][]float64, s []tensor.Shape) {
	convData(c.Conv, dst, in[0], in[1], out, s[0], s[1])
}

// Eval32 implements Operator.
func (c ConvWeight) Eval32(dst []float32, out tensor.Shape, in [][]float32, s []tensor.Shape) {
	convWeight(c.Conv, dst, in[0], in[1], out, s[0], s[1])
}

// Eval64 implements Operator.
func (c ConvWeight) Eval64(dst []float64, out tensor.Shape, in [][]float64, s []tensor.Shape) {
	convWeight(c.Conv, dst, in[0], in[1], out, s[0], s[1])
}

// Grad implements Operator: x by ConvData(w, dy), w by ConvWeight(x, dy).
func (c Conv) Grad(in gorgonia.Nodes, _, dy *gorgonia.Node, wanted []bool) (gorgonia.Nodes, error) {
	x, w := in[0], in[1]
	return derive(wanted,
		func() (*gorgonia.Node, error) { return Apply(ConvData{c, spatial(x)}, w, dy) },
		func() (*gorgonia.Node, error) { return Apply(ConvWeight{c, spatial(w)}, x, dy) })
}

// Grad implements Operator. The operator is linear in w and in dy: with the
// gradient g [N,C,In...] in the place of x, w gets ConvWeight(g, dy) and dy
// gets Conv(g, w).
func (c ConvData) Grad(in gorgonia.Nodes, _, g *gorgonia.Node, wanted []bool) (gorgonia.Nodes, error) {
	w, dy := in[0], in[1]
	return derive(wanted,
		func() (*gorgonia.Node, error) { return Apply(ConvWeight{c.Conv, spatial(w)}, g, dy) },
		func() (*gorgonia.Node, error) { return Apply(c.Conv, g, w) })
}

// Grad implements Operator. With the gradient g [K,C,Kernel...] in the place
// of w, x gets ConvData(g, dy) and dy gets Conv(x, g).
func (c ConvWeight) Grad(in gorgonia.Nodes, _, g *gorgonia.Node, wanted []bool) (gorgonia.Nodes, error) {
	x, dy := in[0], in[1]
	return derive(wanted,
		func() (*gorgonia.Node, error) { return Apply(ConvData{c.Conv, spatial(x)}, g, dy) },
		func() (*gorgonia.Node, error) { return Apply(c.Conv, x, g) })
}

func spatial(n *gorgonia.Node) []int { return append([]int(nil), n.Shape()[2:]...) }

// derive runs the wanted ones of a list of derivatives.
func derive(wanted []bool, fs ...func() (*gorgonia.Node, error)) (gorgonia.Nodes, error) {
	out := make(gorgonia.Nodes, len(fs))
	for i, f := range fs {
		if !wanted[i] {
			continue
		}
		n, err := f()
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}
