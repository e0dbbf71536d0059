package compute

import (
	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// weightGrad is the adjoint of a convolution in its weights: for every channel
// of one tensor, the rows, and every window of every channel of the other, on
// a zero-bordered grid, the inner product over samples and positions.
type weightGrad struct {
	batch                 int
	rows, chans           int  // channels of the rows and of the grid
	out, in               axes // spatial sizes of the rows and of the grid
	before, stride, reach axes // of the grid
	swap                  bool // dy is on the grid and the rows are x
	parts                 []weightPart
}

// weightPart is a block of positions and what they meet.
type weightPart struct {
	from, count axes
	starts      []axes // where on the grid the windows of position from begin
	// place adds the products of a row with window start of channels ch,
	// ch+1, ... to dw.
	place func(dw []float32, row, ch, start int, v []float32)
}

// newConvWeight describes dw[k,c,q] = sum over i of dy[k,i] * x[c,stride*i+q-pad].
func newConvWeight(c op.Conv, x, dy, w tensor.Shape) weightGrad {
	size := spatialAxes(w)
	taps := size.volume()
	g := weightGrad{batch: x[0], before: onSpatial(x, c.Pad, 0), stride: onSpatial(x, c.Stride, 1)}
	gridShape, rowShape := x, dy
	if w[0] < w[1] && w[0] < fewChannels && c.Stride == 1 {
		// dw[k,c,q] = sum of x[c,i] * dy[k,i+pad-q]: the roles change and the
		// taps run backwards.
		g.swap = true
		gridShape, rowShape = dy, x
		for i := range 3 {
			g.before[i] = size[i] - 1 - g.before[i]
		}
	}
	g.in, g.out, g.chans, g.rows = spatialAxes(gridShape), spatialAxes(rowShape), gridShape[1], rowShape[1]
	for i := range 3 {
		g.reach[i] = (g.out[i]-1)*g.stride[i] + size[i]
	}
	part := weightPart{count: g.out, place: func(dw []float32, row, ch, start int, v []float32) {
		for i, v := range v {
			dw[(row*g.chans+ch+i)*taps+start] = v
		}
	}}
	if g.swap {
		part.place = func(dw []float32, row, ch, start int, v []float32) {
			for i, v := range v {
				dw[((ch+i)*g.rows+row)*taps+taps-1-start] = v
			}
		}
	}
	each(size, func(_ int, q axes) { part.starts = append(part.starts, q) })
	g.parts = []weightPart{part}
	return g
}

// flops counts the products and sums that are needed.
func (g *weightGrad) flops() int {
	n := 0
	for _, p := range g.parts {
		n += 2 * g.batch * g.rows * g.chans * len(p.starts) * p.count.volume()
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
