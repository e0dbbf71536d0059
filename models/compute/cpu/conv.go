package cpu

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
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
	sides   [][]float32 // with lanes: the output of a group, [rows][volume][lanes], per grid buffer
	alone   bool        // each worker computes whole groups
	all     []cell      // the tiles of all classes,
	step    int         // of which a worker computes so many rows at a time
	samples []int       // where the samples of a group begin in the output
	scratch [][]float32 // one tile per worker
	cover   bool        // every output element is written
	kind    string      // convolutions of one kind pack the same weights alike

	then    *chain // changes the output in place; nil: nothing does
	thenAll func() // all of it at once

	y, x, w []float32 // bound ahead, so that a run allocates nothing
	packed  *packed
	n       int      // sample in work, where all workers share one
	class   *windows // class in work
	doLoad  func(worker, part int)
	doClear func(worker, part int)
	doGroup func(worker, part int)
	doFill  func(worker, part int)
	doTiles func(worker, part int)
	doCells func(worker, part int)
	doEmpty func(worker, part int)
}

// newConv lays out a convolution, or the adjoint of one in its data.
func newConv(t *team, l layout, set *kernel.Set, w compute.Window) *convKernel {
	in, out := compute.SpatialAxes(w.In), compute.SpatialAxes(w.Out)
	k := &convKernel{team: t, batch: w.In[0], inSize: w.Chans * in.Volume(), outSize: w.Rows * out.Volume(), volume: out.Volume(), cover: true, kind: w.Kind}
	b := boundsOf(w.Classes)
	k.grid = newGrid(w.Chans, in, b, set, l.lanes)
	for _, c := range w.Classes {
		taps := len(c.Taps)
		if taps == 0 { // these elements take part in no product
			k.cover = false
			continue
		}
		win := newWindows(l.tile, w.Rows, w.Chans*taps, &k.grid, c, out, func(off []int) {
			for ch := range w.Chans {
				for i, tap := range c.Taps {
					off[ch*taps+i] = l.lanes * k.grid.offset(ch, tap.At.Plus(b.before))
				}
			}
		})
		k.classes = append(k.classes, win)
		k.load = append(k.load, loader(w, c, win))
	}
	return k
}

// loader packs the weights of a row for a class.
func loader(w compute.Window, c compute.Class, win *windows) func(weights []float32, row int) {
	size, step := w.Kernel.Volume(), win.tile.Rows
	single := make([]int, 0, len(c.Taps)) // the weight of each tap, where each has one
	for _, t := range c.Taps {
		if len(t.Of) == 1 {
			single = append(single, t.Of[0])
		}
	}
	if len(single) == len(c.Taps) {
		return func(weights []float32, r int) {
			left, o := win.row(r), 0
			for ch := range w.Chans {
				from := weights[r*w.RowStep+ch*w.ChanStep:][:size]
				for _, q := range single {
					left[o] = from[q]
					o += step
				}
			}
		}
	}
	return func(weights []float32, r int) {
		left, o := win.row(r), 0
		for ch := range w.Chans {
			from := weights[r*w.RowStep+ch*w.ChanStep:][:size]
			for _, t := range c.Taps {
				left[o] = sumTaps(from, t.Of)
				o += step
			}
		}
	}
}

// sumTaps adds up some weights of a kernel.
func sumTaps(w []float32, of []int) float32 {
	var s float32
	for _, q := range of {
		s += w[q]
	}
	return s
}

// packed are the weights as the tiles want them.
type packed struct {
	left [][]float32 // per class
	run  int         // of the plan, in which they were packed; -1: never again
}

// cell is a tile of a class.
type cell struct {
	class *windows
	tile  int
}

// groups is how many times the grid is filled in a run.
func (k *convKernel) groups() int { return (k.batch + k.grid.lanes - 1) / k.grid.lanes }

// build makes the tiles and reserves memory.
func (k *convKernel) build(set *kernel.Set, s *space) {
	for _, w := range k.classes {
		w.build()
		for i := range w.tiles {
			k.all = append(k.all, cell{w, i})
		}
	}
	k.step = k.rowStep()
	g := &k.grid
	g.index()
	n := 1
	if k.alone = k.apart(); k.alone {
		n = k.team.size
	}
	k.bufs, k.sides = make([][]float32, n), make([][]float32, n)
	k.layout = fmt.Sprint("grid ", n, g.chans, g.in, g.before, g.stride, g.size, g.lanes, g.plane)
	k.arena = &s.arena
	k.set = set
	k.arena.reserve(n * (g.samples + k.sideSize()))
	for i := range g.lanes {
		k.samples = append(k.samples, i*k.outSize)
	}
	size := 0
	for _, t := range set.Tiles {
		size = max(size, t.Rows*t.Cols)
	}
	k.scratch = shared(s, "tile", func() [][]float32 { return buffers(k.team.size, size) })
}

// apart says whether workers take whole groups, each on a grid of its own, which
// its own cache then holds. Where few groups would leave one of them idle, they
// share each group.
func (k *convKernel) apart() bool {
	n, size := k.groups(), k.team.size
	return n >= size && (k.grid.lanes == 1 || n%size == 0 || n >= 4*size)
}

// rowStep is how many rows of a tile a worker computes before it goes on to the
// next tile, where all share one sample. Weights that are larger than the grid are
// read once by one worker, with the grid for each row tile; else all rows meet a
// window while it is in cache.
func (k *convKernel) rowStep() int {
	weights := 0
	for _, w := range k.classes {
		weights += w.panel()
	}
	if weights > k.grid.samples {
		return k.classes[0].tile.Rows
	}
	return k.outSize / k.volume
}

// sideSize is how many elements a side has.
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

// bind fixes where y [N, rows, volume], x and the weights w are. Weights are
// packed once in a run for all steps that want them alike, and those that never
// change once for ever.
// key tells weights apart.
func (k *convKernel) bind(s *space, y, x, w []float32, key string, constant bool) func() {
	k.y, k.x, k.w = y, x, w
	if len(k.classes) == 0 { // no element takes part in a product
		return func() {
			clear(y)
			if k.then != nil {
				k.thenAll()
			}
		}
	}
	k.packed = shared(s, fmt.Sprintf("weights %s %s %dx%d", key, k.kind, k.classes[0].tile.Rows, k.classes[0].tile.Cols), func() *packed {
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
	k.doGroup = func(worker, i int) {
		in, out, n := k.group(i)
		buf, dst := k.bufs[worker], k.target(worker, out)
		for c := range k.grid.chans {
			k.grid.fill(k.set, buf, in, c, n)
		}
		for _, win := range k.classes {
			for i := range win.tiles {
				win.run(k.set, i, 0, win.rows, buf, dst, k.scratch[worker], k.volume)
			}
		}
		if k.grid.lanes > 1 {
			for row := range k.outSize / k.volume {
				k.empty(worker, i, row, dst, out, n)
			}
		} else if k.pieces() {
			k.then.part(worker, i*k.outSize, (i+1)*k.outSize)
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
		k.class.run(k.set, i, 0, k.class.rows, k.bufs[0], k.target(0, out), k.scratch[worker], k.volume)
	}
	k.doCells = func(worker, i int) {
		_, out, _ := k.group(k.n)
		c, r := k.all[i%len(k.all)], i/len(k.all)*k.step
		c.class.run(k.set, c.tile, r, min(r+k.step, c.class.rows), k.bufs[0], out, k.scratch[worker], k.volume)
	}
	k.doEmpty = func(worker, row int) {
		_, out, n := k.group(k.n)
		k.empty(worker, k.n, row, k.sides[0], out, n)
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

// pieces says whether the chain runs on what a worker has just written: a sample,
// or one channel of it that is worth a block.
func (k *convKernel) pieces() bool {
	return k.then != nil && (k.grid.lanes > 1 && k.volume >= block || k.grid.lanes == 1 && k.alone)
}

// target is where the tiles of a group are stored: out, or with lanes a side.
func (k *convKernel) target(i int, out []float32) []float32 {
	if k.grid.lanes > 1 {
		return k.sides[i]
	}
	return out
}

// empty brings a row of a side to the n samples of a group, and finishes it.
func (k *convKernel) empty(worker, group, row int, side, out []float32, n int) {
	row *= k.volume
	k.set.Transpose(k.volume, n, side[row*k.grid.lanes:], k.grid.lanes, out[row:], k.samples)
	if !k.pieces() {
		return
	}
	for i := range n {
		lo := (group*k.grid.lanes+i)*k.outSize + row
		k.then.part(worker, lo, lo+k.volume)
	}
}

// run computes y. Groups of samples are shared out among the workers; where
// they are too few, all work on one after the other.
func (k *convKernel) run() {
	if !k.cover {
		clear(k.y)
	}
	var memory []float32
	memory, k.border = k.arena.claim(len(k.bufs)*(k.grid.samples+k.sideSize()), k.layout)
	for i := range k.bufs {
		k.bufs[i], memory = memory[:k.grid.samples], memory[k.grid.samples:]
	}
	for i := range k.sides {
		k.sides[i], memory = memory[:k.sideSize()], memory[k.sideSize():]
		if !k.cover {
			clear(k.sides[i])
		}
	}
	if k.alone {
		if !k.border {
			k.team.each(len(k.bufs), k.doClear)
		}
		k.team.each(k.groups(), k.doGroup)
	} else {
		k.runShared()
	}
	if k.then != nil && !k.pieces() {
		k.thenAll()
	}
}

// runShared has all workers work on one group after the other.
func (k *convKernel) runShared() {
	for k.n = 0; k.n < k.groups(); k.n++ {
		k.team.each(k.grid.chans, k.doFill)
		k.border = true
		if k.grid.lanes == 1 {
			k.team.each(len(k.all)*up(k.classes[0].rows, k.step)/k.step, k.doCells)
			continue
		}
		for _, k.class = range k.classes {
			k.team.each(len(k.class.tiles), k.doTiles)
		}
		k.team.each(k.outSize/k.volume, k.doEmpty)
	}
}
