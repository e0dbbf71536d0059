package cpu

import (
	"github.com/nodulescope/nodulescope/models/compute"
	"github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"
)

// broadcast relates a small tensor to the large one that it expands to.
type broadcast struct {
	team *team
	dims []int
	step []int // of the small tensor, per axis of dims: 0 where it repeats
}

func newBroadcast(t *team, s compute.Spread) *broadcast { return &broadcast{t, s.Dims, s.Steps} }

// part writes elements lo..lo+len(dst)-1 of the large tensor.
func (b *broadcast) part(dst, x []float32, lo int) {
	last := len(b.dims) - 1
	n, keeps := b.dims[last], b.step[last] > 0
	r, at := lo/n, lo%n
	for len(dst) > 0 {
		m := min(n-at, len(dst))
		if s := b.small(r); keeps {
			copy(dst[:m], x[s+at:])
		} else {
			setAll(dst[:m], x[s])
		}
		dst, r, at = dst[m:], r+1, 0
	}
}

// setAll sets all of x to v: vectors are copied, which a loop over elements is
// not.
func setAll(x []float32, v float32) {
	x[0] = v
	for n := 1; n < len(x); n *= 2 {
		copy(x[n:], x[:n])
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
func (b *broadcast) bindSum(dst, x []float32, set *kernel.Set) func() {
	first := 0 // the first kept axis, if it is not the last one
	for first < len(b.dims)-1 && b.step[first] == 0 {
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
				b.addRow(dst, x, r, set)
			}
		}
	}
	return func() {
		clear(dst)
		b.team.each(parts, do)
	}
}

func (b *broadcast) addRow(dst, x []float32, r int, set *kernel.Set) {
	last := len(b.dims) - 1
	n, s := b.dims[last], b.small(r)
	row := x[r*n : (r+1)*n]
	if b.step[last] == 0 {
		dst[s] += float32(set.Sum(row))
		return
	}
	out := dst[s : s+n]
	for i, v := range row {
		out[i] += v
	}
}
