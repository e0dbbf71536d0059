package cpu

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"gorgonia.org/tensor"
)

// upsampleKernel repeats every element of the spatial axes twice and crops, or
// sums what was repeated.
type upsampleKernel struct {
	team        *team
	planes      int // batch x channels
	small, full compute.Axes
	two         compute.Axes // 2 along the spatial axes, 1 along flat ones
}

func newUpsample(t *team, small, full tensor.Shape) *upsampleKernel {
	return &upsampleKernel{t, small[0] * small[1], compute.SpatialAxes(small), compute.SpatialAxes(full), compute.OnSpatial(small, 2, 1)}
}

// bind runs f on every plane.
func (u *upsampleKernel) bind(f func(small, full []float32), small, full []float32) func() {
	w, v := u.small.Volume(), u.full.Volume()
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
