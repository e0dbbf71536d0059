package cpu

import "github.com/nodulescope/nodulescope/models/compute"

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

// at is where channel 0 of a position of a sample lies on the grid.
func (k *weightTiles) at(sample int, p compute.Axes) int {
	return (((sample*k.size[0]+p[0])*k.size[1]+p[1])*k.size[2] + p[2]) * k.pitch
}
