package compute

import (
	"fmt"

	"github.com/nodulescope/nodulescope/models/compute/kernel"
	"gorgonia.org/tensor"
)

// A 3-tap convolution (stride 1, pad 1) of an upsampled tensor reads every
// element twice along each axis: outputs 2a and 2a+1 see only a-1, a and a+1
// of the small tensor. With the weights of equal elements added up, it is two
// convolutions of two taps per axis: eight of 2³ taps in three axes, 3.4 times
// fewer products than 27 taps on the large tensor.

// upAxis is a class of output positions along one axis: 2*from+odd,
// 2*(from+1)+odd, ..., which see the small tensor at a+shift through the sum of
// some weights.
type upAxis struct {
	from, count, odd int
	taps             []upTap
}

type upTap struct {
	shift int
	of    []int // taps of the kernel that are added up
}

// upAxes are the classes along an axis that n elements are repeated and
// cropped to out.
func upAxes(n, out int, flat bool) []upAxis {
	if flat {
		return []upAxis{{0, 1, 0, []upTap{{0, []int{0}}}}}
	}
	as := []upAxis{
		{0, out / 2, 0, []upTap{{-1, []int{0}}, {0, []int{1, 2}}}},
		{0, out / 2, 1, []upTap{{0, []int{0, 1}}, {1, []int{2}}}},
	}
	if out < 2*n { // the last even position has nothing behind it
		as = append(as, upAxis{n - 1, 1, 0, []upTap{{-1, []int{0}}, {0, []int{1}}}})
	}
	return as
}

// sumTaps adds up some taps of a kernel.
func sumTaps(w []float32, of []int) float32 {
	var s float32
	for _, q := range of {
		s += w[q]
	}
	return s
}

// crossTaps lists the flat kernel taps (of size³) that the three axes' taps sum.
func crossTaps(size axes, z, y, x []int) []int {
	var of []int
	for _, a := range z {
		for _, b := range y {
			for _, c := range x {
				of = append(of, (a*size[1]+b)*size[2]+c)
			}
		}
	}
	return of
}

// newUpConv is Conv{1, 1}(Upsample(x), w) for kernels of 3 taps per axis.
func newUpConv(t *team, l layout, set *kernel.Set, x, w, y tensor.Shape) *convKernel {
	in, out, size := spatialAxes(x), spatialAxes(y), spatialAxes(w)
	flat, before, two := onSpatial(x, 0, 1), onSpatial(x, 1, 0), onSpatial(x, 2, 1)
	chans, rows := x[1], w[0]
	k := &convKernel{team: t, batch: x[0], inSize: chans * in.volume(), outSize: rows * out.volume(), volume: out.volume(), cover: true, kind: fmt.Sprint("up", x[1:], y[1:])}
	k.grid = newGrid(chans, in, before, axes{1, 1, 1}, axes{in[0] + 2*before[0], in[1] + 2*before[1], in[2] + 2*before[2]}, set, l.lanes)
	for _, cz := range upAxes(in[0], out[0], flat[0] == 1) {
		for _, cy := range upAxes(in[1], out[1], flat[1] == 1) {
			for _, cx := range upAxes(in[2], out[2], flat[2] == 1) {
				k.addUpClass(l.tile, rows, size, out, two, [3]upAxis{cz, cy, cx})
			}
		}
	}
	return k
}

func (k *convKernel) addUpClass(tile *kernel.Tile, rows int, size, out, two axes, c [3]upAxis) {
	var n, at axes
	for i := range 3 {
		n[i], at[i] = c[i].count, two[i]*c[i].from+c[i].odd
	}
	if n.volume() == 0 {
		return
	}
	var sums [][]int
	var shifts []axes
	for _, z := range c[0].taps {
		for _, y := range c[1].taps {
			for _, x := range c[2].taps {
				sums = append(sums, crossTaps(size, z.of, y.of, x.of))
				shifts = append(shifts, axes{c[0].from + z.shift, c[1].from + y.shift, c[2].from + x.shift})
			}
		}
	}
	nt := len(sums)
	win := newWindows(tile, rows, k.grid.chans*nt, &k.grid, n, at, two, out, func(off []int) {
		for ch := range k.grid.chans {
			for i, s := range shifts {
				off[ch*nt+i] = k.grid.lanes * k.grid.offset(ch, axes{s[0] + k.grid.before[0], s[1] + k.grid.before[1], s[2] + k.grid.before[2]})
			}
		}
	})
	taps := size.volume()
	k.add(win, func(w []float32, r int) {
		left, o := win.row(r), 0
		for ch := range k.grid.chans {
			from := w[(r*k.grid.chans+ch)*taps:][:taps]
			for _, of := range sums {
				left[o] = sumTaps(from, of)
				o += tile.Rows
			}
		}
	})
}

// upMeet says where in dy, which has a border of two, element 0 of the small
// tensor meets an output, and the sum of which taps joins them; element a meets
// it 2a further.
type upMeet struct {
	start int
	of    []int
}

// upGroup are elements from, from+1, ... of the small tensor along one axis.
type upGroup struct {
	from, count int
	meets       []upMeet
}

// upGroups are the elements along an axis by what they meet: where the last
// output is cropped, the last element meets half of the others.
func upGroups(n, out int, flat bool) []upGroup {
	if flat {
		return []upGroup{{0, 1, []upMeet{{0, []int{0}}}}}
	}
	all := []upMeet{{1, []int{2}}, {2, []int{1, 2}}, {3, []int{0, 1}}, {4, []int{0}}}
	if out == 2*n {
		return []upGroup{{0, n, all}}
	}
	return []upGroup{{0, n - 1, all}, {n - 1, 1, []upMeet{{1, []int{2}}, {2, []int{1}}}}}
}

// eachUpGroup calls f for every block of the small tensor: its first element,
// its size, where in dy the windows of that element begin, and the kernel taps
// that are added up for each.
func eachUpGroup(small, dy, w tensor.Shape, f func(from, count axes, starts []axes, of [][]int)) {
	in, out, size := spatialAxes(small), spatialAxes(dy), spatialAxes(w)
	two, flat := onSpatial(small, 2, 1), onSpatial(small, 0, 1)
	for _, gz := range upGroups(in[0], out[0], flat[0] == 1) {
		for _, gy := range upGroups(in[1], out[1], flat[1] == 1) {
			for _, gx := range upGroups(in[2], out[2], flat[2] == 1) {
				from, count := axes{gz.from, gy.from, gx.from}, axes{gz.count, gy.count, gx.count}
				if count.volume() == 0 {
					continue
				}
				var starts []axes
				var of [][]int
				for _, z := range gz.meets {
					for _, y := range gy.meets {
						for _, x := range gx.meets {
							starts = append(starts, axes{two[0]*from[0] + z.start, two[1]*from[1] + y.start, two[2]*from[2] + x.start})
							of = append(of, crossTaps(size, z.of, y.of, x.of))
						}
					}
				}
				f(from, count, starts, of)
			}
		}
	}
}

// upReach is the end of dy with its border of two on both sides.
func upReach(dy tensor.Shape) axes {
	out, before := spatialAxes(dy), onSpatial(dy, 2, 0)
	return axes{out[0] + 2*before[0], out[1] + 2*before[1], out[2] + 2*before[2]}
}

// newUpConvData is BlockSum(ConvData(w, dy)): the gradient of the small tensor.
func newUpConvData(t *team, l layout, set *kernel.Set, w, dy, small tensor.Shape) *convKernel {
	in, taps := spatialAxes(small), spatialAxes(w).volume()
	chans, rows := dy[1], small[1]
	k := &convKernel{team: t, batch: small[0], inSize: chans * spatialAxes(dy).volume(), outSize: rows * in.volume(), volume: in.volume(), cover: true, kind: fmt.Sprint("updata", small[1:], dy[1:])}
	k.grid = newGrid(chans, spatialAxes(dy), onSpatial(small, 2, 0), onSpatial(small, 2, 1), upReach(dy), set, l.lanes)
	eachUpGroup(small, dy, w, func(from, count axes, starts []axes, of [][]int) {
		win := newWindows(l.tile, rows, chans*len(starts), &k.grid, count, from, axes{1, 1, 1}, in, func(off []int) {
			for ch := range chans {
				for i, s := range starts {
					off[ch*len(starts)+i] = l.lanes * k.grid.offset(ch, s)
				}
			}
		})
		k.add(win, func(w []float32, r int) {
			left, o := win.row(r), 0
			for ch := range chans {
				from := w[(ch*rows+r)*taps:][:taps]
				for _, of := range of {
					left[o] = sumTaps(from, of)
					o += l.tile.Rows
				}
			}
		})
	})
	return k
}

// newUpConvWeight is ConvWeight(Upsample(x), dy): inner products of the small
// tensor with the windows of dy, added up per tap of the kernel.
func newUpConvWeight(x, dy, w tensor.Shape) weightGrad {
	taps := spatialAxes(w).volume()
	g := weightGrad{batch: x[0], rows: x[1], chans: dy[1], out: spatialAxes(x), in: spatialAxes(dy),
		before: onSpatial(x, 2, 0), stride: onSpatial(x, 2, 1), reach: upReach(dy), swap: true}
	eachUpGroup(x, dy, w, func(from, count axes, starts []axes, of [][]int) {
		g.parts = append(g.parts, weightPart{from, count, starts, func(dw []float32, row, ch, start int, v []float32) {
			for i, v := range v {
				for _, q := range of[start] {
					dw[((ch+i)*g.rows+row)*taps+q] += v
				}
			}
		}})
	})
	return g
}
