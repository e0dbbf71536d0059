package compute

import "gorgonia.org/tensor"

// Axes is a size, position or step along z, y and x. Two spatial axes are three
// of which the first is flat: size 1, step 1.
type Axes [3]int

// Volume is the product of the sizes.
func (a Axes) Volume() int { return a[0] * a[1] * a[2] }

// Plus is the sum along each axis.
func (a Axes) Plus(b Axes) Axes { return Axes{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }

// SpatialAxes are the spatial sizes of a shape [N, C, spatial...].
func SpatialAxes(s tensor.Shape) Axes {
	a := Axes{1, 1, 1}
	copy(a[5-len(s):], s[2:])
	return a
}

// OnSpatial is v along the spatial axes of a shape, and flat along the others.
func OnSpatial(s tensor.Shape, v, flat int) Axes {
	a := Axes{flat, flat, flat}
	for i := 5 - len(s); i < 3; i++ {
		a[i] = v
	}
	return a
}
