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

// part writes elements lo..lo+len(dst)-1 of the large tensor.
func (b *broadcast) part(dst, x []float32, lo int) {
	last := len(b.dims) - 1
	n, keeps := b.dims[last], b.kept[last]
	r, at := lo/n, lo%n
	for len(dst) > 0 {
		m := min(n-at, len(dst))
		if s := b.small(r); keeps {
			copy(dst[:m], x[s+at:])
		} else {
			v := x[s]
			row := dst[:m]
			for i := range row {
				row[i] = v
			}
		}
		dst, r, at = dst[m:], r+1, 0
	}
}

// small is where row r (a run along the last merged axis) of the large tensor
// begins in the small one.
func (b *broadcast) small(r int) int {
	s := 0
	for i := len(b.dims) - 2; i >= 0; i-- {
		s += r % b.dims[i] * b.step[i]
		r /= b.dims[i]
	}
	return s
}

// bindExpand writes the large tensor dst from x.
func (b *broadcast) bindExpand(dst, x []float32) func() {
	parts := b.team.splits(len(dst), grain)
	do := func(_, p int) {
		lo, hi := span(len(dst), p, parts)
		b.part(dst[lo:hi], x, lo)
	}
	return func() { b.team.each(parts, do) }
}

// bindSum adds the large tensor x into the small one, dst. Every element of
// dst is summed by one worker, in the order of x. Parts are taken along the
// first axis that is kept.
func (b *broadcast) bindSum(dst, x []float32) func() {
	first := 0 // the first kept axis, if it is not the last one
	for first < len(b.dims)-1 && !b.kept[first] {
		first++
	}
	outer, inner := 1, 1 // rows before and behind an index of that axis
	for i, d := range b.dims[:len(b.dims)-1] {
		switch {
		case i < first:
			outer *= d
		case i > first:
			inner *= d
		}
	}
	count := b.dims[first]
	if first == len(b.dims)-1 {
		count = 1 // all rows add into one row
	}
	parts := b.team.splits(min(count, len(x)/grain+1), 1)
	do := func(_, p int) {
		lo, hi := span(count, p, parts)
		for o := range outer {
			for r := (o*count + lo) * inner; r < (o*count+hi)*inner; r++ {
				b.addRow(dst, x, r)
			}
		}
	}
	return func() {
		clear(dst)
		b.team.each(parts, do)
	}
}

func (b *broadcast) addRow(dst, x []float32, r int) {
	last := len(b.dims) - 1
	n, s := b.dims[last], b.small(r)
	row := x[r*n : (r+1)*n]
	if !b.kept[last] {
		dst[s] += sumOf(row)
		return
	}
	out := dst[s : s+n]
	for i, v := range row {
		out[i] += v
	}
}

// sumOf adds in four lanes of float64.
func sumOf(x []float32) float32 {
	var a, b, c, d float64
	for len(x) >= 4 {
		a += float64(x[0])
		b += float64(x[1])
		c += float64(x[2])
		d += float64(x[3])
		x = x[4:]
	}
	for _, v := range x {
		a += float64(v)
	}
	return float32((a + b) + (c + d))
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

// bind runs f on every plane.
func (u *upsampleKernel) bind(f func(small, full []float32), small, full []float32) func() {
	w, v := u.small.volume(), u.full.volume()
	parts := u.team.splits(min(u.planes, len(full)/grain+1), 1)
	do := func(_, part int) {
		lo, hi := span(u.planes, part, parts)
		for p := lo; p < hi; p++ {
			f(small[p*w:(p+1)*w], full[p*v:(p+1)*v])
		}
	}
	return func() { u.team.each(parts, do) }
}

// rows calls f with where each row of a plane lies in small and full.
func (u *upsampleKernel) rows(small, full []float32, f func(small, full []float32)) {
	n, m := u.full[2], u.small[2]
	for z := range u.full[0] {
		for y := range u.full[1] {
			s := (z/u.two[0]*u.small[1] + y/u.two[1]) * m
			o := (z*u.full[1] + y) * n
			f(small[s:s+m], full[o:o+n])
		}
	}
}

// up writes y from x.
func (u *upsampleKernel) up(y, x []float32) func() {
	return u.bind(func(small, full []float32) { u.rows(small, full, repeat) }, x, y)
}

// sum adds dy into dx.
func (u *upsampleKernel) sum(dx, dy []float32) func() {
	return u.bind(func(small, full []float32) {
		clear(small)
		u.rows(small, full, addPairs)
	}, dx, dy)
}

func repeat(src, row []float32) {
	n := len(row)
	for i := 0; i+1 < n; i += 2 {
		v := src[i/2]
		row[i], row[i+1] = v, v
	}
	if n%2 == 1 {
		row[n-1] = src[n/2]
	}
}

func addPairs(dst, row []float32) {
	n := len(row)
	for i := 0; i+1 < n; i += 2 {
		dst[i/2] += row[i] + row[i+1]
	}
	if n%2 == 1 {
		dst[n/2] += row[n-1]
	}
}
