package rungs

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/nodule"
)

// Disturbance is the same nodule as another candidate, scan or scanner would show
// it.
type Disturbance struct {
	Kind   string
	Amount string // with its unit; empty: there is but one
	apply  func(c *nodule.Cube, rng *rand.Rand) *nodule.Cube
}

// Disturbances are those that Robustness measures.
func Disturbances() []Disturbance {
	var all []Disturbance
	for _, mm := range []float64{1, 2, 3} {
		all = append(all, Disturbance{"candidate moved", fmt.Sprintf("%g mm", mm), func(c *nodule.Cube, rng *rand.Rand) *nodule.Cube {
			return outline.Move(c, randomShift(mm, rng))
		}})
	}
	for _, hu := range []float64{20, 40, 80} {
		all = append(all, Disturbance{"noise", fmt.Sprintf("%g HU", hu), func(c *nodule.Cube, rng *rand.Rand) *nodule.Cube { return noisier(c, hu, rng) }})
	}
	for _, k := range []struct {
		name   string
		weight float32
	}{{"much sharper", -0.16}, {"sharper", -0.08}, {"softer", 0.11}, {"much softer", 0.22}} {
		all = append(all, Disturbance{"kernel", k.name, func(c *nodule.Cube, _ *rand.Rand) *nodule.Cube { return refiltered(c, k.weight) }})
	}
	for _, mm := range []int{2, 3, 5} {
		all = append(all, Disturbance{"slices", fmt.Sprintf("%d mm", mm), func(c *nodule.Cube, _ *rand.Rand) *nodule.Cube { return thicker(c, mm) }})
	}
	return append(all,
		Disturbance{"mirrored", "left-right", func(c *nodule.Cube, _ *rand.Rand) *nodule.Cube {
			return placed(c, func(z, y, x int) (int, int, int) { return z, y, nodule.CubeSize - 1 - x })
		}},
		Disturbance{"mirrored", "head-feet", func(c *nodule.Cube, _ *rand.Rand) *nodule.Cube {
			return placed(c, func(z, y, x int) (int, int, int) { return nodule.CubeSize - 1 - z, y, x })
		}},
		Disturbance{"turned", "90°", func(c *nodule.Cube, _ *rand.Rand) *nodule.Cube {
			return placed(c, func(z, y, x int) (int, int, int) { return z, x, nodule.CubeSize - 1 - y })
		}})
}

func randomShift(mm float64, rng *rand.Rand) (d [3]float64) {
	length := 0.0
	for a := range d {
		d[a] = rng.NormFloat64()
		length += d[a] * d[a]
	}
	for a := range d {
		d[a] *= mm / math.Sqrt(length)
	}
	return d
}

func altered(c *nodule.Cube) *nodule.Cube {
	return &nodule.Cube{HU: slices.Clone(c.HU), Valid: slices.Clone(c.Valid), PaddingPct: c.PaddingPct}
}

func noisier(c *nodule.Cube, hu float64, rng *rand.Rand) *nodule.Cube {
	out := altered(c)
	for i := range out.HU {
		if n := float32(hu * rng.NormFloat64()); out.Valid[i] {
			out.HU[i] += n
		}
	}
	return out
}

// refiltered weighs neighbours along all axes, see nodule.WeighLine.
func refiltered(c *nodule.Cube, weight float32) *nodule.Cube {
	out := altered(c)
	const n = nodule.CubeSize
	for _, stride := range [3]int{n * n, n, 1} {
		for start := range out.HU {
			if start/stride%n == 0 {
				nodule.WeighLine(out.HU, start, n, stride, weight)
			}
		}
	}
	restore(out, c)
	return out
}

// thicker has slices of so many mm, one beside the other, interpolated to 1 mm as
// a cutter does.
func thicker(c *nodule.Cube, mm int) *nodule.Cube {
	out := altered(c)
	const n, plane = nodule.CubeSize, nodule.CubeSize * nodule.CubeSize
	count := (n + mm - 1) / mm
	slab := make([]float32, count*plane)
	for s := range count {
		from, to := s*mm, min((s+1)*mm, n)
		for i := range plane {
			for z := from; z < to; z++ {
				slab[s*plane+i] += c.HU[z*plane+i] / float32(to-from)
			}
		}
	}
	for z := range n {
		at := max(0, min(float64(count-1), (float64(z)+0.5)/float64(mm)-0.5))
		s := min(int(at), count-2)
		w := float32(at - float64(s))
		for i := range plane {
			out.HU[z*plane+i] = (1-w)*slab[s*plane+i] + w*slab[(s+1)*plane+i]
		}
	}
	restore(out, c)
	return out
}

// restore leaves what is not valid as it was.
func restore(out, c *nodule.Cube) {
	for i, ok := range c.Valid {
		if !ok {
			out.HU[i] = c.HU[i]
		}
	}
}

// placed takes every voxel from another place.
func placed(c *nodule.Cube, from func(z, y, x int) (int, int, int)) *nodule.Cube {
	out := altered(c)
	const n = nodule.CubeSize
	for i := range out.HU {
		z, y, x := from(i/(n*n), i/n%n, i%n)
		j := (z*n+y)*n + x
		out.HU[i], out.Valid[i] = c.HU[j], c.Valid[j]
	}
	return out
}
