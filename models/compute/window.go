package compute

import (
	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"gorgonia.org/tensor"
)

// axes is a size, position or step along z, y, x. Two spatial axes are three
// of which the first has size 1.
type axes [3]int

func (a axes) volume() int { return a[0] * a[1] * a[2] }

// spatialAxes are the spatial sizes of a shape [N, C, spatial...].
func spatialAxes(s tensor.Shape) axes {
	a := axes{1, 1, 1}
	copy(a[5-len(s):], s[2:])
	return a
}

// onSpatial is v along the spatial axes of a shape, and flat along the others.
func onSpatial(s tensor.Shape, v, flat int) axes {
	a := axes{flat, flat, flat}
	for i := 5 - len(s); i < 3; i++ {
		a[i] = v
	}
	return a
}

// grid is a copy of one sample's channels with a border of zeros, split by the
// phases of a stride, so that all inputs of one tap of a strided convolution
// lie one after the other: the input of output position p for tap q is at
// plane(channel, phase of q) + flat(p) + flat(q / stride).
type grid struct {
	chans   int
	in      axes // size of the sample
	before  axes // zeros in front, per axis
	stride  axes
	size    axes  // of one phase
	lanes   int   // samples that lie side by side: one element of each, then the next position
	vector  int   // lanes that are moved at once
	plane   int   // positions from one phase to the next
	samples int   // elements of the buffer
	rows    []int // where fill puts row (z, y) of phase ph of channel 0: [z][y][ph]
	first   []int // first x of phase ph, per ph
	where   []int // of lanes: where fill puts the positions of channel 0
}

// newGrid lays out a grid that holds in, shifted by before, up to position
// reach (exclusive) of each axis before it is split. A kernel may read a tile's
// width beyond the last position of a plane.
func newGrid(chans int, in, before, stride, reach axes, set *kernel.Set, lanes int) grid {
	g := grid{chans: chans, in: in, before: before, stride: stride, lanes: lanes, vector: min(lanes, set.Width())}
	for i := range 3 {
		g.size[i] = (max(reach[i], before[i]+in[i]) + stride[i] - 1) / stride[i]
	}
	g.plane = g.size.volume() + (set.MaxCols()+lanes-1)/lanes
	g.samples = chans * stride.volume() * g.plane * lanes
	return g
}

// index finds ahead where fill puts each row.
func (g *grid) index() {
	s := g.stride[2]
	for ph := range s { // the first x whose padded position has this phase
		g.first = append(g.first, ((ph-g.before[2])%s+s)%s)
	}
	for z := range g.in[0] {
		for y := range g.in[1] {
			for _, x := range g.first {
				g.rows = append(g.rows, g.offset(0, axes{z + g.before[0], y + g.before[1], x + g.before[2]}))
			}
		}
	}
	if g.lanes > 1 {
		each(g.in, func(_ int, p axes) {
			g.where = append(g.where, g.lanes*g.offset(0, axes{p[0] + g.before[0], p[1] + g.before[1], p[2] + g.before[2]}))
		})
	}
}

func (g *grid) flat(p axes) int { return (p[0]*g.size[1]+p[1])*g.size[2] + p[2] }

// offset is where the window of tap q (counted from the first padded position)
// begins for channel c.
func (g *grid) offset(c int, q axes) int {
	var phase, shift axes
	for i := range 3 {
		phase[i], shift[i] = q[i]%g.stride[i], q[i]/g.stride[i]
	}
	ph := (phase[0]*g.stride[1]+phase[1])*g.stride[2] + phase[2]
	return (c*g.stride.volume()+ph)*g.plane + g.flat(shift)
}

// channel is what fill writes of channel c, with its border.
func (g *grid) channel(buf []float32, c int) []float32 {
	n := g.stride.volume() * g.plane * g.lanes
	return buf[c*n:][:n]
}

// fill copies channel c of the samples x [n][C, in...], one per lane, to the
// buffer. The border stays as it is: whoever claims the memory clears it.
func (g *grid) fill(set *kernel.Set, buf, x []float32, c, n int) {
	volume := g.in.volume()
	buf = g.channel(buf, c)
	x = x[c*volume:]
	if g.lanes == 1 {
		g.fillOne(buf, x[:volume])
		return
	}
	set.Transpose(n, volume, x, g.chans*volume, buf, g.where)
}

func (g *grid) fillOne(buf, src []float32) {
	n, step, rows := g.in[2], len(g.first), g.rows
	for ; len(src) > 0; src = src[n:] {
		for ph, first := range g.first {
			dst := buf[rows[ph]:]
			if step == 1 {
				copy(dst, src[:n])
				continue
			}
			o := 0
			for i := first; i < n; i += step {
				dst[o] = src[i]
				o++
			}
		}
		rows = rows[step:]
	}
}

// windows multiplies a matrix [rows, k] by the k shifted windows of a grid and
// writes the result to some positions of an output [rows, volume].
type windows struct {
	tile    *kernel.Tile
	rows    int
	k       int
	lanes   int
	count   int // output positions
	columns int // of all tiles
	fill    func()

	left  []float32 // packed [row tile][k][tile.Rows]
	off   []int     // [k], in elements
	tiles []windowTile
}

type windowTile struct {
	first int   // element of column 0
	at    []int // where the vectors of columns begin, from first; nil: side by side
	// Where columns go in the output of a row: without lanes one by one, with
	// lanes vectors, in an output [position][lane].
	moves []kernel.Move
}

// newWindows plans the output positions p < out, of which position p lands at
// at + p*step in an output of size dst; offsets fills in where the windows
// begin. Only the number of columns is known before build.
func newWindows(tile *kernel.Tile, rows, k int, g *grid, out, at, step, dst axes, offsets func(off []int)) *windows {
	w := &windows{tile: tile, rows: rows, k: k, lanes: g.lanes, count: out.volume()}
	if w.apart() {
		w.columns = up(w.count*g.lanes, tile.Cols)
	} else {
		end := 0
		each(out, func(_ int, p axes) {
			first := g.flat(p) * g.lanes
			for e := max(first, end); e < first+g.lanes; e = end {
				w.columns += tile.Cols
				end = e + tile.Cols
			}
		})
	}
	w.fill = func() {
		w.off = make([]int, k)
		offsets(w.off)
		each(out, func(_ int, p axes) {
			o := ((at[0]+p[0]*step[0])*dst[1]+at[1]+p[1]*step[1])*dst[2] + at[2] + p[2]*step[2]
			for lane := 0; lane < g.lanes; lane += g.vector {
				t, col := w.column(g.flat(p)*g.lanes+lane, lane)
				t.moves = append(t.moves, kernel.Move{int32(col), int32(o*g.lanes + lane)}) //nolint:gosec // far below 2^31
			}
		})
	}
	return w
}

// apart says whether vectors of columns are whole lanes, which need not lie
// side by side.
func (w *windows) apart() bool { return w.lanes%w.tile.Vec == 0 }

// build lays out the tiles.
func (w *windows) build() {
	w.fill()
	if w.fill = nil; w.lanes > 1 {
		w.complete()
	}
}

// column returns the tile and the column that element e of the grid, of some
// lane, falls into. Whole vectors of lanes need not lie side by side; other
// tiles begin at the first element that none before them covers.
func (w *windows) column(e, lane int) (t *windowTile, col int) {
	vec, last := w.tile.Vec, len(w.tiles)-1
	if !w.apart() {
		if last < 0 || e >= w.tiles[last].first+w.tile.Cols {
			w.tiles = append(w.tiles, windowTile{first: e})
			last++
		}
		return &w.tiles[last], e - w.tiles[last].first
	}
	if lane%vec == 0 {
		if last < 0 || len(w.tiles[last].at) == w.tile.Cols/vec {
			w.tiles = append(w.tiles, windowTile{})
			last++
		}
		w.tiles[last].at = append(w.tiles[last].at, e)
	}
	t = &w.tiles[last]
	return t, (len(t.at)-1)*vec + lane%vec
}

// complete fills up the last tile with what is thrown away.
func (w *windows) complete() {
	t := &w.tiles[len(w.tiles)-1]
	for t.at != nil && len(t.at) < w.tile.Cols/w.tile.Vec {
		t.at = append(t.at, t.at[0])
	}
}

// panel is how many elements the left matrix has.
func (w *windows) panel() int { return up(w.rows, w.tile.Rows) * w.k }

// cost is that of all products of one pass over the tiles, useful or not.
func (w *windows) cost() float64 { return w.tile.Cost * float64(w.columns*w.panel()) }

// row is where the left matrix holds a row: element p stands at p*tile.Rows.
func (w *windows) row(r int) []float32 {
	rows := w.tile.Rows
	return w.left[r/rows*w.k*rows+r%rows:]
}

// convBlock is how many products are summed up at a time: a sum of thousands in
// one register loses three times as many bits as a sum of sums.
const convBlock = 256

// run computes tile i from the grid buffer and stores it in dst [rows, volume],
// with lanes [rows, volume, lanes].
func (w *windows) run(set *kernel.Set, i int, buf, dst, scratch []float32, volume int) {
	t := &w.tiles[i]
	rows, cols := w.tile.Rows, w.tile.Cols
	for r0 := 0; r0 < w.rows; r0 += rows {
		left := w.left[r0*w.k:]
		for p := 0; p < w.k; p += convBlock {
			w.tile.Run(min(convBlock, w.k-p), left[p*rows:], buf[t.first:], w.off[p:], t.at, scratch, cols, p > 0)
		}
		n := min(rows, w.rows-r0)
		if w.lanes == 1 {
			store(dst[r0*volume:], scratch, t.moves, n, cols, volume)
		} else {
			set.Scatter(n, scratch, cols, dst[r0*volume*w.lanes:], volume*w.lanes, t.moves)
		}
	}
}

// store moves rows of a tile to where they belong.
func store(dst, src []float32, moves []kernel.Move, rows, cols, volume int) {
	r := 0
	for ; r+4 <= rows; r += 4 {
		a, b, c, d := src[r*cols:][:cols], src[(r+1)*cols:][:cols], src[(r+2)*cols:][:cols], src[(r+3)*cols:][:cols]
		p, q, s, t := dst[r*volume:], dst[(r+1)*volume:], dst[(r+2)*volume:], dst[(r+3)*volume:]
		for _, m := range moves {
			p[m[1]], q[m[1]], s[m[1]], t[m[1]] = a[m[0]], b[m[0]], c[m[0]], d[m[0]]
		}
	}
	for ; r < rows; r++ {
		a, p := src[r*cols:][:cols], dst[r*volume:]
		for _, m := range moves {
			p[m[1]] = a[m[0]]
		}
	}
}
