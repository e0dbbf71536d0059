package gpu

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/kernels"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// window is a convolution, or the adjoint of one, as a product of packed
// weights with windows of in.
type window struct {
	in, out, weight     tensor.Shape // as tensors; out is what the positions lie in
	rows, chans         int
	rowStep, chanStep   int // of the weights
	kernel              axes
	classes             []class
	kind                string // windows of one kind pack the same weights alike
	up                  bool
	inVolume, outVolume int
}

// newWindow makes the window of a step's operator. Of a weight gradient it is
// the convolution that the weights belong to.
func newWindow(o op.Operator, up bool, shapes []tensor.Shape, out tensor.Shape) window {
	var w window
	switch o := o.(type) {
	case op.Conv:
		w = forward(o, up, shapes[0], shapes[1], out)
	case op.ConvWeight:
		w = forward(o.Conv, up, shapes[0], out, shapes[1])
	case op.ConvData:
		k, dy := shapes[0], shapes[1]
		w = window{in: dy, out: out, weight: k, rows: out[1], chans: dy[1], kernel: spatial(k), kind: fmt.Sprint("data", o.Conv, up, out[1:])}
		small, large := spatial(out), spatial(dy)
		pad, stride := o.Pad, o.Stride
		w.classes = cross(lines(out, func(i int) []line {
			if up {
				return upDataLines(small[i], large[i])
			}
			return dataLines(w.kernel[i], small[i], pad, stride)
		}), w.kernel)
		w.rowStep, w.chanStep = w.kernel.volume(), w.rows*w.kernel.volume()
	}
	w.up = up
	w.inVolume, w.outVolume = spatial(w.in).volume(), spatial(w.out).volume()
	return w
}

func forward(c op.Conv, up bool, x, weight, y tensor.Shape) window {
	w := window{in: x, out: y, weight: weight, rows: weight[0], chans: weight[1], kernel: spatial(weight), kind: fmt.Sprint("conv", c, up, x[2:], y[2:])}
	small, large := spatial(x), spatial(y)
	w.classes = cross(lines(x, func(i int) []line {
		if up {
			return upLines(small[i], large[i])
		}
		return convLines(w.kernel[i], large[i], c.Pad, c.Stride)
	}), w.kernel)
	w.rowStep, w.chanStep = w.chans*w.kernel.volume(), w.kernel.volume()
	return w
}

// flops counts the products and sums that are needed.
func (w window) flops() int {
	n := 0
	for _, c := range w.classes {
		n += 2 * w.rows * w.chans * len(c.taps) * c.count.volume()
	}
	return n * w.in[0]
}

// lead is how many rows packed weights have: whole tiles, or four.
func (w window) lead(t kernels.Tile) int {
	if w.few() {
		return 4
	}
	return (w.rows + t.Rows - 1) / t.Rows * t.Rows
}

// few says whether the rows would leave most of a tile empty.
func (w window) few() bool { return w.rows <= 4 }

// tile is the size of the tiles that suits the rows.
func (w window) tile() kernels.Tile {
	if w.rows <= 32 {
		return kernels.Tiles[1]
	}
	return kernels.Tiles[0]
}

// columns is the most positions of a class.
func (w window) columns() int {
	n := 0
	for _, c := range w.classes {
		n = max(n, w.in[0]*c.count.volume())
	}
	return n
}

// epilogue is what is done to a product before it is stored.
type epilogue struct {
	bias    ref
	hasBias bool
	kind    int // of activation
	c       float64
}

// Kinds of activation.
const (
	actNone = iota
	actLeaky
	actSigmoid
)

func (e epilogue) values() []any {
	if !e.hasBias {
		return []any{0, 0, e.kind, e.c}
	}
	return []any{e.bias, 1, e.kind, e.c}
}

// describe is the description that the kernels of a window share. weights are
// those of the classes, packed; sums where their gradients begin.
func (l *lowerer) describe(w window, in, out ref, lead int, e epilogue, weights []ref) []any {
	ins, outs := spatial(w.in), spatial(w.out)
	taps := make([]int, len(w.classes))
	for i, c := range w.classes {
		list := make([]int, 0, 4*w.chans*len(c.taps))
		for ch := range w.chans {
			for _, t := range c.taps {
				list = append(list, ch*w.inVolume+(t.at[0]*ins[1]+t.at[1])*ins[2]+t.at[2], t.at[0], t.at[1], t.at[2])
			}
		}
		taps[i] = l.table(list)
	}
	sums, values := 0, []any{}
	for i, c := range w.classes {
		inner := w.chans * len(c.taps)
		for _, a := range []axes{c.count, c.stride, c.first, c.step} {
			values = append(values, a[0], a[1], a[2])
		}
		values = append(values, inner, taps[i])
		if weights != nil {
			values = append(values, weights[i])
		} else {
			values = append(values, 0)
		}
		values = append(values, sums)
		sums += w.rows * inner
	}
	classes := l.table(values...)
	d := []any{in, out, w.rows, w.in[0], ins[0], ins[1], ins[2], outs[0], outs[1], outs[2],
		w.chans * w.inVolume, w.rows * w.outVolume, lead}
	return append(append(d, e.values()...), classes)
}

// pack packs weights for the classes: once for ever where they never change,
// and once in a run for all steps that want them alike.
func (l *lowerer) pack(w window, weights int, lead int) []ref {
	key := fmt.Sprint(weights, " ", w.kind, " ", lead)
	if p, ok := l.packed[key]; ok {
		return p
	}
	frozen := l.prog.Frozen && l.prog.Tensors[weights].Kind == compute.Parameter
	var refs []ref
	var values []any
	largest := 0
	for _, c := range w.classes {
		size := w.chans * len(c.taps) * lead
		largest = max(largest, size)
		refs = append(refs, l.tensor(max(size, 1), frozen))
		lists := make([]int, 0, 2*len(c.taps))
		for _, t := range c.taps {
			lists = append(lists, l.table(t.of), len(t.of))
		}
		values = append(values, refs[len(refs)-1], len(c.taps), l.table(lists))
	}
	if largest > 0 {
		table := l.table(values...)
		do := l.run
		if frozen {
			do = l.runOnce
		}
		groups := one(largest, 64)
		groups[1] = len(w.classes)
		do("pack", groups, 64, l.at[weights], w.rows, w.chans, w.rowStep, w.chanStep, lead, table)
	}
	l.pending = l.pending[:0]
	l.packed[key] = refs
	return refs
}

// window computes out from in: convolutions and their data gradients.
func (l *lowerer) window(w window, in, weights int, out ref, e epilogue) {
	t := w.tile()
	lead := w.lead(t)
	packed := l.pack(w, weights, lead)
	if w.few() {
		d := l.describe(w, l.at[in], out, lead, e, packed)
		groups := one(w.columns(), 64)
		groups[2] = len(w.classes)
		l.run("conv_few", groups, 64, d...)
		return
	}
	inner, size := 0, w.rows*w.outVolume*w.in[0]
	for _, c := range w.classes {
		inner = max(inner, w.chans*len(c.taps))
	}
	part, n := split(inner)
	to, first := out, e
	if n > 1 {
		to, first = l.tensor(n*size, false), epilogue{}
	}
	d := l.describe(w, l.at[in], to, lead, first, packed)
	l.run("conv"+t.Name, [3]int{(w.columns() + t.Cols - 1) / t.Cols, lead / t.Rows, len(w.classes) * n}, kernels.Threads, append(d, n, part, size)...)
	if n > 1 {
		l.parts(out, to, size, n, w.rows, w.outVolume, e)
	}
}

// split says how many terms of a long sum of products one group adds, and in
// how many parts: groups for every processor of a card where the batch is one,
// and sums as exact as the processor's.
func split(inner int) (part, n int) {
	if inner <= 2*productPart {
		return max(inner, 1), 1
	}
	return productPart, (inner + productPart - 1) / productPart
}

// parts adds n partial sums. Elements i*each to (i+1)*each-1 have bias i modulo
// the columns.
func (l *lowerer) parts(out, from ref, size, n, columns, each int, e epilogue) {
	v := e.values()
	l.run("parts", one(size, 64), 64, append([]any{out, from, size, n, v[0], v[1], columns, each}, v[2:]...)...)
}

// Terms of a sum that are added by one group: the order of a sum depends on the
// shapes alone.
const (
	weightPart  = 1024
	productPart = 256
)

// weight computes the gradient of weights.
func (l *lowerer) weight(w window, x, dy int, out ref) {
	t := kernels.Tiles[2]
	if w.rows > 32 {
		t = kernels.Tiles[0]
	}
	total, inner := 0, 0
	for _, c := range w.classes {
		total += w.rows * w.chans * len(c.taps)
		inner = max(inner, w.chans*len(c.taps))
	}
	n := (w.columns() + weightPart - 1) / weightPart
	plain := !w.up // packed weights are the weights
	sums, packed := out, out
	if !plain {
		packed = l.tensor(total, false)
		sums = packed
	}
	if n > 1 {
		sums = l.tensor(n*total, false)
	}
	d := l.describe(w, l.at[x], l.at[dy], 0, epilogue{}, nil)
	groups := [3]int{(inner + t.Cols - 1) / t.Cols, (w.rows + t.Rows - 1) / t.Rows, len(w.classes) * n}
	l.run("weight"+t.Name, groups, kernels.Threads, append(d, sums, n, weightPart, total)...)
	if n > 1 {
		l.parts(packed, sums, total, n, 1, 1, epilogue{})
	}
	if !plain {
		l.unpack(w, packed, out)
	}
}

// unpack adds the gradients of packed weights to those of the weights that they
// are sums of.
func (l *lowerer) unpack(w window, packed, out ref) {
	entries := make([][]int, w.kernel.volume())
	first := 0
	for _, c := range w.classes {
		for i, t := range c.taps {
			for _, q := range t.of {
				entries[q] = append(entries[q], first, len(c.taps), i)
			}
		}
		first += w.rows * w.chans * len(c.taps)
	}
	var lists []int
	for _, e := range entries {
		lists = append(lists, l.table(e), len(e)/3)
	}
	size := w.rows * w.chans * w.kernel.volume()
	l.run("unpack", one(size, 64), 64, out, packed, size, w.kernel.volume(), l.table(lists))
}
