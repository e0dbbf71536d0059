package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// FlowKind is how the layers of a Flow depend on columns.
type FlowKind string

// Kinds of a Flow.
const (
	MADE    FlowKind = "made"    // one layer: every column on those before it (Germain et al. 2015)
	MAF     FlowKind = "maf"     // several, the order reversed from one to the next (Papamakarios et al. 2017)
	RealNVP FlowKind = "realnvp" // several: one half of the columns on the other, in turn (Dinh et al. 2017)
)

// Flow is a density of rows of numbers, given others: the columns, and a context
// that they are conditional on. Each layer takes a mean from every column and
// divides by a deviation; both come from a network of two hidden layers whose
// weights are masked, so that no column depends on itself or on later ones. What
// is left is a standard normal variable.
type Flow struct {
	Kind    FlowKind
	Columns int // of a row
	Context int // numbers that are given; 0: none
	Layers  int // 1 for MADE
	Hidden  int // units of a hidden layer
}

// Validate says whether the density exists.
func (f Flow) Validate() error {
	switch {
	case f.Kind != MADE && f.Kind != MAF && f.Kind != RealNVP:
		return fmt.Errorf("models: there is no flow %q", f.Kind)
	case f.Columns < 2 || f.Columns > 1024 || f.Context < 0 || f.Context > 1024 || f.Hidden < 1 || f.Hidden > 4096:
		return fmt.Errorf("models: a flow of %d columns, %d given and %d hidden units: want 2 to 1024, up to 1024, and 1 to 4096", f.Columns, f.Context, f.Hidden)
	case f.Layers < 1 || f.Layers > 64 || f.Kind == MADE && f.Layers != 1:
		return fmt.Errorf("models: a flow of %d layers: want 1 to 64, and 1 for MADE", f.Layers)
	}
	return nil
}

func flowLayer(l int, part string) string { return fmt.Sprintf("flow.%d.%s", l, part) }

func (f Flow) specs() []spec {
	var s []spec
	for l := range f.Layers {
		s = append(s, linearSpecs(flowLayer(l, "first"), f.Columns, f.Hidden)...)
		if f.Context > 0 {
			s = append(s, spec{flowLayer(l, "given.weight"), []int{f.Context, f.Hidden}, f.Context})
		}
		s = append(s, linearSpecs(flowLayer(l, "second"), f.Hidden, f.Hidden)...)
		for _, part := range []string{"mean", "log_deviation"} {
			out := linearSpecs(flowLayer(l, part), f.Hidden, f.Columns)
			out[0].fanIn = 0 // a layer begins as nothing done
			s = append(s, out...)
		}
	}
	return s
}

// NewParams draws initial weights.
func (f Flow) NewParams(rng *rand.Rand) Params { return initial(f.specs(), rng) }

// degrees of the columns and of the hidden units of a layer: a hidden unit sees
// columns of its degree and below, a column hidden units of a lower degree than
// its own. What is given has degree 0.
func (f Flow) degrees(layer int) (columns, hidden []int) {
	columns, hidden = make([]int, f.Columns), make([]int, f.Hidden)
	most := 1 // degree of the last column
	for d := range columns {
		switch {
		case f.Kind == RealNVP && (d+layer)%2 == 0:
			columns[d] = 1
		case f.Kind == RealNVP:
			columns[d] = 2
		case layer%2 == 0:
			columns[d] = d + 1
		default:
			columns[d] = f.Columns - d
		}
		most = max(most, columns[d])
	}
	low := 1
	if f.Context > 0 {
		low = 0
	}
	for h := range hidden {
		hidden[h] = low + h%(most-low)
	}
	return columns, hidden
}

// mask writes 1 where a weight [in, out] counts.
func mask(w []float32, in, out []int, counts func(in, out int) bool) {
	for i, a := range in {
		for j, b := range out {
			w[i*len(out)+j] = 0
			if counts(a, b) {
				w[i*len(out)+j] = 1
			}
		}
	}
}

// fill writes the masks into a plan of the flow.
func (f Flow) fill(input func(name string) []float32) {
	notBelow, below := func(in, out int) bool { return out >= in }, func(in, out int) bool { return out > in }
	for l := range f.Layers {
		columns, hidden := f.degrees(l)
		mask(input(flowLayer(l, "first.mask")), columns, hidden, notBelow)
		mask(input(flowLayer(l, "second.mask")), hidden, hidden, notBelow)
		mask(input(flowLayer(l, "out.mask")), hidden, columns, below)
	}
}

// largestLogDeviation keeps a deviation within a factor of exp(3).
const largestLogDeviation = 3

// Surprise maps rows [N, Columns] and what is given [N, Context], both
// standardised, to the negative logarithm of their density, [N], in nats; given is
// nil without a context.
func (f Flow) Surprise(g *Graph, rows, given *gorgonia.Node) *gorgonia.Node {
	if g.Err != nil {
		return nil
	}
	layer := func(l int, name, mask string, in, out int, x *gorgonia.Node) *gorgonia.Node {
		w := g.Mul(g.param(flowLayer(l, name)+".weight"), g.Input(flowLayer(l, mask), in, out))
		return g.AddChannel(g.Do(op.MatMul{}, x, w), g.param(flowLayer(l, name)+".bias"))
	}
	x := rows
	var logs *gorgonia.Node // of all deviations
	for l := range f.Layers {
		h := layer(l, "first", "first.mask", f.Columns, f.Hidden, x)
		if f.Context > 0 {
			h = g.Add(h, g.Do(op.MatMul{}, given, g.param(flowLayer(l, "given.weight"))))
		}
		h = g.Unary(op.Tanh, h)
		h = g.Unary(op.Tanh, layer(l, "second", "second.mask", f.Hidden, f.Hidden, h))
		mean := layer(l, "mean", "out.mask", f.Hidden, f.Columns, h)
		a := layer(l, "log_deviation", "out.mask", f.Hidden, f.Columns, h)
		a = g.Scale(g.Unary(op.Tanh, g.Scale(a, 1.0/largestLogDeviation)), largestLogDeviation)
		x = g.Mul(g.Sub(x, mean), g.Unary(op.Exp, g.Scale(a, -1)))
		if logs == nil {
			logs = a
		} else {
			logs = g.Add(logs, a)
		}
	}
	if g.Err != nil {
		return nil
	}
	each := g.Add(g.Scale(g.Unary(op.Square, x), 0.5), logs)
	return g.Shift(g.SumRows(each), 0.5*float64(f.Columns)*math.Log(2*math.Pi))
}

// NewGraph starts a graph for this density.
func (f Flow) NewGraph(dtype tensor.Dtype) *Graph { return newGraph(dtype, f.specs()) }
