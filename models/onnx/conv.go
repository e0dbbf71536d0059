package onnx

import (
	"slices"

	"github.com/nodulescope/nodulescope/models/op"
)

// repeated is v along n axes.
func repeated(v, n int) []int { return slices.Repeat([]int{v}, n) }

// conv writes x [N,C,...] * w [K,C,kernel...].
func (e *exporter) conv(c op.Conv, out string, in []string, w []int) {
	d := len(w) - 2
	e.put("Conv", out, in,
		intsAttr("kernel_shape", w[2:]), intsAttr("strides", repeated(c.Stride, d)), intsAttr("pads", repeated(c.Pad, 2*d)))
}

// rest is how many elements of the padded input lie behind the last position
// of the kernel, per axis: what a stride leaves over, less than one stride.
func rest(c op.Conv, x, w, y []int) []int {
	r := make([]int, len(x))
	for i := range x {
		r[i] = x[i] + 2*c.Pad - w[i] - c.Stride*(y[i]-1)
	}
	return r
}

// convData writes the adjoint in x from w [K,C,kernel...] and dy [N,K,...].
// The transposed convolution alone gives the smallest input that has so many
// positions; output_padding adds what the stride left over.
func (e *exporter) convData(c op.ConvData, out string, in []string, w, dy []int) {
	d := len(w) - 2
	e.put("ConvTranspose", out, []string{in[1], in[0]},
		intsAttr("kernel_shape", w[2:]), intsAttr("strides", repeated(c.Stride, d)), intsAttr("pads", repeated(c.Pad, 2*d)),
		intsAttr("output_padding", rest(c.Conv, c.In, w[2:], dy[2:])))
}

// convWeight writes the adjoint in w from x [N,C,...] and dy [N,K,...]:
//
//	dw[k,c,q] = sum over n, p of dy[n,k,p] * x[n,c,p*Stride-Pad+q]
//
// is the convolution of x [C,N,...] with the kernel dy [K,N,...] and dilation
// Stride, of which q < Kernel is wanted.
func (e *exporter) convWeight(c op.ConvWeight, out string, in []string, x, dy []int) {
	d := len(x) - 2
	swap := []int{1, 0}
	for i := range d {
		swap = append(swap, 2+i)
	}
	perm := intsAttr("perm", swap)
	pads, ends := repeated(c.Pad, 2*d), slices.Clone(c.Kernel)
	crop := false
	for i, r := range rest(c.Conv, x[2:], c.Kernel, dy[2:]) {
		less := min(r, c.Pad) // positions that need not be computed
		pads[d+i] -= less
		crop = crop || less < r
	}
	y := e.via("Conv", []string{e.via("Transpose", in[:1], perm), e.via("Transpose", in[1:], perm)},
		intsAttr("kernel_shape", dy[2:]), intsAttr("dilations", repeated(c.Stride, d)), intsAttr("pads", pads))
	if crop {
		y = e.slice(e.fresh(), y, ends)
	}
	e.put("Transpose", out, []string{y}, perm)
}

// slice writes the first ends[i] positions of every spatial axis of x.
func (e *exporter) slice(out, x string, ends []int) string {
	axes := make([]int, len(ends))
	for i := range axes {
		axes[i] = 2 + i
	}
	e.put("Slice", out, []string{x, e.ints(repeated(0, len(ends))...), e.ints(ends...), e.ints(axes...)})
	return out
}

// upsample writes y[n,c,p] = x[n,c,p/2].
func (e *exporter) upsample(out string, in []string, x, y []int) {
	crop := false
	scales := []float32{1, 1}
	for i := 2; i < len(x); i++ {
		scales = append(scales, 2)
		crop = crop || y[i] != 2*x[i]
	}
	whole := out
	if crop {
		whole = e.fresh()
	}
	e.put("Resize", whole, []string{in[0], "", e.floats([]int{len(scales)}, scales...)},
		textAttr("mode", "nearest"), textAttr("coordinate_transformation_mode", "asymmetric"), textAttr("nearest_mode", "floor"))
	if crop {
		e.slice(out, whole, y[2:])
	}
}

// blockSum writes dx [N,C,In...] from dy [N,C,...]: every channel on its own,
// convolved with ones.
func (e *exporter) blockSum(out string, in []string, dy, dx []int) {
	d := len(dy) - 2
	two := repeated(2, d)
	pads := repeated(0, 2*d)
	for i := range d {
		pads[d+i] = 2*dx[2+i] - dy[2+i]
	}
	flat := append([]int{dy[0] * dy[1], 1}, dy[2:]...)
	ones := e.floats(append([]int{1, 1}, two...), slices.Repeat([]float32{1}, 1<<d)...)
	y := e.via("Conv", []string{e.via("Reshape", []string{in[0], e.ints(flat...)}), ones},
		intsAttr("kernel_shape", two), intsAttr("strides", two), intsAttr("pads", pads))
	e.put("Reshape", out, []string{y, e.ints(dx...)})
}
