package cpu

import (
	"slices"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// weightGrad is the adjoint of a convolution in its weights: for every channel
// of one tensor, the rows, and every window of every channel of the other, on
// a zero-bordered grid, the inner product over samples and positions.
type weightGrad struct {
	batch       int
	rows, chans int          // channels of the rows and of the grid
	out, in     compute.Axes // spatial sizes of the rows and of the grid
	bounds                   // of the grid
	swap        bool         // dy is on the grid and the rows are x
	parts       []weightPart
}

// weightPart is a block of positions and what they meet.
type weightPart struct {
	from, count compute.Axes
	starts      []compute.Axes // where on the grid the windows of position from begin
	// place adds the products of a row with window start of channels ch,
	// ch+1, ... to dw.
	place func(dw []float32, row, ch, start int, v []float32)
}

// newWeightGrad describes the weight gradient of a convolution of x with the
// output's gradient dy: the windows of dy's positions in x, or of x's positions
// in dy. The latter is right for an upsampled x, which is then read once, and
// for few rows.
func newWeightGrad(o op.ConvWeight, up bool, x, dy, dw tensor.Shape) weightGrad {
	w := compute.NewWindow(o, up, []tensor.Shape{x, dy}, dw)
	swap := up || (dw[0] < dw[1] && dw[0] < fewChannels && o.Stride == 1)
	if swap {
		w = w.Adjoint(o, up)
	}
	b := boundsOf(w.Classes)
	if up {
		// More than the windows reach: how many samples are filled at once, and
		// so the order of a sum over many, follows from the size of the grid.
		two := compute.OnSpatial(x, 2, 0)
		b.before, b.reach = two, two.Plus(two).Plus(compute.SpatialAxes(dy))
	}
	g := weightGrad{batch: w.In[0], rows: w.Rows, chans: w.Chans, out: compute.SpatialAxes(w.Out), in: compute.SpatialAxes(w.In), bounds: b, swap: swap}
	for _, c := range w.Classes {
		taps := slices.Clone(c.Taps) // neighbours side by side: what few channels copy is then in longer pieces
		slices.SortStableFunc(taps, func(a, b compute.Tap) int { return slices.Compare(a.At[:], b.At[:]) })
		part := weightPart{from: c.First, count: c.Count}
		for _, t := range taps {
			part.starts = append(part.starts, t.At.Plus(b.before))
		}
		part.place = func(dw []float32, row, ch, start int, v []float32) {
			for i, v := range v {
				at := row*w.RowStep + (ch+i)*w.ChanStep
				for _, q := range taps[start].Of {
					dw[at+q] += v
				}
			}
		}
		if !up { // every weight has one window
			part.place = func(dw []float32, row, ch, start int, v []float32) {
				at := row*w.RowStep + taps[start].Of[0]
				for i, v := range v {
					dw[at+(ch+i)*w.ChanStep] = v
				}
			}
		}
		g.parts = append(g.parts, part)
	}
	return g
}

// flops counts the products and sums that are needed.
func (g *weightGrad) flops() int {
	n := 0
	for _, p := range g.parts {
		n += 2 * g.batch * g.rows * g.chans * len(p.starts) * p.count.Volume()
	}
	return n
}

// bind fixes where dw, x and dy are.
func (g weightGrad) bind(t *team, set *kernel.Set, s *space, dw, x, dy []float32) func() {
	if g.swap {
		x, dy = dy, x
	}
	return newWeightTiles(t, set, s, g).bind(dw, x, dy)
}
