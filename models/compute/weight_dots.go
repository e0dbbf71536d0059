package compute

import "github.com/nodulescope/nodulescope/models/compute/kernel"

// weightDots computes a weightGrad of one part as inner products along the positions: the
// rows lie on the pitch of the grid, without border and in one phase.
type weightDots struct {
	weightGrad
	starts     []axes
	team       *team
	dots       *kernel.Dots
	grid, left grid
	n          int // length of the products
	off        []int
	bufX, bufR []float32
	sums       []float32 // [row tile][column tile][Rows*Cols]

	dwOut, xIn, rIn []float32 // bound ahead
	sample          int       // in work
	doFill, doDots  func(worker, part int)
}

func newWeightDots(t *team, set *kernel.Set, g weightGrad) *weightDots {
	k := &weightDots{weightGrad: g, starts: g.parts[0].starts, team: t, dots: &set.Dots}
	k.grid = newGrid(g.chans, g.in, g.before, g.stride, g.reach, slack(set), 1)
	positions := k.grid.flat(axes{g.out[0] - 1, g.out[1] - 1, g.out[2] - 1}) + 1
	k.n = (positions + set.Dots.Step - 1) / set.Dots.Step * set.Dots.Step
	k.left = grid{chans: g.rows, in: g.out, stride: axes{1, 1, 1}, size: k.grid.size, lanes: 1, plane: k.n}
	k.left.index()
	rowTiles, colTiles := k.tilesOf()
	k.off = make([]int, colTiles*set.Dots.Cols) // columns beyond the last repeat offset 0
	for ch := range g.chans {
		for i, s := range k.starts {
			k.off[ch*len(k.starts)+i] = k.grid.offset(ch, s)
		}
	}
	k.bufX = make([]float32, k.grid.samples)
	k.bufR = make([]float32, rowTiles*k.dots.Rows*k.n)
	k.sums = make([]float32, rowTiles*colTiles*k.dots.Rows*k.dots.Cols)
	return k
}

func (k *weightDots) tilesOf() (rows, cols int) {
	return (k.rows + k.dots.Rows - 1) / k.dots.Rows, (k.chans*len(k.starts) + k.dots.Cols - 1) / k.dots.Cols
}

func (k *weightDots) bind(dw, x, r []float32) func() {
	k.dwOut, k.xIn, k.rIn = dw, x, r
	inX, inR := k.chans*k.in.volume(), k.rows*k.out.volume()
	k.doFill = func(_, c int) {
		if c < k.chans {
			k.grid.fill(k.bufX, k.xIn[k.sample*inX:(k.sample+1)*inX], c, 1)
		} else {
			k.left.fill(k.bufR, k.rIn[k.sample*inR:(k.sample+1)*inR], c-k.chans, 1)
		}
	}
	d := k.dots
	rowTiles, colTiles := k.tilesOf()
	k.doDots = func(_, i int) {
		// Tiles of one column after the other: its windows stay in cache.
		c, r := i/rowTiles, i%rowTiles
		o := (r*colTiles + c) * d.Rows * d.Cols
		d.Run(k.n, k.bufR[r*d.Rows*k.n:], k.n, k.bufX, k.off[c*d.Cols:], k.sums[o:o+d.Rows*d.Cols])
	}
	return k.run
}

// run computes dw. Samples are added in order, whatever the number of workers.
func (k *weightDots) run() {
	d := k.dots
	rowTiles, colTiles := k.tilesOf()
	clear(k.sums)
	for k.sample = 0; k.sample < k.batch; k.sample++ {
		k.team.each(k.chans+k.rows, k.doFill)
		k.team.each(rowTiles*colTiles, k.doDots)
	}
	clear(k.dwOut)
	for r := range k.rows {
		for j := range k.chans * len(k.starts) {
			o := (r/d.Rows*colTiles + j/d.Cols) * d.Rows * d.Cols
			at := o + r%d.Rows*d.Cols + j%d.Cols
			k.parts[0].place(k.dwOut, r, j/len(k.starts), j%len(k.starts), k.sums[at:at+1])
		}
	}
}
