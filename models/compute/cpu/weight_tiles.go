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

const (
	// weightBlock is how many positions are multiplied at a time: a window and
	// the rows of as many stay in the first-level cache while they meet.
	weightBlock = 512
	// weightGroup is how many elements of the grid are filled at once: 8 MiB,
	// which the last level of cache holds beside the rows. The order of a sum
	// over the samples of a batch follows from it.
	weightGroup = 1 << 21
	// fewChannels is how many channels of the grid are too few for a tile, whose
	// columns they would leave mostly empty: that many fill one vector of AVX2.
	fewChannels = 8
)

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
