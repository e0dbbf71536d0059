package compute

import "github.com/nodulescope/nodulescope/models/compute/kernel"

// weightTiles computes a weightGrad as products of matrices: the rows, packed
// for the tile, times what they meet on the grid. Positions are the inner
// dimension, so that no border and no end of a row is ever multiplied. The
// columns are the channels of the grid, which lie side by side, for one window
// after the other; few channels would leave a tile empty, and then the columns
// are all windows of all channels, copied out for every position.
type weightTiles struct {
	weightGrad
	team   *team
	tile   *kernel.Tile
	size   axes      // of the grid
	few    bool      // all windows are copied out
	pitch  int       // elements of one position: the columns, filled up to whole tiles
	group  int       // samples that are filled at once
	grid   []float32 // [group][z][y][x][pitch], unless few
	panels []weightPanel

	dwOut, xIn, rIn          []float32 // bound ahead
	first                    int       // sample of the group in work
	parallel                 int       // parts in which a sample is filled
	doFill, doTiles, doPlace func(worker, part int)
}

// weightPanel is what a part of the positions needs.
type weightPanel struct {
	volume int       // positions
	runs   []int     // where the positions of a row along x begin, in a channel of the rows
	along  int       // positions of such a row
	left   []float32 // [row tile][group][position][tile.Rows]
	right  []float32 // the grid; where channels are few, [group][position][pitch]
	off    []int     // per sample of the group and position: where it is on the grid, from the first
	start  []int     // per window: where the one of the first position is
	sums   []float32 // [window][column tile][row tile][Rows*Cols]
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

func newWeightTiles(t *team, set *kernel.Set, g weightGrad) *weightTiles {
	k := &weightTiles{weightGrad: g, team: t, few: g.chans < fewChannels}
	columns := g.chans
	if k.few {
		columns *= len(g.parts[0].starts)
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
	for i := range 3 {
		k.size[i] = max(g.reach[i], g.before[i]+g.in[i])
	}
	sample := k.at(1, axes{})
	if k.few {
		sample = g.out.volume() * k.pitch
	}
	k.group = min(g.batch, max(1, weightGroup/sample))
	if !k.few {
		k.grid = make([]float32, k.group*sample)
	}
	for _, p := range g.parts {
		k.panels = append(k.panels, k.panel(p))
	}
	return k
}

func (k *weightTiles) panel(p weightPart) weightPanel {
	b := weightPanel{volume: p.count.volume(), along: p.count[2]}
	for z := range p.count[0] {
		for y := range p.count[1] {
			b.runs = append(b.runs, ((p.from[0]+z)*k.out[1]+p.from[1]+y)*k.out[2]+p.from[2])
		}
	}
	b.right = k.grid
	if k.few {
		b.start = []int{0}
		b.right = make([]float32, k.group*b.volume*k.pitch)
		for i := range k.group * b.volume {
			b.off = append(b.off, i*k.pitch)
		}
	} else {
		for _, s := range p.starts {
			b.start = append(b.start, k.at(0, s))
		}
		for s := range k.group {
			each(p.count, func(_ int, q axes) {
				b.off = append(b.off, k.at(s, axes{q[0] * k.stride[0], q[1] * k.stride[1], q[2] * k.stride[2]}))
			})
		}
	}
	rows := up(k.rows, k.tile.Rows)
	b.left = make([]float32, rows*len(b.off))
	b.sums = make([]float32, len(b.start)*rows*k.pitch)
	return b
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
	volume, n, pitch := k.in.volume(), k.in[2], k.pitch
	for y := range k.in[1] {
		dst := k.grid[k.at(sample, axes{z + k.before[0], y + k.before[1], k.before[2]}):]
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

// fillWindows copies what the positions of plane z of the rows meet. What lies
// outside of the tensor stays zero.
func (k *weightTiles) fillWindows(sample, z int) {
	volume := k.in.volume()
	src := k.xIn[(k.first+sample)*k.chans*volume:][:k.chans*volume]
	for i := range k.panels {
		p, b := &k.parts[i], &k.panels[i]
		qz := z - p.from[0]
		if qz < 0 || qz >= p.count[0] {
			continue
		}
		for qy := range p.count[1] {
			dst := b.right[((sample*p.count[0]+qz)*p.count[1]+qy)*p.count[2]*k.pitch:]
			for s, start := range p.starts {
				gz, gy := k.stride[0]*qz+start[0]-k.before[0], k.stride[1]*qy+start[1]-k.before[1]
				if gz < 0 || gz >= k.in[0] || gy < 0 || gy >= k.in[1] {
					continue
				}
				for c := range k.chans {
					row := src[c*volume+(gz*k.in[1]+gy)*k.in[2]:][:k.in[2]]
					column, step := dst[c*len(p.starts)+s:], k.stride[2]
					gx, o := start[2]-k.before[2], 0
					for range p.count[2] {
						if uint(gx) < uint(len(row)) { //nolint:gosec // below zero is beyond the end
							column[o] = row[gx]
						}
						gx += step
						o += k.pitch
					}
				}
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
	volume, rows := k.out.volume(), k.tile.Rows
	for i := range k.panels {
		b := &k.panels[i]
		for r := range min(rows, k.rows-t*rows) {
			dst := b.left[(t*len(b.off)+sample*b.volume)*rows+r:]
			src, o := k.rIn[((k.first+sample)*k.rows+t*rows+r)*volume:][:volume], 0
			for _, from := range b.runs {
				for _, v := range src[from : from+b.along] {
					dst[o] = v
					o += rows
				}
			}
		}
	}
}

// run computes dw. Samples are added in order, whatever the number of workers.
func (k *weightTiles) run() {
	for k.first = 0; k.first < k.batch; k.first += k.group {
		samples := min(k.group, k.batch-k.first)
		k.team.each(samples*k.parallel, k.doFill)
		k.team.each(k.team.size, k.doTiles)
	}
	clear(k.dwOut)
	k.team.each(up(k.rows, k.tile.Rows)/k.tile.Rows, k.doPlace)
}
