package compute

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// Window is a convolution, or the adjoint of one in its data, as products of
// weights with windows of a tensor. Every back end computes convolutions from
// it, and their weight gradients: of these it is the convolution that the
// weights belong to.
//
// The weight of row r (a channel of Out), channel c of In and element q of the
// kernel is at r*RowStep + c*ChanStep + q. A sum runs over the channels of In,
// and for each over the taps of the class in order.
type Window struct {
	In, Out, weight   tensor.Shape // [N, C, spatial...], and of the weights [K, C, kernel...]
	Rows, Chans       int          // channels of Out and of In
	RowStep, ChanStep int
	Kernel            Axes
	Classes           []Class // of positions of Out
	Kind              string  // windows of one kind pack the same weights alike
}

// NewWindow makes the window of op.Conv, op.ConvData or op.ConvWeight with
// inputs of some shapes and an output. up is that of the ProgramStep.
func NewWindow(o op.Operator, up bool, shapes []tensor.Shape, out tensor.Shape) Window {
	switch o := o.(type) {
	case op.Conv:
		return forward(o, up, shapes[0], shapes[1], out)
	case op.ConvWeight:
		return forward(o.Conv, up, shapes[0], out, shapes[1])
	case op.ConvData:
		return backward(o.Conv, up, shapes[0], shapes[1], out)
	}
	panic("compute: no convolution: " + o.Name())
}

func forward(c op.Conv, up bool, x, weight, y tensor.Shape) Window {
	w := Window{In: x, Out: y, weight: weight, Rows: weight[0], Chans: weight[1], Kernel: SpatialAxes(weight), Kind: fmt.Sprint("conv", c, up, x[2:], y[2:])}
	small, large := SpatialAxes(x), SpatialAxes(y)
	w.Classes = cross(lines(x, func(i int) []line {
		if up {
			return upLines(small[i], large[i])
		}
		return convLines(w.Kernel[i], large[i], c.Pad, c.Stride)
	}), w.Kernel)
	w.RowStep, w.ChanStep = w.Chans*w.Kernel.Volume(), w.Kernel.Volume()
	return w
}

// backward is the adjoint of a convolution in its data x: from dy, of the shape
// of the convolution's output.
func backward(c op.Conv, up bool, weight, dy, x tensor.Shape) Window {
	w := Window{In: dy, Out: x, weight: weight, Rows: x[1], Chans: dy[1], Kernel: SpatialAxes(weight), Kind: fmt.Sprint("data", c, up, x[1:])}
	small, large := SpatialAxes(x), SpatialAxes(dy)
	w.Classes = cross(lines(x, func(i int) []line {
		if up {
			return upDataLines(small[i], large[i])
		}
		return dataLines(w.Kernel[i], small[i], c.Pad, c.Stride)
	}), w.Kernel)
	w.RowStep, w.ChanStep = w.Kernel.Volume(), w.Rows*w.Kernel.Volume()
	return w
}

// Adjoint is the window of the data gradient of a convolution's weight
// gradient: that of In from Out, with the same weights.
func (w Window) Adjoint(o op.ConvWeight, up bool) Window {
	return backward(o.Conv, up, w.weight, w.Out, w.In)
}

// FLOPs counts the products and sums that are needed: none for the border.
func (w Window) FLOPs() int {
	n := 0
	for _, c := range w.Classes {
		n += 2 * w.Rows * w.Chans * len(c.Taps) * c.Count.Volume()
	}
	return n * w.In[0]
}
