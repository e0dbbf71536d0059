package gpu

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/gpu/internal/kernels"
)

// window is a convolution, or the adjoint of one, with the sizes that the
// kernels take.
type window struct {
	compute.Window
	up                  bool
	inVolume, outVolume int
}

func newWindow(s compute.ProgramStep) window {
	w := compute.NewWindow(s.Op, s.Up, s.Shapes, s.Shape)
	return window{w, s.Up, compute.SpatialAxes(w.In).Volume(), compute.SpatialAxes(w.Out).Volume()}
}

// lead is how many rows packed weights have: whole tiles, or four.
func (w window) lead(t kernels.Tile) int {
	if w.few() {
		return fewRows
	}
	return (w.Rows + t.Rows - 1) / t.Rows * t.Rows
}

// few says whether the rows would leave most of a tile empty.
func (w window) few() bool { return w.Rows <= fewRows }

const (
	fewRows    = 4  // what conv_few computes in one work item
	narrowRows = 32 // at most half of the rows of the large tile: a small one leaves less of it empty
)

// tile is the size of the tiles that suits the rows.
func (w window) tile() kernels.Tile {
	if w.Rows <= narrowRows {
		return kernels.Tiles[1]
	}
	return kernels.Tiles[0]
}

// columns is the most positions of a class.
func (w window) columns() int {
	n := 0
	for _, c := range w.Classes {
		n = max(n, w.In[0]*c.Count.Volume())
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
	ins, outs := compute.SpatialAxes(w.In), compute.SpatialAxes(w.Out)
	taps := make([]int, len(w.Classes))
	for i, c := range w.Classes {
		list := make([]int, 0, 4*w.Chans*len(c.Taps))
		for ch := range w.Chans {
			for _, t := range c.Taps {
				list = append(list, ch*w.inVolume+(t.At[0]*ins[1]+t.At[1])*ins[2]+t.At[2], t.At[0], t.At[1], t.At[2])
			}
		}
		taps[i] = l.table(list)
	}
	sums, values := 0, []any{}
	for i, c := range w.Classes {
		inner := w.Chans * len(c.Taps)
		for _, a := range []compute.Axes{c.Count, c.Stride, c.First, c.Step} {
			values = append(values, a[0], a[1], a[2])
		}
		values = append(values, inner, taps[i])
		if weights != nil {
			values = append(values, weights[i])
		} else {
			values = append(values, 0)
		}
		values = append(values, sums)
		sums += w.Rows * inner
	}
	classes := l.table(values...)
	d := []any{in, out, w.Rows, w.In[0], ins[0], ins[1], ins[2], outs[0], outs[1], outs[2],
		w.Chans * w.inVolume, w.Rows * w.outVolume, lead}
	return append(append(d, e.values()...), classes)
}

// pack packs weights for the classes: once for ever where they never change,
// and once in a run for all steps that want them alike.
func (l *lowerer) pack(w window, weights int, lead int) []ref {
	key := fmt.Sprint(weights, " ", w.Kind, " ", lead)
	if p, ok := l.packed[key]; ok {
		return p
	}
	frozen := l.prog.Frozen && l.prog.Tensors[weights].Kind == compute.Parameter
	var refs []ref
	var values []any
	largest := 0
	for _, c := range w.Classes {
		size := w.Chans * len(c.Taps) * lead
		largest = max(largest, size)
		refs = append(refs, l.tensor(max(size, 1), frozen))
		lists := make([]int, 0, 2*len(c.Taps))
		for _, t := range c.Taps {
			lists = append(lists, l.table(t.Of), len(t.Of))
		}
		values = append(values, refs[len(refs)-1], len(c.Taps), l.table(lists))
	}
	if largest > 0 {
		table := l.table(values...)
		do := l.run
		if frozen {
			do = l.runOnce
		}
		groups := one(largest, 64)
		groups[1] = len(w.Classes)
		do("pack", groups, 64, l.at[weights], w.Rows, w.Chans, w.RowStep, w.ChanStep, lead, table)
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
		groups[2] = len(w.Classes)
		l.run("conv_few", groups, 64, d...)
		return
	}
	inner, size := 0, w.Rows*w.outVolume*w.In[0]
	for _, c := range w.Classes {
		inner = max(inner, w.Chans*len(c.Taps))
	}
	part, n := split(inner)
	to, first := out, e
	if n > 1 {
		to, first = l.tensor(n*size, false), epilogue{}
	}
	d := l.describe(w, l.at[in], to, lead, first, packed)
	l.run("conv"+t.Name, [3]int{(w.columns() + t.Cols - 1) / t.Cols, lead / t.Rows, len(w.Classes) * n}, kernels.Threads, append(d, n, part, size)...)
	if n > 1 {
		l.parts(out, to, size, n, w.Rows, w.outVolume, e)
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
// shapes alone. A product has as many as the processor adds at a time, so that
// both are equally exact; a weight gradient more, since it has as many partial
// sums as weights.
const (
	weightPart  = 1024
	productPart = 256
)

// weight computes the gradient of weights.
func (l *lowerer) weight(w window, x, dy int, out ref) {
	t := kernels.Tiles[2]
	if w.Rows > narrowRows {
		t = kernels.Tiles[0]
	}
	total, inner := 0, 0
	for _, c := range w.Classes {
		total += w.Rows * w.Chans * len(c.Taps)
		inner = max(inner, w.Chans*len(c.Taps))
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
	groups := [3]int{(inner + t.Cols - 1) / t.Cols, (w.Rows + t.Rows - 1) / t.Rows, len(w.Classes) * n}
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
	entries := make([][]int, w.Kernel.Volume())
	first := 0
	for _, c := range w.Classes {
		for i, t := range c.Taps {
			for _, q := range t.Of {
				entries[q] = append(entries[q], first, len(c.Taps), i)
			}
		}
		first += w.Rows * w.Chans * len(c.Taps)
	}
	var lists []int
	for _, e := range entries {
		lists = append(lists, l.table(e), len(e)/3)
	}
	size := w.Rows * w.Chans * w.Kernel.Volume()
	l.run("unpack", one(size, 64), 64, out, packed, size, w.Kernel.Volume(), l.table(lists))
}
