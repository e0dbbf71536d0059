package cpu

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
)

// grid is a copy of one sample's channels with a border of zeros, split by the
// phases of a stride, so that all inputs of one tap of a strided convolution
// lie one after the other: the input of output position p for tap q is at
// plane(channel, phase of q) + flat(p) + flat(q / stride).
type grid struct {
	chans   int
	in      compute.Axes // size of the sample
	before  compute.Axes // zeros in front, per axis
	stride  compute.Axes
	size    compute.Axes // of one phase
	lanes   int          // samples that lie side by side: one element of each, then the next position
	vector  int          // lanes that are moved at once
	plane   int          // positions from one phase to the next
	samples int          // elements of the buffer
	rows    []int        // where fill puts row (z, y) of phase ph of channel 0: [z][y][ph]
	first   []int        // first x of phase ph, per ph
	where   []int        // of lanes: where fill puts the positions of channel 0
}

// bounds say how far the windows of some classes reach: from before zeros in
// front of the tensor up to position reach (exclusive), counted from there.
type bounds struct{ before, stride, reach compute.Axes }

func boundsOf(classes []compute.Class) bounds {
	b := bounds{stride: compute.Axes{1, 1, 1}}
	for _, c := range classes {
		b.stride = c.Stride // the same of all
		for _, t := range c.Taps {
			for i, at := range t.At {
				b.before[i] = max(b.before[i], -at)
				b.reach[i] = max(b.reach[i], (c.Count[i]-1)*c.Stride[i]+at+1)
			}
		}
	}
	b.reach = b.reach.Plus(b.before)
	return b
}

// newGrid lays out a grid that holds in and all that windows reach. A kernel may
// read a tile's width beyond the last position of a plane.
func newGrid(chans int, in compute.Axes, b bounds, set *kernel.Set, lanes int) grid {
	g := grid{chans: chans, in: in, before: b.before, stride: b.stride, lanes: lanes, vector: min(lanes, set.Width())}
	for i := range 3 {
		g.size[i] = (max(b.reach[i], b.before[i]+in[i]) + b.stride[i] - 1) / b.stride[i]
	}
	g.plane = g.size.Volume() + (set.MaxCols()+lanes-1)/lanes
	g.samples = chans * b.stride.Volume() * g.plane * lanes
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
				g.rows = append(g.rows, g.offset(0, g.before.Plus(compute.Axes{z, y, x})))
			}
		}
	}
	if g.lanes > 1 {
		each(g.in, func(_ int, p compute.Axes) {
			g.where = append(g.where, g.lanes*g.offset(0, p.Plus(g.before)))
		})
	}
}

func (g *grid) flat(p compute.Axes) int { return (p[0]*g.size[1]+p[1])*g.size[2] + p[2] }

// offset is where the window of tap q (counted from the first padded position)
// begins for channel c.
func (g *grid) offset(c int, q compute.Axes) int {
	var phase, shift compute.Axes
	for i := range 3 {
		phase[i], shift[i] = q[i]%g.stride[i], q[i]/g.stride[i]
	}
	ph := (phase[0]*g.stride[1]+phase[1])*g.stride[2] + phase[2]
	return (c*g.stride.Volume()+ph)*g.plane + g.flat(shift)
}

// channel is what fill writes of channel c, with its border.
func (g *grid) channel(buf []float32, c int) []float32 {
	n := g.stride.Volume() * g.plane * g.lanes
	return buf[c*n:][:n]
}

// fill copies channel c of the samples x [n][C, in...], one per lane, to the
// buffer. The border stays as it is: whoever claims the memory clears it.
func (g *grid) fill(set *kernel.Set, buf, x []float32, c, n int) {
	volume := g.in.Volume()
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

// each calls f for every position below size, with its flat index.
func each(size compute.Axes, f func(i int, p compute.Axes)) {
	i := 0
	for z := range size[0] {
		for y := range size[1] {
			for x := range size[2] {
				f(i, compute.Axes{z, y, x})
				i++
			}
		}
	}
}

// up is n filled up to a multiple of m.
func up(n, m int) int { return (n + m - 1) / m * m }
