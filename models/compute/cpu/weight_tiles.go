package cpu

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
)

// weightTiles computes a weightGrad as products of matrices: the rows, packed
// for the tile, times what they meet on the grid. Positions are the inner
// dimension, so that no border and no end of a row is ever multiplied. The
// columns are the channels of the grid, which lie side by side, for one window
// after the other; few channels would leave a tile empty, and then the columns
// are all windows of all channels, copied out for every position.
type weightTiles struct {
	weightGrad
	team  *team
	set   *kernel.Set
	tile  *kernel.Tile
	size  compute.Axes // of the grid
	few   bool         // all windows are copied out
	pitch int          // elements of one position: the columns, filled up to whole tiles
	group int          // samples that are filled at once
	*weightIndex
	grid   []float32 // [group][z][y][x][pitch]; where channels are few, [group][channel][z][y][x]; while it runs
	key    string    // of the memory that it claims
	border bool      // is still as an earlier run left it

	dwOut, xIn, rIn                           []float32 // bound ahead
	first                                     int       // sample of the group in work
	parallel                                  int       // parts in which a sample is filled
	doClear, doGrid, doFill, doTiles, doPlace func(worker, part int)
}

// weightIndex says where things lie. Steps of one geometry share it, and the
// memory.
type weightIndex struct {
	arena  *arena
	grids  int   // elements of the grid
	plane  []int // where the positions of a plane lie in it
	panels []weightPanel
}

// weightPanel is what a part of the positions needs.
type weightPanel struct {
	volume int       // positions
	runs   []int     // where the positions of a row along x begin, in a channel of the rows
	along  int       // positions of such a row
	lefts  int       // elements of left,
	rights int       // of right, where it is not the grid,
	sum    int       // and of sums
	left   []float32 // [row tile][group][position][tile.Rows]
	right  []float32 // the grid; where channels are few, [group][position][pitch]
	off    []int     // per sample of the group and position: where it is on the grid, from the first
	start  []int     // per window: where the one of the first position is
	sums   []float32 // [window][column tile][row tile][Rows*Cols]
	pieces []piece   // where channels are few: the columns of a position
}

// weightBlock is how many positions are multiplied at a time, so that a window
// and the rows stay in cache while they meet, and weightGroup how many elements
// of the grid are filled at once.
const (
	weightBlock = 512
	weightGroup = 1 << 21
)

// fewChannels is how many channels of the grid are too few for a tile.
const fewChannels = 8

func newWeightTiles(t *team, set *kernel.Set, s *space, g weightGrad) *weightTiles {
	k := &weightTiles{weightGrad: g, team: t, set: set, few: g.chans < fewChannels}
	columns := g.chans
	for i := range 3 {
		k.size[i] = max(g.reach[i], g.before[i]+g.in[i])
	}
	for _, p := range g.parts {
		if ps := k.pieces(p); k.few {
			columns = max(columns, ps[len(ps)-1].col+4) // none reaches into the next position
		}
	}
	least := 0.0
	for i := range set.Tiles {
		tile := &set.Tiles[i]
		cost := tile.Cost * float64(up(g.rows, tile.Rows)*up(columns, tile.Cols))
		if k.tile == nil || cost < least {
			k.tile, least = tile, cost
		}
	}
	k.pitch = up(columns, k.tile.Cols)
	sample := k.at(1, compute.Axes{})
	if k.few {
		sample = g.out.Volume() * k.pitch
	}
	k.group = min(g.batch, max(1, weightGroup/sample))
	k.key = fmt.Sprint("weight ", g.rows, g.chans, g.out, g.in, g.before, g.stride, k.size, k.group, k.pitch, k.tile.Rows, len(g.parts), g.parts[0].starts)
	k.weightIndex = shared(s, k.key, func() *weightIndex { return k.index(&s.arena) })
	return k
}

// index lays out what a run needs, one after the other in memory, the grid
// first.
func (k *weightTiles) index(a *arena) *weightIndex {
	x := &weightIndex{arena: a, grids: k.at(k.group, compute.Axes{})}
	if k.few { // a window is copied in pieces of four
		x.grids = k.group*k.chans*k.size.Volume() + 3
	}
	size := x.grids
	for _, p := range k.parts {
		b := k.panel(p)
		x.panels = append(x.panels, b)
		size += b.lefts + b.rights + b.sum
	}
	a.reserve(size)
	for y := range k.in[1] {
		for i := range k.in[2] {
			x.plane = append(x.plane, k.at(0, compute.Axes{0, y + k.before[1], i + k.before[2]}))
		}
	}
	return x
}

func (k *weightTiles) panel(p weightPart) weightPanel {
	b := weightPanel{volume: p.count.Volume(), along: p.count[2]}
	for z := range p.count[0] {
		for y := range p.count[1] {
			b.runs = append(b.runs, ((p.from[0]+z)*k.out[1]+p.from[1]+y)*k.out[2]+p.from[2])
		}
	}
	if k.few {
		b.start = []int{0}
		b.rights = k.group * b.volume * k.pitch
		for i := range k.group * b.volume {
			b.off = append(b.off, i*k.pitch)
		}
		b.pieces = k.pieces(p)
	} else {
		for _, s := range p.starts {
			b.start = append(b.start, k.at(0, s))
		}
		for s := range k.group {
			each(p.count, func(_ int, q compute.Axes) {
				b.off = append(b.off, k.at(s, compute.Axes{q[0] * k.stride[0], q[1] * k.stride[1], q[2] * k.stride[2]}))
			})
		}
	}
	rows := up(k.rows, k.tile.Rows)
	b.lefts = rows * len(b.off)
	b.sum = len(b.start) * rows * k.pitch
	return b
}

// claim takes the memory of a run.
func (k *weightTiles) claim() {
	size := k.grids
	for i := range k.panels {
		b := &k.panels[i]
		size += b.lefts + b.rights + b.sum
	}
	memory, kept := k.arena.claim(size, k.key)
	take := func(n int) []float32 {
		part := memory[:n]
		memory = memory[n:]
		return part
	}
	k.grid = take(k.grids)
	k.border = kept
	for i := range k.panels {
		b := &k.panels[i]
		b.left, b.right, b.sums = take(b.lefts), k.grid, take(b.sum)
		if k.few {
			b.right = take(b.rights)
		}
	}
}

// piece says that columns col to col+3 of a position begin at offset from of
// the grid of its sample. What a piece copies too much, the next overwrites.
type piece struct{ col, from int }

func (k *weightTiles) pieces(p weightPart) []piece {
	var ps []piece
	next := 0
	for c := range k.chans {
		for i, s := range p.starts {
			from := (((c*k.size[0]+s[0])*k.size[1] + s[1]) * k.size[2]) + s[2]
			if col := c*len(p.starts) + i; col == 0 || from != next || col-ps[len(ps)-1].col == 4 {
				ps = append(ps, piece{col, from})
			}
			next = from + 1
		}
	}
	return ps
}

// up is n filled up to a multiple of m.
func up(n, m int) int { return (n + m - 1) / m * m }

// at is where channel 0 of a position of a sample lies on the grid.
func (k *weightTiles) at(sample int, p compute.Axes) int {
	return (((sample*k.size[0]+p[0])*k.size[1]+p[1])*k.size[2] + p[2]) * k.pitch
}

func (k *weightTiles) bind(dw, x, r []float32) func() {
	k.dwOut, k.xIn, k.rIn = dw, x, r
	rows, cols := k.tile.Rows, k.tile.Cols
	rowTiles, colTiles := up(k.rows, rows)/rows, k.pitch/cols
	block := rows * cols
	planes, fill := k.in[0], k.fillPlane
	if k.few {
		planes, fill = k.out[0], k.fillWindows
	}
	k.doFill = func(_, i int) {
		sample, part := i/(planes+rowTiles), i%(planes+rowTiles)
		if part < planes {
			fill(sample, part)
		} else {
			k.fillRows(sample, part-planes)
		}
	}
	k.parallel = planes + rowTiles
	k.doClear = func(_, i int) {
		lo, hi := span(len(k.grid), i, k.team.size)
		clear(k.grid[lo:hi])
	}
	k.doGrid = func(_, i int) { k.fillChannel(i/k.chans, i%k.chans) }
	k.doTiles = func(_, part int) {
		for i := range k.panels {
			b := &k.panels[i]
			lo, hi := span(len(b.start)*colTiles, part, k.team.size)
			length := min(k.group, k.batch-k.first) * b.volume
			for p := 0; p < length; p += weightBlock {
				n := min(weightBlock, length-p)
				for i := lo; i < hi; i++ {
					right := b.right[b.start[i/colTiles]+i%colTiles*cols:]
					for t := range rowTiles {
						k.tile.Run(n, b.left[(t*len(b.off)+p)*rows:], right, b.off[p:], nil, b.sums[(i*rowTiles+t)*block:], cols, k.first+p > 0)
					}
				}
			}
		}
	}
	k.doPlace = func(_, t int) {
		for i := range k.panels {
			b := &k.panels[i]
			for row := t * rows; row < min(k.rows, (t+1)*rows); row++ {
				for s := range b.start {
					for c := range colTiles {
						o := ((s*colTiles+c)*rowTiles+t)*block + row%rows*cols
						k.place(&k.parts[i], row, s, c*cols, b.sums[o:o+cols])
					}
				}
			}
		}
	}
	return k.run
}

// fillPlane copies plane z of a sample of the group to the grid.
func (k *weightTiles) fillPlane(sample, z int) {
	volume, plane := k.in.Volume(), len(k.plane)
	src := k.xIn[(k.first+sample)*k.chans*volume+z*plane:]
	k.set.Transpose(k.chans, plane, src, volume, k.grid[k.at(sample, compute.Axes{z + k.before[0]}):], k.plane)
}

// fillChannel copies a channel of a sample of the group to the grid.
func (k *weightTiles) fillChannel(sample, c int) {
	n := k.in[2]
	src := k.xIn[((k.first+sample)*k.chans+c)*k.in.Volume():]
	dst := k.grid[(sample*k.chans+c)*k.size.Volume():]
	for z := range k.in[0] {
		for y := range k.in[1] {
			o := ((z+k.before[0])*k.size[1]+y+k.before[1])*k.size[2] + k.before[2]
			copy(dst[o:o+n], src[(z*k.in[1]+y)*n:])
		}
	}
}

// fillWindows copies what the positions of plane z of the rows meet.
func (k *weightTiles) fillWindows(sample, z int) {
	grid := k.grid[sample*k.chans*k.size.Volume():]
	for i := range k.panels {
		p, b := &k.parts[i], &k.panels[i]
		qz := z - p.from[0]
		if qz < 0 || qz >= p.count[0] {
			continue
		}
		dst := b.right[(sample*p.count[0]+qz)*p.count[1]*p.count[2]*k.pitch:]
		for qy := range p.count[1] {
			src := grid[(k.stride[0]*qz*k.size[1]+k.stride[1]*qy)*k.size[2]:]
			for range p.count[2] {
				for _, e := range b.pieces {
					*(*[4]float32)(dst[e.col:]) = *(*[4]float32)(src[e.from:])
				}
				src, dst = src[k.stride[2]:], dst[k.pitch:]
			}
		}
	}
}

// place hands the columns of a row from column first on to the part.
func (k *weightTiles) place(p *weightPart, row, start, first int, v []float32) {
	if !k.few {
		p.place(k.dwOut, row, first, start, v[:min(len(v), k.chans-first)])
		return
	}
	for j := range min(len(v), k.chans*len(p.starts)-first) {
		p.place(k.dwOut, row, (first+j)/len(p.starts), (first+j)%len(p.starts), v[j:j+1])
	}
}

// fillRows packs a row tile of a sample of the group.
func (k *weightTiles) fillRows(sample, t int) {
	volume, rows := k.out.Volume(), k.tile.Rows
	src := k.rIn[((k.first+sample)*k.rows+t*rows)*volume:]
	n := min(rows, k.rows-t*rows)
	for i := range k.panels {
		b := &k.panels[i]
		dst := b.left[(t*len(b.off)+sample*b.volume)*rows:]
		r := 0
		for ; r+4 <= n; r += 4 { // stores that lie side by side
			o := r
			for _, from := range b.runs {
				p, q := src[r*volume+from:][:b.along], src[(r+1)*volume+from:][:b.along]
				s, u := src[(r+2)*volume+from:][:b.along], src[(r+3)*volume+from:][:b.along]
				for i := range p {
					d := dst[o : o+4 : o+4]
					d[0], d[1], d[2], d[3] = p[i], q[i], s[i], u[i]
					o += rows
				}
			}
		}
		for ; r < n; r++ {
			o := r
			for _, from := range b.runs {
				for _, v := range src[r*volume+from:][:b.along] {
					dst[o] = v
					o += rows
				}
			}
		}
	}
}

// run computes dw. Samples are added in order, whatever the number of workers.
func (k *weightTiles) run() {
	k.claim()
	if !k.border {
		k.team.each(k.team.size, k.doClear)
	}
	for k.first = 0; k.first < k.batch; k.first += k.group {
		samples := min(k.group, k.batch-k.first)
		if k.few {
			k.team.each(samples*k.chans, k.doGrid)
		}
		k.team.each(samples*k.parallel, k.doFill)
		k.team.each(k.team.size, k.doTiles)
	}
	clear(k.dwOut)
	k.team.each(up(k.rows, k.tile.Rows)/k.tile.Rows, k.doPlace)
}
