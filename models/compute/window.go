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
	plane   int   // distance from one phase to the next
	samples int   // elements of the buffer
	rows    []int // where fill puts row (z, y) of phase ph of channel 0: [z][y][ph]
	first   []int // first x of phase ph, per ph
}

// newGrid lays out a grid that holds in, shifted by before, up to position
// reach (exclusive) of each axis before it is split. slack is how far a kernel
// reads beyond the last position of a plane.
func newGrid(chans int, in, before, stride, reach axes, slack int) grid {
	g := grid{chans: chans, in: in, before: before, stride: stride}
	for i := range 3 {
		g.size[i] = (max(reach[i], before[i]+in[i]) + stride[i] - 1) / stride[i]
	}
	g.plane = g.size.volume() + slack
	g.samples = chans * stride.volume() * g.plane
	g.index()
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

// fill copies channel c of a sample x [C, in...] into the buffer. The border
// stays as it is: zero since the buffer was made.
func (g *grid) fill(buf, x []float32, c int) {
	n := g.in[2]
	src := x[c*g.in.volume() : (c+1)*g.in.volume()]
	buf = buf[c*g.stride.volume()*g.plane:]
	rows := g.rows
	for ; len(src) > 0; src = src[n:] {
		for ph, first := range g.first {
			dst := buf[rows[ph]:]
			if len(g.first) == 1 {
				copy(dst, src[:n])
				continue
			}
			for i, o := first, 0; i < n; i, o = i+len(g.first), o+1 {
				dst[o] = src[i]
			}
		}
		rows = rows[len(g.first):]
	}
}

// run is a piece of a tile that lands in the output: n values from column col
// go to offset at, at+step, ...
type run struct{ col, n, at, step int }

// windows multiplies a matrix [rows, k] by the k shifted windows of a grid and
// writes the result to some positions of an output [rows, volume].
type windows struct {
	tile  *kernel.Tile
	rows  int
	k     int
	left  []float32 // packed [row tile][k][tile.Rows]
	off   []int     // [k]
	tiles []windowTile
	count int // output positions
}

type windowTile struct {
	first int // grid position of column 0
	runs  []run
}

// newWindows plans the output positions p < out, of which position p lands at
// at + p*step in an output of size dst.
func newWindows(set *kernel.Set, rows, k int, g *grid, out, at, step, dst axes) *windows {
	w := &windows{tile: &set.Wide, rows: rows, k: k, off: make([]int, k), count: out.volume()}
	if rows == 1 {
		w.tile = &set.Row
	}
	w.left = make([]float32, (rows+w.tile.Rows-1)/w.tile.Rows*w.tile.Rows*k)
	last := g.flat(axes{out[0] - 1, out[1] - 1, out[2] - 1})
	for first := 0; first <= last; first += w.tile.Cols {
		t := windowTile{first: first}
		for col := 0; col < w.tile.Cols && first+col <= last; {
			p := first + col
			x, y, z := p%g.size[2], p/g.size[2]%g.size[1], p/(g.size[1]*g.size[2])
			n := min(g.size[2]-x, w.tile.Cols-col)
			if y < out[1] && x < out[2] {
				o := ((at[0]+z*step[0])*dst[1]+at[1]+y*step[1])*dst[2] + at[2] + x*step[2]
				t.runs = append(t.runs, run{col, min(n, out[2]-x), o, step[2]})
			}
			col += n
		}
		if len(t.runs) > 0 {
			w.tiles = append(w.tiles, t)
		}
	}
	return w
}

// set stores element (row, p) of the left matrix.
func (w *windows) set(row, p int, v float32) {
	r := w.tile.Rows
	w.left[(row/r*w.k+p)*r+row%r] = v
}

// run computes tile i from the grid buffer and stores it in dst [rows, volume].
func (w *windows) run(i int, buf, dst, scratch []float32, volume int) {
	t := &w.tiles[i]
	rows, cols := w.tile.Rows, w.tile.Cols
	for r0 := 0; r0 < w.rows; r0 += rows {
		w.tile.Run(w.k, w.left[r0*w.k:], buf[t.first:], w.off, scratch, cols, false)
		for r := range min(rows, w.rows-r0) {
			src, out := scratch[r*cols:(r+1)*cols], dst[(r0+r)*volume:(r0+r+1)*volume]
			for _, s := range t.runs {
				if s.step == 1 {
					copy(out[s.at:s.at+s.n], src[s.col:])
					continue
				}
				at := s.at
				for _, v := range src[s.col : s.col+s.n] {
					out[at] = v
					at += s.step
				}
			}
		}
	}
}
