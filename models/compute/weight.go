package compute

import (
	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// convWeightKernel is the adjoint of a convolution in its weights: inner
// products of dy, laid out on the grid of x, with the shifted windows of x.
type convWeightKernel struct {
	team        *team
	dots        *kernel.Dots
	batch       int
	rows, cols  int // of dw, cols = channels x taps
	x, dy       grid
	n           int // length of the products
	off         []int
	bufX, bufDY []float32
	sums        []float32 // [row tile][column tile][Rows*Cols]
	swap        bool      // dy is on the grid and the rows are x
	place       func(dw []float32, row, col int, v float32)

	dwOut, xIn, dyIn []float32 // bound ahead
	none             []float32 // a sample of zeros
	group            int       // of lanes, in work
	doFill, doDots   func(worker, part int)
}

func newConvWeight(t *team, lanes int, set *kernel.Set, c op.Conv, x, dy, w tensor.Shape) *convWeightKernel {
	size := spatialAxes(w)
	taps := size.volume()
	k := &convWeightKernel{team: t, dots: &set.Dots, batch: x[0]}
	pad, stride := onSpatial(x, c.Pad, 0), onSpatial(x, c.Stride, 1)
	gridShape, rowShape := x, dy
	if w[0] < set.Dots.Rows && w[0] < w[1] && c.Stride == 1 {
		// dw[k,c,q] = sum of x[c,i] * dy[k,i+pad-q]: the roles change and the
		// taps run backwards.
		k.swap = true
		gridShape, rowShape = dy, x
		for i := range 3 {
			pad[i] = size[i] - 1 - pad[i]
		}
	}
	in, out := spatialAxes(gridShape), spatialAxes(rowShape)
	k.rows, k.cols = rowShape[1], gridShape[1]*taps
	k.place = func(dw []float32, row, col int, v float32) { dw[row*k.cols+col] = v }
	if k.swap {
		k.place = func(dw []float32, row, col int, v float32) {
			dw[(col/taps*k.rows+row)*taps+taps-1-col%taps] = v
		}
	}
	var reach axes
	for i := range 3 {
		reach[i] = (out[i]-1)*stride[i] + size[i]
	}
	k.x = newGrid(gridShape[1], in, pad, stride, reach, slack(set), lanes)
	k.layout(set, out)
	each(size, func(i int, q axes) {
		for ch := range gridShape[1] {
			k.off[ch*taps+i] = lanes * k.x.offset(ch, q)
		}
	})
	return k
}

func (k *convWeightKernel) buffers() {
	rowTiles, colTiles := k.tilesOf()
	k.bufX = make([]float32, k.x.samples)
	k.bufDY = make([]float32, rowTiles*k.dots.Rows*k.n)
	k.sums = make([]float32, rowTiles*colTiles*k.dots.Rows*k.dots.Cols)
	if k.batch%k.x.lanes != 0 {
		k.none = make([]float32, max(k.x.chans*k.x.in.volume(), k.dy.chans*k.dy.in.volume()))
	}
}

// layout decides where the rows lie. The rows, of size out, lie on the pitch of the
// grid, without border and in one phase.
func (k *convWeightKernel) layout(set *kernel.Set, out axes) {
	last := k.x.flat(axes{out[0] - 1, out[1] - 1, out[2] - 1})
	lanes := k.x.lanes
	positions := last + 1
	for positions*lanes%set.Dots.Step != 0 {
		positions++
	}
	k.n = positions * lanes
	k.dy = grid{chans: k.rows, in: out, stride: axes{1, 1, 1}, size: k.x.size, lanes: lanes, plane: positions}
	k.dy.index()
	_, colTiles := k.tilesOf()
	k.off = make([]int, colTiles*set.Dots.Cols) // columns beyond the last repeat offset 0
}

func (k *convWeightKernel) groups() int { return (k.batch + k.x.lanes - 1) / k.x.lanes }

// fastestWeight builds the products with samples one after the other, or side
// by side in lanes where the maps are so small that adding up a vector of
// partial sums costs more than the products.
func fastestWeight(batch int, build func(lanes int) *convWeightKernel) *convWeightKernel {
	best := build(1)
	cost := func(k *convWeightKernel) int { return k.groups() * (k.n*k.dots.Rows*k.dots.Cols/k.dots.Step + 150) }
	for _, lanes := range []int{16, 32} {
		if batch <= lanes/2 {
			break
		}
		if k := build(lanes); cost(k) < cost(best)*4/5 {
			best = k
		}
	}
	best.buffers()
	return best
}

func (k *convWeightKernel) tilesOf() (rows, cols int) {
	return (k.rows + k.dots.Rows - 1) / k.dots.Rows, (k.cols + k.dots.Cols - 1) / k.dots.Cols
}

// flops counts the products and sums that are needed.
func (k *convWeightKernel) flops() int { return 2 * k.batch * k.rows * k.cols * k.dy.in.volume() }

// bind fixes where dw, x and dy are.
func (k *convWeightKernel) bind(dw, x, dy []float32) func() {
	if k.swap {
		x, dy = dy, x
	}
	k.dwOut, k.xIn, k.dyIn = dw, x, dy
	inX, inDY := k.x.chans*k.x.in.volume(), k.dy.chans*k.dy.in.volume()
	k.doFill = func(_, i int) {
		c, lane := i/k.x.lanes, i%k.x.lanes
		n := k.group*k.x.lanes + lane
		to, buf, from, size := &k.x, k.bufX, k.xIn, inX
		if c >= k.x.chans {
			to, buf, from, size, c = &k.dy, k.bufDY, k.dyIn, inDY, c-k.x.chans
		}
		if n < k.batch {
			to.fill(buf, from[n*size:(n+1)*size], c, lane)
		} else { // a lane without a sample adds nothing
			to.fill(buf, k.none[:size], c, lane)
		}
	}
	d := k.dots
	rowTiles, colTiles := k.tilesOf()
	k.doDots = func(_, i int) {
		// Tiles of one column after the other: its windows stay in cache.
		c, r := i/rowTiles, i%rowTiles
		o := (r*colTiles + c) * d.Rows * d.Cols
		d.Run(k.n, k.bufDY[r*d.Rows*k.n:], k.n, k.bufX, k.off[c*d.Cols:], k.sums[o:o+d.Rows*d.Cols])
	}
	return k.run
}

// run computes dw. Samples are added in order, whatever the number of workers.
func (k *convWeightKernel) run() {
	d := k.dots
	rowTiles, colTiles := k.tilesOf()
	clear(k.sums)
	for k.group = 0; k.group < k.groups(); k.group++ {
		k.team.each((k.x.chans+k.dy.chans)*k.x.lanes, k.doFill)
		k.team.each(rowTiles*colTiles, k.doDots)
	}
	clear(k.dwOut)
	for r := range k.rows {
		for j := range k.cols {
			o := (r/d.Rows*colTiles + j/d.Cols) * d.Rows * d.Cols
			k.place(k.dwOut, r, j, k.sums[o+r%d.Rows*d.Cols+j%d.Cols])
		}
	}
}
