package gpu

import "sort"

// place gives every tensor its unit in one allocation, so that tensors that
// live at the same time do not overlap, and returns the units of all: the
// largest first, each as low as it fits.
func (b *builder) place() int {
	order := make([]int, 0, len(b.blocks))
	for i := range b.blocks {
		t := &b.blocks[i]
		if t.kept {
			t.first, t.last = 0, int(^uint(0)>>1)
		}
		if !t.param && (t.kept || t.first >= 0) {
			order = append(order, i)
		}
	}
	sort.SliceStable(order, func(i, j int) bool { return b.blocks[order[i]].size > b.blocks[order[j]].size })
	var done []int // by unit
	total := 0
	for _, i := range order {
		t := &b.blocks[i]
		at, need := 0, units(t.size)
		for _, j := range done {
			o := &b.blocks[j]
			if o.last < t.first || t.last < o.first {
				continue
			}
			if at+need <= o.at {
				break // it fits in front
			}
			at = max(at, o.at+units(o.size))
		}
		t.at, t.placed = at, true
		total = max(total, at+need)
		k := sort.Search(len(done), func(k int) bool { return b.blocks[done[k]].at > at })
		done = append(done, 0)
		copy(done[k+1:], done[k:])
		done[k] = i
	}
	for at, p := range b.patches {
		unit := b.blocks[p.ref].at + p.units
		if b.blocks[p.ref].param {
			unit = b.blocks[p.ref].at - p.units
		}
		b.ints[at] = int32(unit) //nolint:gosec // the caller checks total
	}
	return total
}
