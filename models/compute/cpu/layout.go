package cpu

import "github.com/nodulescope/nodulescope/models/compute/cpu/internal/kernel"

// layout is how a convolution lies in tiles: which tile, and how many samples
// side by side.
type layout struct {
	lanes int
	tile  *kernel.Tile
}

// laneCost is what filling and emptying lanes adds to the cost of the products:
// measured on the reference networks, where lanes gain less than that they cost.
const laneCost = 1.15

// fastest builds a convolution in the layout of the least cost: small maps
// leave much of a tile empty, which a narrower one, or samples side by side, may
// fill: one or two vectors of them, of which a batch has to fill more than half.
// The fewest are taken, whose grid a cache holds the longest. What an element is
// the sum of, and in which order, is the same in every layout.
func fastest(set *kernel.Set, batch int, build func(layout) *convKernel) *convKernel {
	var best *convKernel
	least := 0.0
	for _, lanes := range []int{1, set.Width(), 2 * set.Width()} {
		if lanes > 1 && batch <= lanes/2 {
			break
		}
		for i := range set.Tiles {
			k := build(layout{lanes, &set.Tiles[i]})
			cost := k.cost()
			if lanes > 1 {
				cost *= laneCost
			}
			if best == nil || cost < least {
				best, least = k, cost
			}
		}
	}
	return best
}

// cost is that of all products of a run, useful or not.
func (k *convKernel) cost() float64 {
	n := 0.0
	for _, w := range k.classes {
		n += w.cost()
	}
	return n * float64(k.groups())
}
