package compute

import "github.com/nodulescope/nodulescope/models/compute/kernel"

// weightTiles computes a weightGrad as products of matrices: the rows, packed
// for the tile, times windows of the grid, whose channels lie side by side.
// Positions are the inner dimension, so that no border and no end of a row is
// ever multiplied.
type weightTiles struct {
	weightGrad
	team   *team
	tile   *kernel.Tile
	size   axes // of the grid
	pitch  int  // elements of one position: the channels, filled up to whole tiles
	group  int  // samples that are filled at once
	left   []float32
	right  []float32 // [group][z][y][x][pitch]
	off    []int     // per sample of the group and position
	start  []int     // per window
	sums   []float32 // [window][column tile][row tile][Rows*Cols]
	length int       // of the products of the group in work

	dwOut, xIn, rIn          []float32 // bound ahead
	first                    int       // sample of the group in work
	doFill, doTiles, doPlace func(worker, part int)
}

// weightBlock is how many positions are multiplied at a time, so that a window
// and the rows stay in cache while they meet, and weightGroup how many elements
// of the grid are filled at once.
const (
	weightBlock = 512
	weightGroup = 1 << 21
)

func newWeightTiles(t *team, set *kernel.Set, g weightGrad) *weightTiles {
	k := &weightTiles{weightGrad: g, team: t}
	least := 0.0
	for i := range set.Tiles {
		tile := &set.Tiles[i]
		cost := tile.Cost * float64(up(g.rows, tile.Rows)*up(g.chans, tile.Cols))
		if k.tile == nil || cost < least {
			k.tile, least = tile, cost
		}
	}
	k.pitch = up(g.chans, k.tile.Cols)
	for i := range 3 {
		k.size[i] = max(g.reach[i], g.before[i]+g.in[i])
	}
	k.group = min(g.batch, max(1, weightGroup/k.at(1, axes{})))
	for s := range k.group {
		each(g.out, func(_ int, p axes) {
			k.off = append(k.off, k.at(s, axes{p[0] * g.stride[0], p[1] * g.stride[1], p[2] * g.stride[2]}))
		})
	}
	for _, p := range g.starts {
		k.start = append(k.start, k.at(0, p))
	}
	k.left = make([]float32, up(g.rows, k.tile.Rows)*len(k.off))
	k.right = make([]float32, k.at(k.group, axes{}))
	k.sums = make([]float32, len(g.starts)*up(g.rows, k.tile.Rows)*k.pitch)
	return k
}

// up is n filled up to a multiple of m.
func up(n, m int) int { return (n + m - 1) / m * m }

// at is where channel 0 of a position of a sample lies on the grid.
func (k *weightTiles) at(sample int, p axes) int {
	return (((sample*k.size[0]+p[0])*k.size[1]+p[1])*k.size[2] + p[2]) * k.pitch
}

func (k *weightTiles) bind(dw, x, r []float32) func() {
	k.dwOut, k.xIn, k.rIn = dw, x, r
	rows, cols := k.tile.Rows, k.tile.Cols
	rowTiles, colTiles := up(k.rows, rows)/rows, k.pitch/cols
	block := rows * cols
	k.doFill = func(_, i int) {
		sample, part := i/(k.in[0]+rowTiles), i%(k.in[0]+rowTiles)
		if part < k.in[0] {
			k.fillPlane(sample, part)
		} else {
			k.fillRows(sample, part-k.in[0])
		}
	}
	k.doTiles = func(_, part int) {
		lo, hi := span(len(k.start)*colTiles, part, k.team.size)
		for p := 0; p < k.length; p += weightBlock {
			n := min(weightBlock, k.length-p)
			for i := lo; i < hi; i++ {
				right := k.right[k.start[i/colTiles]+i%colTiles*cols:]
				for t := range rowTiles {
					k.tile.Run(n, k.left[(t*len(k.off)+p)*rows:], right, k.off[p:], k.sums[(i*rowTiles+t)*block:], cols, k.first+p > 0)
				}
			}
		}
	}
	k.doPlace = func(_, t int) {
		for row := t * rows; row < min(k.rows, (t+1)*rows); row++ {
			for s := range k.start {
				for c := range colTiles {
					o := ((s*colTiles+c)*rowTiles+t)*block + row%rows*cols
					k.place(k.dwOut, row, c*cols, s, k.sums[o:o+min(cols, k.chans-c*cols)])
				}
			}
		}
	}
	return k.run
}

// fillPlane copies plane z of a sample of the group to the grid.
func (k *weightTiles) fillPlane(sample, z int) {
	volume, n, pitch := k.in.volume(), k.in[2], k.pitch
	for y := range k.in[1] {
		dst := k.right[k.at(sample, axes{z + k.before[0], y + k.before[1], k.before[2]}):]
		src := k.xIn[(k.first+sample)*k.chans*volume+(z*k.in[1]+y)*n:]
		c := 0
		for ; c+4 <= k.chans; c += 4 { // stores that lie side by side
			p, q, r, s := src[c*volume:][:n], src[(c+1)*volume:][:n], src[(c+2)*volume:][:n], src[(c+3)*volume:][:n]
			for i, o := 0, c; i < n; i, o = i+1, o+pitch {
				d := dst[o : o+4 : o+4]
				d[0], d[1], d[2], d[3] = p[i], q[i], r[i], s[i]
			}
		}
		for ; c < k.chans; c++ {
			o := c
			for _, v := range src[c*volume:][:n] {
				dst[o] = v
				o += pitch
			}
		}
	}
}

// fillRows packs a row tile of a sample of the group.
func (k *weightTiles) fillRows(sample, t int) {
	volume, rows := k.out.volume(), k.tile.Rows
	for r := range min(rows, k.rows-t*rows) {
		dst := k.left[(t*len(k.off)+sample*volume)*rows+r:]
		from, o := ((k.first+sample)*k.rows+t*rows+r)*volume, 0
		for _, v := range k.rIn[from : from+volume] {
			dst[o] = v
			o += rows
		}
	}
}

// run computes dw. Samples are added in order, whatever the number of workers.
func (k *weightTiles) run() {
	rowTiles := up(k.rows, k.tile.Rows) / k.tile.Rows
	for k.first = 0; k.first < k.batch; k.first += k.group {
		samples := min(k.group, k.batch-k.first)
		k.length = samples * k.out.volume()
		k.team.each(samples*(k.in[0]+rowTiles), k.doFill)
		k.team.each(k.team.size, k.doTiles)
	}
	clear(k.dwOut)
	k.team.each(rowTiles, k.doPlace)
}
