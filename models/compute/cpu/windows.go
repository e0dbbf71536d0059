package cpu

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
)

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

// newWindows plans the positions of a class in an output of size dst; offsets
// fills in where the windows begin. Only the number of columns is known before
// build.
func newWindows(tile *kernel.Tile, rows, k int, g *grid, c compute.Class, dst compute.Axes, offsets func(off []int)) *windows {
	w := &windows{tile: tile, rows: rows, k: k, lanes: g.lanes, count: c.Count.Volume()}
	if w.apart() {
		w.columns = up(w.count*g.lanes, tile.Cols)
	} else {
		end := 0
		each(c.Count, func(_ int, p compute.Axes) {
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
		each(c.Count, func(_ int, p compute.Axes) {
			o := 0
			for i, n := range dst {
				o = o*n + c.First[i] + p[i]*c.Step[i]
			}
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

// run computes rows lo to hi-1 of tile i from the grid buffer and stores them in
// dst [rows, volume], with lanes [rows, volume, lanes]. lo is the first of a row
// tile.
func (w *windows) run(set *kernel.Set, i, lo, hi int, buf, dst, scratch []float32, volume int) {
	t := &w.tiles[i]
	rows, cols := w.tile.Rows, w.tile.Cols
	for r0 := lo; r0 < hi; r0 += rows {
		left := w.left[r0*w.k:]
		for p := 0; p < w.k; p += convBlock {
			w.tile.Run(min(convBlock, w.k-p), left[p*rows:], buf[t.first:], w.off[p:], t.at, scratch, cols, p > 0)
		}
		n := min(rows, hi-r0)
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
