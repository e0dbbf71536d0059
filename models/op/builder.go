package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Builder adds operators to a graph and keeps the first error, so that a
// network reads as its formula. After an error every call returns nil.
type Builder struct{ Err error }

// Do applies any operator.
func (b *Builder) Do(o Operator, in ...*gorgonia.Node) *gorgonia.Node {
	if b.Err != nil {
		return nil
	}
	n, err := Apply(o, in...)
	if err != nil {
		b.Err = err
		return nil
	}
	return n
}

// Unary applies an element-wise function without a constant.
func (b *Builder) Unary(f Func, x *gorgonia.Node) *gorgonia.Node { return b.Do(Unary{F: f}, x) }

// Scale is c*x.
func (b *Builder) Scale(x *gorgonia.Node, c float64) *gorgonia.Node { return b.Do(Unary{Scale, c}, x) }

// Shift is x + c.
func (b *Builder) Shift(x *gorgonia.Node, c float64) *gorgonia.Node { return b.Do(Unary{Shift, c}, x) }

// Add is x + y.
func (b *Builder) Add(x, y *gorgonia.Node) *gorgonia.Node { return b.Do(Binary{'+'}, x, y) }

// Sub is x - y.
func (b *Builder) Sub(x, y *gorgonia.Node) *gorgonia.Node { return b.Do(Binary{'-'}, x, y) }

// Mul is x * y, element by element.
func (b *Builder) Mul(x, y *gorgonia.Node) *gorgonia.Node { return b.Do(Binary{'*'}, x, y) }

// div is x / y, element by element.
func (b *Builder) div(x, y *gorgonia.Node) *gorgonia.Node { return b.Do(Binary{'/'}, x, y) }

// Reshape gives x another shape.
func (b *Builder) Reshape(x *gorgonia.Node, shape ...int) *gorgonia.Node {
	return b.Do(Reshape{tensor.Shape(shape)}, x)
}

// AddChannel adds a vector [C] to every position of x [N,C,...].
func (b *Builder) AddChannel(x, v *gorgonia.Node) *gorgonia.Node {
	if b.Err != nil {
		return nil
	}
	return b.Add(x, b.channels(v, x.Shape()))
}

// SumRows sums x [N,...] over everything but the batch axis: [N].
func (b *Builder) SumRows(x *gorgonia.Node) *gorgonia.Node {
	if b.Err != nil {
		return nil
	}
	s := x.Shape()
	m := b.Reshape(x, s[0], s.TotalSize()/s[0])
	return b.Reshape(b.Do(SumTo{tensor.Shape{s[0], 1}}, m), s[0])
}

// Mean is the mean of a vector [N] as a tensor of shape [1].
func (b *Builder) Mean(x *gorgonia.Node) *gorgonia.Node {
	if b.Err != nil {
		return nil
	}
	return b.Scale(b.Do(SumTo{tensor.Shape{1}}, x), 1/float64(x.Shape().TotalSize()))
}

// channels expands a vector [C] to shape s = [N,C,...].
func (b *Builder) channels(v *gorgonia.Node, s tensor.Shape) *gorgonia.Node {
	return b.Do(Expand{s}, b.Reshape(v, perChannel(s)...))
}

// perChannel is [1,C,1,...] for s = [N,C,...].
func perChannel(s tensor.Shape) tensor.Shape {
	keep := make(tensor.Shape, len(s))
	for i := range keep {
		keep[i] = 1
	}
	keep[1] = s[1]
	return keep
}

// BatchNorm is batch normalisation (Ioffe and Szegedy 2015) by the moments of
// the batch itself: every channel of x [N,C,...] is shifted and scaled to mean 0
// and variance 1 over batch and space, then to scale and shift [C]. epsilon is
// added to the variance.
func (b *Builder) BatchNorm(x, scale, shift *gorgonia.Node, epsilon float64) *gorgonia.Node {
	if b.Err != nil {
		return nil
	}
	s := x.Shape()
	return b.affine(b.standardise(x, epsilon), scale, shift, s)
}

// GroupNorm is group normalisation (Wu and He 2018): every sample of x [N,C,...]
// is shifted and scaled to mean 0 and variance 1 over space and each of its groups
// of C/groups neighbouring channels, then every channel to scale and shift [C].
// epsilon is added to the variance. groups divides C.
func (b *Builder) GroupNorm(x, scale, shift *gorgonia.Node, groups int, epsilon float64) *gorgonia.Node {
	if b.Err != nil {
		return nil
	}
	s := x.Shape()
	if groups < 1 || s[1]%groups != 0 {
		b.Err = fmt.Errorf("op: %d groups of %d channels", groups, s[1])
		return nil
	}
	y := b.standardise(b.Reshape(x, 1, s[0]*groups, s.TotalSize()/(s[0]*groups)), epsilon)
	return b.affine(b.Reshape(y, s...), scale, shift, s)
}

// standardise brings every channel of x [N,C,...] to mean 0 and variance 1.
func (b *Builder) standardise(x *gorgonia.Node, epsilon float64) *gorgonia.Node {
	if b.Err != nil {
		return nil
	}
	s := x.Shape()
	n := float64(s.TotalSize() / s[1])
	mean := func(v *gorgonia.Node) *gorgonia.Node { return b.Scale(b.Do(SumTo{perChannel(s)}, v), 1/n) }
	centred := b.Sub(x, b.Do(Expand{s}, mean(x)))
	deviation := b.Unary(Sqrt, b.Shift(mean(b.Unary(Square, centred)), epsilon))
	return b.div(centred, b.Do(Expand{s}, deviation))
}

// affine is x*scale + shift, both [C], for x of shape s = [N,C,...].
func (b *Builder) affine(x, scale, shift *gorgonia.Node, s tensor.Shape) *gorgonia.Node {
	return b.Add(b.Mul(x, b.channels(scale, s)), b.channels(shift, s))
}
