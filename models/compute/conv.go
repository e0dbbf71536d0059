package compute

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"github.com/nodulescope/nodulescope/models/op"
	"gorgonia.org/tensor"
)

// convKernel is a convolution, or the adjoint of one in its data, as products
// with shifted windows of a zero-bordered copy of the input.
type convKernel struct {
	team    *team
	batch   int
	inSize  int // elements of one sample of the input
	outSize int
	volume  int // spatial elements of the output
	grid    grid
	classes []*windows
	load    []func(w []float32, row int) // per class: packs the weights of a row
	set     *kernel.Set
	arena   *arena      // holds the grids
	layout  string      // of the grids in it
	bufs    [][]float32 // grid buffer per worker, while it runs
	border  bool        // is still as an earlier run left it
	side    []float32   // the output with its samples side by side, [rows][volume][lanes], while it runs
	samples []int       // where the samples of a group begin in the output
	scratch [][]float32 // one tile per worker
	cover   bool        // every output element is written
	kind    string      // convolutions of one kind pack the same weights alike

	y, x, w []float32 // bound ahead, so that a run allocates nothing
	packed  *packed
	n       int      // sample in work, where all workers share one
	class   *windows // class in work
	doLoad  func(worker, part int)
	doClear func(worker, part int)
	doBatch func(worker, part int)
	doFill  func(worker, part int)
	doTiles func(worker, part int)
	doEmpty func(worker, part int)
}

func newConv(t *team, l layout, set *kernel.Set, c op.Conv, x, w, y tensor.Shape) *convKernel {
	pad, stride := onSpatial(x, c.Pad, 0), onSpatial(x, c.Stride, 1)
	in, size, out := spatialAxes(x), spatialAxes(w), spatialAxes(y)
	chans, rows, taps := x[1], w[0], size.volume()
	var reach axes
	for i := range 3 {
		reach[i] = (out[i]-1)*stride[i] + size[i]
	}
	k := &convKernel{team: t, batch: x[0], inSize: chans * in.volume(), outSize: rows * out.volume(), volume: out.volume(), cover: true, kind: fmt.Sprint("conv", c, x[1:])}
	k.grid = newGrid(chans, in, pad, stride, reach, set, l.lanes)
	win := newWindows(l.tile, rows, chans*taps, &k.grid, out, axes{}, axes{1, 1, 1}, out, func(off []int) {
		each(size, func(i int, q axes) {
			for ch := range chans {
				off[ch*taps+i] = l.lanes * k.grid.offset(ch, q)
			}
		})
	})
	k.add(win, func(w []float32, r int) {
		left := win.row(r)
		for p, v := range w[r*win.k:][:win.k] {
			left[p*l.tile.Rows] = v
		}
	})
	return k
}

// packed are the weights as the tiles want them.
type packed struct {
	left [][]float32 // per class
	run  int         // of the plan, in which they were packed; -1: never again
}

// newConvData splits dx by the phases of the stride: with i + pad = s*t + r,
// dx[i] is the sum over taps q = r + s*j of dy[t-j] * w[q], a convolution of
// dy with stride 1 and no product by zero.
func newConvData(t *team, l layout, set *kernel.Set, c op.Conv, w, dy, x tensor.Shape) *convKernel {
	pad, stride := onSpatial(x, c.Pad, 0), onSpatial(x, c.Stride, 1)
	in, size, out := spatialAxes(x), spatialAxes(w), spatialAxes(dy)
	chans, rows := dy[1], x[1]
	k := &convKernel{team: t, batch: x[0], inSize: chans * out.volume(), outSize: rows * in.volume(), volume: in.volume(), cover: true, kind: fmt.Sprint("data", c, x[1:])}
	var before, reach axes
	for i := range 3 {
		before[i] = (size[i] - 1) / stride[i]
		reach[i] = before[i] + (in[i]-1+pad[i])/stride[i] + 1
	}
	k.grid = newGrid(chans, out, before, axes{1, 1, 1}, reach, set, l.lanes)
	each(stride, func(_ int, r axes) {
		var first, at, n, taps axes // first t; where it lands; how many; taps of this phase
		for i := range 3 {
			first[i] = (max(0, pad[i]-r[i]) + stride[i] - 1) / stride[i]
			at[i] = stride[i]*first[i] + r[i] - pad[i]
			n[i] = max(0, (in[i]-at[i]+stride[i]-1)/stride[i])
			taps[i] = max(0, (size[i]-r[i]+stride[i]-1)/stride[i])
		}
		switch {
		case n.volume() == 0:
			return
		case taps.volume() == 0: // these elements take part in no product
			k.cover = false
			return
		}
		nt := taps.volume()
		q := make([]int, nt) // flat tap
		each(taps, func(i int, j axes) {
			q[i] = ((r[0]+stride[0]*j[0])*size[1]+r[1]+stride[1]*j[1])*size[2] + r[2] + stride[2]*j[2]
		})
		win := newWindows(l.tile, rows, chans*nt, &k.grid, n, at, stride, in, func(off []int) {
			each(taps, func(i int, j axes) {
				for ch := range chans {
					off[ch*nt+i] = l.lanes * k.grid.offset(ch, axes{first[0] + before[0] - j[0], first[1] + before[1] - j[1], first[2] + before[2] - j[2]})
				}
			})
		})
		k.add(win, func(w []float32, r int) {
			left, o := win.row(r), 0
			for ch := range chans {
				from := w[(ch*rows+r)*size.volume():][:size.volume()]
				for _, q := range q {
					left[o] = from[q]
					o += l.tile.Rows
				}
			}
		})
	})
	return k
}

// each calls f for every position below size, with its flat index.
func each(size axes, f func(i int, p axes)) {
	i := 0
	for z := range size[0] {
		for y := range size[1] {
			for x := range size[2] {
				f(i, axes{z, y, x})
				i++
			}
		}
	}
}

func (k *convKernel) add(w *windows, load func(w []float32, row int)) {
	k.classes = append(k.classes, w)
	k.load = append(k.load, load)
}

// cost is that of all products of a run, useful or not.
func (k *convKernel) cost() float64 {
	n := 0.0
	for _, w := range k.classes {
		n += w.cost()
	}
	return n * float64(k.groups())
}

// groups is how many times the grid is filled in a run.
func (k *convKernel) groups() int { return (k.batch + k.grid.lanes - 1) / k.grid.lanes }

// layout is how a convolution lies in tiles: which tile, and how many samples
// side by side.
type layout struct {
	lanes int
	tile  *kernel.Tile
}

// fastest builds a convolution in the layout of the least cost: small maps
// leave much of a tile empty, which a narrower one, or 16 or 32 samples side by
// side, may fill. What an element is the sum of, and in which order, is the
// same in every layout.
func fastest(set *kernel.Set, batch int, build func(layout) *convKernel) *convKernel {
	var best *convKernel
	least := 0.0
	for _, lanes := range []int{1, 16, 32} {
		if lanes > 1 && batch <= lanes/2 {
			break
		}
		for i := range set.Tiles {
			k := build(layout{lanes, &set.Tiles[i]})
			cost := k.cost()
			if lanes > 1 {
				cost *= 1.15 // filling and emptying lanes
			}
			if best == nil || cost < least {
				best, least = k, cost
			}
		}
	}
	return best
}

// build makes the tiles and reserves memory.
func (k *convKernel) build(set *kernel.Set, s *space) {
	for _, w := range k.classes {
		w.build()
	}
	n := min(k.team.size, k.batch)
	if k.grid.lanes > 1 {
		n = 1
	}
	g := &k.grid
	g.index()
	k.bufs = make([][]float32, n)
	k.layout = fmt.Sprint("grid ", n, g.chans, g.in, g.before, g.stride, g.size, g.lanes, g.plane)
	k.arena = &s.arena
	k.set = set
	k.arena.reserve(n*g.samples + k.sideSize())
	for i := range g.lanes {
		k.samples = append(k.samples, i*k.outSize)
	}
	size := 0
	for _, t := range set.Tiles {
		size = max(size, t.Rows*t.Cols)
	}
	k.scratch = shared(s, "tile", func() [][]float32 { return buffers(k.team.size, size) })
}

// sideSize is how many elements side has.
func (k *convKernel) sideSize() int {
	if k.grid.lanes == 1 {
		return 0
	}
	return k.outSize * k.grid.lanes
}

func buffers(n, size int) [][]float32 {
	b := make([][]float32, n)
	for i := range b {
		b[i] = make([]float32, size)
	}
	return b
}

// flops counts the products and sums that are needed: none for the border.
func (k *convKernel) flops() int {
	n := 0
	for _, w := range k.classes {
		n += 2 * w.rows * w.k * w.count
	}
	return n * k.batch
}

// bind fixes where y [N, rows, volume], x and the weights w are. Weights are
// packed once in a run for all steps that want them alike, and those that never
// change once for ever.
func (k *convKernel) bind(s *space, y, x, w []float32, constant bool) func() {
	k.y, k.x, k.w = y, x, w
	k.packed = shared(s, fmt.Sprintf("weights %p %s %dx%d", &w[0], k.kind, k.classes[0].tile.Rows, k.classes[0].tile.Cols), func() *packed {
		p := &packed{}
		for _, c := range k.classes {
			p.left = append(p.left, make([]float32, c.panel()))
		}
		return p
	})
	for i, c := range k.classes {
		c.left = k.packed.left[i]
	}
	// A worker packs whole row tiles, so that no two write to one cache line.
	tile := k.classes[0].tile.Rows
	k.doLoad = func(_, i int) {
		class, t := i%len(k.load), i/len(k.load)
		for r := t * tile; r < min(k.classes[0].rows, (t+1)*tile); r++ {
			k.load[class](k.w, r)
		}
	}
	k.doClear = func(_, i int) { clear(k.bufs[i]) }
	k.doBatch = func(worker, n int) {
		in, out, _ := k.group(n)
		buf := k.bufs[worker]
		for c := range k.grid.chans {
			k.grid.fill(k.set, buf, in, c, 1)
		}
		for _, win := range k.classes {
			for i := range win.tiles {
				win.run(k.set, i, buf, out, k.scratch[worker], k.volume)
			}
		}
	}
	k.doFill = func(_, c int) {
		in, _, n := k.group(k.n)
		if !k.border {
			clear(k.grid.channel(k.bufs[0], c))
		}
		k.grid.fill(k.set, k.bufs[0], in, c, n)
	}
	k.doTiles = func(worker, i int) {
		_, out, _ := k.group(k.n)
		if k.grid.lanes > 1 {
			out = k.side
		}
		k.class.run(k.set, i, k.bufs[0], out, k.scratch[worker], k.volume)
	}
	k.doEmpty = func(_, row int) {
		_, out, n := k.group(k.n)
		row *= k.volume
		k.set.Transpose(k.volume, n, k.side[row*k.grid.lanes:], k.grid.lanes, out[row:], k.samples)
	}
	if constant && k.packed.run >= 0 {
		k.pack()
		k.packed.run = -1
	}
	return func() {
		if k.packed.run >= 0 && k.packed.run != s.run {
			k.pack()
			k.packed.run = s.run
		}
		k.run()
	}
}

// pack packs the weights of all classes.
func (k *convKernel) pack() {
	w := k.classes[0]
	k.team.each(len(k.load)*up(w.rows, w.tile.Rows)/w.tile.Rows, k.doLoad)
}

// group returns the samples of the i-th filling of the grid, and their number.
func (k *convKernel) group(i int) (in, out []float32, n int) {
	lo := i * k.grid.lanes
	hi := min(lo+k.grid.lanes, k.batch)
	return k.x[lo*k.inSize : hi*k.inSize], k.y[lo*k.outSize : hi*k.outSize], hi - lo
}

// run computes y. Samples are shared out among the workers; where they lie in
// lanes or are fewer than the workers, all work on one group after the other.
func (k *convKernel) run() {
	if !k.cover {
		clear(k.y)
	}
	var memory []float32
	memory, k.border = k.arena.claim(len(k.bufs)*k.grid.samples+k.sideSize(), k.layout)
	k.side = memory[len(k.bufs)*k.grid.samples:]
	for i := range k.bufs {
		k.bufs[i] = memory[i*k.grid.samples:][:k.grid.samples]
	}
	if k.grid.lanes == 1 && k.batch >= k.team.size {
		if !k.border {
			k.team.each(len(k.bufs), k.doClear)
		}
		k.team.each(k.batch, k.doBatch)
		return
	}
	if !k.cover {
		clear(k.side)
	}
	for k.n = 0; k.n < k.groups(); k.n++ {
		k.team.each(k.grid.chans, k.doFill)
		k.border = true
		for _, k.class = range k.classes {
			k.team.each(len(k.class.tiles), k.doTiles)
		}
		if k.grid.lanes > 1 {
			k.team.each(k.outSize/k.volume, k.doEmpty)
		}
	}
}
