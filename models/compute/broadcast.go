package compute

import "gorgonia.org/tensor"

// broadcast relates a small tensor to the large one that it expands to. Axes
// that are adjacent and of one kind are merged: kept[i] says whether axis i of
// dims is also an axis of the small tensor.
type broadcast struct {
	team *team
	dims []int
	kept []bool
	step []int // of the small tensor, per merged axis: 0 where it repeats
}

func newBroadcast(t *team, small, large tensor.Shape) *broadcast {
	b := &broadcast{team: t}
	for i, n := range large {
		if n == 1 {
			continue
		}
		k := small[i] == n
		if last := len(b.dims) - 1; last >= 0 && b.kept[last] == k {
			b.dims[last] *= n
			continue
		}
		b.dims = append(b.dims, n)
		b.kept = append(b.kept, k)
	}
	if len(b.dims) == 0 {
		b.dims, b.kept = []int{1}, []bool{true}
	}
	b.step = make([]int, len(b.dims))
	s := 1
	for i := len(b.dims) - 1; i >= 0; i-- {
		if b.kept[i] {
			b.step[i] = s
			s *= b.dims[i]
		}
	}
	return b
}

// rows calls f for every row (run along the last merged axis) of the large
// tensor, in order, with where it begins in both.
func (b *broadcast) rows(lo, hi int, f func(large, small int)) {
	last := len(b.dims) - 1
	for r := lo; r < hi; r++ {
		s, rest := 0, r
		for i := last - 1; i >= 0; i-- {
			s += rest % b.dims[i] * b.step[i]
			rest /= b.dims[i]
		}
		f(r*b.dims[last], s)
	}
}

func (b *broadcast) count() int {
	n := 1
	for _, d := range b.dims[:len(b.dims)-1] {
		n *= d
	}
	return n
}

// expand writes the large tensor.
func (b *broadcast) expand(dst, x []float32) {
	n, keeps := b.dims[len(b.dims)-1], b.kept[len(b.kept)-1]
	b.team.split(b.count(), grain/n+1, func(_, lo, hi int) {
		b.rows(lo, hi, func(l, s int) {
			row := dst[l : l+n]
			if keeps {
				copy(row, x[s:s+n])
				return
			}
			v := x[s]
			for i := range row {
				row[i] = v
			}
		})
	})
}

// sum adds the large tensor into the small one, in the order of the large one
// whatever the number of workers.
func (b *broadcast) sum(dst, x []float32) {
	clear(dst)
	n, keeps := b.dims[len(b.dims)-1], b.kept[len(b.kept)-1]
	part := func(lo, hi int) {
		b.rows(lo, hi, func(l, s int) {
			row := x[l : l+n]
			if keeps {
				out := dst[s : s+n]
				for i, v := range row {
					out[i] += v
				}
				return
			}
			dst[s] += sumOf(row)
		})
	}
	if b.kept[0] && len(b.dims) > 1 { // outermost axis is kept: its parts do not meet
		inner := b.count() / b.dims[0]
		b.team.split(b.dims[0], grain/(n*inner)+1, func(_, lo, hi int) { part(lo*inner, hi*inner) })
		return
	}
	part(0, b.count())
}

// sumOf adds in four lanes.
func sumOf(x []float32) float32 {
	var s [4]float32
	for len(x) >= 4 {
		s[0] += x[0]
		s[1] += x[1]
		s[2] += x[2]
		s[3] += x[3]
		x = x[4:]
	}
	for i, v := range x {
		s[i] += v
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// upsampleKernel repeats every element of the spatial axes twice and crops, or
// sums what was repeated.
type upsampleKernel struct {
	team        *team
	planes      int // batch x channels
	small, full axes
	two         axes // 2 along the spatial axes, 1 along flat ones
}

func newUpsample(t *team, small, full tensor.Shape) *upsampleKernel {
	return &upsampleKernel{t, small[0] * small[1], spatialAxes(small), spatialAxes(full), onSpatial(small, 2, 1)}
}

func (u *upsampleKernel) each(f func(small, full int)) {
	w, v := u.small.volume(), u.full.volume()
	u.team.split(u.planes, grain/v+1, func(_, lo, hi int) {
		for p := lo; p < hi; p++ {
			for z := range u.full[0] {
				for y := range u.full[1] {
					f(p*w+(z/u.two[0]*u.small[1]+y/u.two[1])*u.small[2], p*v+(z*u.full[1]+y)*u.full[2])
				}
			}
		}
	})
}

// up writes y from x.
func (u *upsampleKernel) up(y, x []float32) {
	n := u.full[2]
	u.each(func(s, f int) {
		row, src := y[f:f+n], x[s:s+u.small[2]]
		for i := 0; i+1 < n; i += 2 {
			v := src[i/2]
			row[i], row[i+1] = v, v
		}
		if n%2 == 1 {
			row[n-1] = src[n/2]
		}
	})
}

// sum adds dy into dx.
func (u *upsampleKernel) sum(dx, dy []float32) {
	clear(dx)
	n := u.full[2]
	u.each(func(s, f int) {
		row, dst := dy[f:f+n], dx[s:s+u.small[2]]
		for i := 0; i+1 < n; i += 2 {
			dst[i/2] += row[i] + row[i+1]
		}
		if n%2 == 1 {
			dst[n/2] += row[n-1]
		}
	})
}
