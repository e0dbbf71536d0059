package outline

import (
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/nodule"
)

// Limits of Region, in HU, voxels of 1 mm and shares. They were set on the full
// set's readers' masks.
const (
	regionLow, regionHigh = -700.0, -300.0 // of the threshold
	coreReach             = 3.5            // around the middle: where the nodule's density and its seed are looked for
	lungReach             = 13.0           // likewise the lung's density
	wallDepth             = 4.0            // of the largest ball that fits into tissue that is no nodule but wall
	wallVoxels            = 600            // of the places of such balls, at least
	seedDepth             = 3.0            // beyond, a deeper place makes no better seed
	seedPenalty           = 0.5            // of depth, per voxel from the middle
	climbReach            = 6.0            // of the seed from the middle, when it climbs
	rayCount, rayStep     = 128, 0.5
	rayMost               = 16.0
	rayShort              = rayCount * 3 / 10 // of them are shorter than the nodule's radius
	radiusFactor          = 1.8               // of the ball that the nodule is looked for in
)

// Region outlines a nodule without a network, better than Threshold: half-way
// between the densities of its core and of the lung around, without the chest
// wall and what is as thick as that, within a ball around its deepest place whose
// radius most rays from there keep to, opened as far as its size allows.
// Probability is nil; a cube without a nodule has an empty outline.
func Region(cube *nodule.Cube) *Outline {
	out := &Outline{Mask: make([]bool, voxels)}
	soft := softer(cube)
	if soft == nil {
		return out
	}
	depth := Distances(invert(soft), 1)
	if less := withoutWall(soft, depth); less != nil && seedOf(less, depth) >= 0 {
		soft = less
		depth = Distances(invert(soft), 1)
	}
	seed := seedOf(soft, depth)
	if seed < 0 {
		return out
	}
	seed = climb(depth, seed)
	radius := radiusAround(soft, seed)
	ball := make([]bool, voxels)
	for i := range ball {
		ball[i] = soft[i] && apart(i, seed) <= radiusFactor*radius+1
	}
	opened := slices.Clone(ball)
	times := 1
	switch {
	case radius < 2:
		times = 0
	case radius >= 5:
		times = 2
	}
	for range times {
		opened = shrink(opened)
	}
	for range times {
		opened = grow(opened)
	}
	for i := range opened {
		opened[i] = opened[i] && ball[i]
	}
	if !opened[seed] {
		opened = ball
	}
	out.fill(opened, seed)
	return out
}

// softer are the voxels with data above the threshold; nil where there is no data.
func softer(cube *nodule.Cube) []bool {
	var core, lung []float64
	for i := range cube.HU {
		switch r := fromMiddle(i); {
		case !cube.Valid[i] || r > lungReach:
			continue
		case r <= coreReach:
			sum, n := 0.0, 0.0
			for k := range 27 {
				z, y, x := i/(edge*edge)+k/9-1, i/edge%edge+k/3%3-1, i%edge+k%3-1
				if j := (z*edge+y)*edge + x; cube.Valid[j] {
					sum, n = sum+float64(cube.HU[j]), n+1
				}
			}
			core = append(core, sum/n)
		}
		lung = append(lung, float64(cube.HU[i]))
	}
	if len(core) == 0 {
		return nil
	}
	slices.Sort(core)
	slices.Sort(lung)
	level := (core[len(core)*9/10] + lung[len(lung)/5]) / 2
	level = max(regionLow, min(level, regionHigh))
	soft := make([]bool, voxels)
	for i, hu := range cube.HU {
		soft[i] = cube.Valid[i] && float64(hu) > level
	}
	return soft
}

func invert(set []bool) []bool {
	out := make([]bool, len(set))
	for i, in := range set {
		out[i] = !in
	}
	return out
}

// fromMiddle is the distance of a voxel from the middle of the cube.
func fromMiddle(i int) float64 {
	z, y, x := float64(i/(edge*edge))-middle, float64(i/edge%edge)-middle, float64(i%edge)-middle
	return math.Sqrt(z*z + y*y + x*x)
}

func apart(i, j int) float64 {
	z, y, x := i/(edge*edge)-j/(edge*edge), i/edge%edge-j/edge%edge, i%edge-j%edge
	return math.Sqrt(float64(z*z + y*y + x*x))
}

// withoutWall is a set without what is as thick as the chest wall and reaches the
// border of the cube; nil where there is none, or where the middle is in it, as in
// a mass.
func withoutWall(soft []bool, depth []float64) []bool {
	deep := make([]bool, voxels)
	for i, d := range depth {
		deep[i] = d >= wallDepth
	}
	wall, any := make([]bool, voxels), false
	for i := range deep {
		if !deep[i] {
			continue
		}
		part := &Outline{Mask: make([]bool, voxels)}
		part.fill(deep, i)
		near := false
		for j, in := range part.Mask {
			if in {
				deep[j] = false
				near = near || fromMiddle(j) <= 2
			}
		}
		if !part.Border || part.Voxels < wallVoxels {
			continue
		}
		if near {
			return nil
		}
		any = true
		for j, in := range part.Mask {
			wall[j] = wall[j] || in
		}
	}
	if !any {
		return nil
	}
	distance, out := Distances(wall, 1), make([]bool, voxels)
	for i := range out {
		out[i] = soft[i] && distance[i] >= wallDepth
	}
	return out
}

// seedOf is a place of a set that is deep and near the middle; -1: there is none.
func seedOf(set []bool, depth []float64) int {
	seed, best := -1, math.Inf(-1)
	for i, in := range set {
		if r := fromMiddle(i); in && r <= coreReach {
			if v := min(depth[i], seedDepth) - seedPenalty*r; v > best {
				seed, best = i, v
			}
		}
	}
	return seed
}

// climb goes from neighbour to neighbour to where it is deepest.
func climb(depth []float64, seed int) int {
	for range 20 {
		best := seed
		for k := range 27 {
			z, y, x := seed/(edge*edge)+k/9-1, seed/edge%edge+k/3%3-1, seed%edge+k%3-1
			if j := (z*edge+y)*edge + x; z >= 0 && y >= 0 && x >= 0 && z < edge && y < edge && x < edge && depth[j] > depth[best] {
				best = j
			}
		}
		if best == seed || fromMiddle(best) > climbReach {
			break
		}
		seed = best
	}
	return seed
}

// radiusAround is what most rays from a seed keep to before they leave a set.
func radiusAround(set []bool, seed int) float64 {
	lengths := make([]float64, rayCount)
	for n := range lengths {
		z := 1 - 2*(float64(n)+0.5)/rayCount
		sin, cos := math.Sincos(float64(n) * math.Pi * (3 - math.Sqrt(5)))
		across := math.Sqrt(1 - z*z)
		d := [3]float64{z, across * sin, across * cos}
		length := rayStep
		for ; length < rayMost; length += rayStep {
			i, inside := 0, true
			for a, stride := range [3]int{edge * edge, edge, 1} {
				c := int(math.Round(float64(seed/stride%edge) + length*d[a]))
				inside = inside && c >= 0 && c < edge
				i += c * stride
			}
			if !inside || !set[i] {
				break
			}
		}
		lengths[n] = length
	}
	slices.Sort(lengths)
	return lengths[rayShort]
}
