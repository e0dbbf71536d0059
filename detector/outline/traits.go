package outline

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/nodulescope/nodulescope/nodule"
)

// Traits of an outline by which a nodule is told from other tissue. Ratios and
// lengths are to the radius of the sphere with the outline's volume; "ways" are
// straight ones through soft tissue from the middle of the outline. Where a part
// of what is looked at is not in the scan, the rest decides.
const (
	traitSize       = iota // ln of the diameter of the sphere with the outline's volume, mm
	traitSecond            // second principal extent of the outline to the first
	traitThird             // third to the first
	traitDepth             // radius of the largest ball inside
	traitTouch             // share of the voxels beside the outline that are soft tissue
	traitNear              // share of the voxels 2.5 to 5 mm outside that are soft tissue
	traitThrough           // ln of the longest way to both sides: of the shorter side
	traitAcross            // ln of the shortest way at a right angle to it, to and fro
	traitWayLow            // ln of the 25th percentile of the ways
	traitWayHigh           // 75th
	traitWayMost           // 95th
	traitTube              // smallest curvature of the density in the middle to the largest, smoothed by 1.5 mm: 1 in a ball, 0 in a tube
	traitSheet             // the middle curvature to the largest: 1 in a ball and a tube, 0 in a sheet
	traitTubeWide          // both smoothed by 3 mm
	traitSheetWide         //
	traitMean              // mean probability of the outline
	traitMost              // largest
	traitSpread            // ln of how many times more voxels are above a quarter
	traitCore              // ln of the share that is above 0.85
	traitHU                // mean density, 1000 HU
	traitContrast          // mean density inside less that of 1.5 to 4 mm outside, 1000 HU
	traitTail              // ln of the principal extent of the soft tissue around that hangs together with the outline, to that of the outline
	traitTailSecond        // second principal extent to the first of that tissue
	traitBeside            // share of the voxels beside the outline that are denser than half-way between it and lung
	traitExits             // ln of 1 and the number of parts of such voxels 2 to 3.5 mm outside
	traitExitShare         // share of the voxels there
	traitOneSided          // length of the mean direction to them: 1 where all lie on one side
	traitPeak              // probability in the middle of the outline
	traitCurved            // the largest curvature, smoothed by 1.5 mm, 1000 HU
	traitCount
)

// traitNames stand in the file of Tissue.
var traitNames = [traitCount]string{"size", "second", "third", "depth", "touch", "near", "through", "across", "way_low", "way_high", "way_most",
	"tube", "sheet", "tube_wide", "sheet_wide", "mean", "most", "spread", "core", "hu", "contrast", "tail", "tail_second",
	"beside", "exits", "exit_share", "one_sided", "peak", "curved"}

const (
	traitSoft  = -500.0 // HU of soft tissue, partial volume included
	wayCount   = 162    // half of them opposite to the other half
	wayReach   = 9.0    // mm beyond the radius
	wayStep    = 0.5    // mm
	wayShift   = 0.1    // before a logarithm
	denseLow   = -700.0 // HU, of levelOf
	denseHigh  = -300.0
	tailReach  = 8.0 // mm from the middle, or tailBeyond from the outline
	tailBeyond = 4.0
	exitVoxels = 3 // of a part that leaves the outline, at least
	lungHU     = -850.0
	curveLow   = -1000.0 // HU within which the density is kept
	curveHigh  = 100.0
)

// subject is an outline whose traits are taken.
type subject struct {
	*Finding
	in      []int      // voxels of the mask
	outside []float64  // mm from a voxel outside to the nearest of the mask, 0 inside
	centre  [3]float64 // of the mask, voxels
	radius  float64    // mm
	hu      float64    // mean density
}

// traits are those of a finding with an outline and probabilities.
func (f *Finding) traits() []float64 {
	v := make([]float64, traitCount)
	s := subject{Finding: f, outside: Distances(f.Outline.Mask, f.SpacingMM)}
	for i, in := range f.Outline.Mask {
		if in {
			s.in = append(s.in, i)
		}
	}
	s.centre, s.radius = centreOf(s.in), math.Cbrt(3*float64(len(s.in))/(4*math.Pi))*f.SpacingMM
	s.inside(v)
	s.around(v)
	s.ways(v)
	s.exits(v)
	v[traitTube], v[traitSheet], v[traitCurved] = curvature(f.Cube, s.centre, 1.5/f.SpacingMM)
	v[traitTubeWide], v[traitSheetWide], _ = curvature(f.Cube, s.centre, 3/f.SpacingMM)
	return v
}

// inside sets what the mask and its voxels decide.
func (s *subject) inside(v []float64) {
	p, n := s.Outline.Probability, float64(len(s.in))
	depth, deepest := Distances(invert(s.Outline.Mask), s.SpacingMM), 0.0
	var mean, most, core float64
	for _, i := range s.in {
		deepest = max(deepest, depth[i])
		s.hu += float64(s.Cube.HU[i]) / n
		mean += float64(p[i]) / n
		most = max(most, float64(p[i]))
		if p[i] > 0.85 {
			core++
		}
	}
	var first float64
	first, v[traitSecond], v[traitThird] = extents(s.in)
	v[traitSize], v[traitDepth] = math.Log(2*s.radius), deepest/s.radius
	v[traitMean], v[traitMost], v[traitCore], v[traitHU] = mean, most, math.Log((core+1)/(n+1)), s.hu/1000
	if i, ok := voxelAt(s.centre); ok {
		v[traitPeak] = float64(p[i])
	}
	far, second, _ := extents(s.tail())
	v[traitTail], v[traitTailSecond] = math.Log(far/first), second
}

// tail is the soft tissue around that hangs together with the outline.
func (s *subject) tail() (all []int) {
	soft, most := make([]bool, voxels), max(tailReach, s.radius+tailBeyond)
	for i := range soft {
		soft[i] = s.Outline.Mask[i] || s.Cube.Valid[i] && float64(s.Cube.HU[i]) > traitSoft && s.from(i)*s.SpacingMM <= most
	}
	part := &Outline{Mask: make([]bool, voxels)}
	part.fill(soft, s.in[0])
	for i, in := range part.Mask {
		if in {
			all = append(all, i)
		}
	}
	return all
}

// from is the distance of a voxel from the middle of the outline, in voxels.
func (s *subject) from(i int) float64 {
	d := 0.0
	for a, stride := range strides {
		x := float64(i/stride%edge) - s.centre[a]
		d += x * x
	}
	return math.Sqrt(d)
}

// around sets what lies near the outline.
func (s *subject) around(v []float64) {
	var touch, touching, near, nearing, rim, rims, wide float64
	for i, d := range s.outside {
		if d == 0 || !s.Cube.Valid[i] {
			continue
		}
		soft := 0.0
		if s.Cube.HU[i] > traitSoft {
			soft = 1
		}
		if d <= 1.01*s.SpacingMM {
			touch, touching = touch+soft, touching+1
		}
		if d > 2.5 && d <= 5.01 {
			near, nearing = near+soft, nearing+1
		}
		if d > 1.5 && d <= 4.01 {
			rim, rims = rim+float64(s.Cube.HU[i]), rims+1
		}
		if s.Outline.Probability[i] > 0.25 && d <= 4.01 {
			wide++
		}
	}
	v[traitTouch], v[traitNear] = touch/max(touching, 1), near/max(nearing, 1)
	v[traitSpread] = math.Log(1 + wide/float64(len(s.in)))
	v[traitContrast] = (s.hu - rim/max(rims, 1)) / 1000
}

var strides = [3]int{edge * edge, edge, 1}

// centreOf is the mean place of voxels.
func centreOf(in []int) (c [3]float64) {
	for _, i := range in {
		for a, stride := range strides {
			c[a] += float64(i/stride%edge) / float64(len(in))
		}
	}
	return c
}

// extents are the principal extent of voxels, which are cubes, and second and
// third to it.
func extents(in []int) (first, second, third float64) {
	centre := centreOf(in)
	c := mat.NewSymDense(3, nil)
	for a, s := range strides {
		for b := a; b < 3; b++ {
			sum := 0.0
			for _, i := range in {
				sum += (float64(i/s%edge) - centre[a]) * (float64(i/strides[b]%edge) - centre[b])
			}
			if sum /= float64(len(in)); a == b {
				sum += 1.0 / 12
			}
			c.SetSym(a, b, sum)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(c, false) {
		return 1, 1, 1
	}
	l := e.Values(nil)
	return math.Sqrt(l[2]), math.Sqrt(l[1] / l[2]), math.Sqrt(l[0] / l[2])
}

// level is half-way between the density of the outline and that of lung.
func (s *subject) level() float64 { return max(denseLow, min((s.hu+lungHU)/2, denseHigh)) }

// exits sets what leaves the outline.
func (s *subject) exits(v []float64) {
	var beside, besides, dense, voxelsThere float64
	shell := make([]bool, voxels)
	var mean [3]float64
	for i, d := range s.outside {
		if d == 0 || !s.Cube.Valid[i] || d > 3.51 {
			continue
		}
		over := float64(s.Cube.HU[i]) > s.level()
		if d <= 1.01*s.SpacingMM {
			besides++
			if over {
				beside++
			}
		}
		if d < 1.99 {
			continue
		}
		voxelsThere++
		if shell[i] = over; over {
			dense++
			length := s.from(i)
			for a, stride := range strides {
				mean[a] += (float64(i/stride%edge) - s.centre[a]) / length
			}
		}
	}
	v[traitBeside], v[traitExitShare] = beside/max(besides, 1), dense/max(voxelsThere, 1)
	v[traitOneSided] = math.Sqrt(mean[0]*mean[0]+mean[1]*mean[1]+mean[2]*mean[2]) / max(dense, 1)
	v[traitExits] = math.Log1p(float64(partsOf(shell, exitVoxels)))
}

// partsOf counts the parts of a set, which it empties, of so many voxels or more.
func partsOf(set []bool, least int) (parts int) {
	for i := range set {
		if !set[i] {
			continue
		}
		part := &Outline{Mask: make([]bool, voxels)}
		part.fill(set, i)
		for j, in := range part.Mask {
			set[j] = set[j] && !in
		}
		if part.Voxels >= least {
			parts++
		}
	}
	return parts
}

// ways sets how far soft tissue goes on in straight lines.
func (s *subject) ways(v []float64) {
	const half = wayCount / 2
	level, length, to := s.level(), make([]float64, wayCount), make([][3]float64, wayCount)
	for k := range half {
		z := 1 - (float64(k)+0.5)/half
		sin, cos := math.Sincos(float64(k) * math.Pi * (3 - math.Sqrt(5)))
		r := math.Sqrt(1 - z*z)
		to[k], to[k+half] = [3]float64{z, r * sin, r * cos}, [3]float64{-z, -r * sin, -r * cos}
	}
	for k, d := range to {
		for ; length[k] < s.radius+wayReach; length[k] += wayStep {
			l := length[k] / s.SpacingMM
			hu, ok := sample(s.Cube, [3]float64{s.centre[0] + l*d[0], s.centre[1] + l*d[1], s.centre[2] + l*d[2]})
			if !ok || hu < level && length[k] > 0.5*s.radius {
				break
			}
		}
	}
	best, through, across := 0, 0.0, math.Inf(1)
	for k := range half {
		if m := min(length[k], length[k+half]); m > through {
			best, through = k, m
		}
	}
	for k := range half {
		if dot := to[k][0]*to[best][0] + to[k][1]*to[best][1] + to[k][2]*to[best][2]; math.Abs(dot) < 0.2 {
			across = min(across, length[k]+length[k+half])
		}
	}
	slices.Sort(length)
	ratio := func(l float64) float64 { return math.Log(l/s.radius + wayShift) }
	v[traitThrough], v[traitAcross] = ratio(through), ratio(across/2)
	v[traitWayLow], v[traitWayHigh], v[traitWayMost] = ratio(length[wayCount/4]), ratio(length[wayCount*3/4]), ratio(length[wayCount*95/100])
}

// sample is the HU at a place, trilinear, and whether it has data.
func sample(cube *nodule.Cube, c [3]float64) (float64, bool) {
	for _, x := range c {
		if x < 0 || x > edge-1 {
			return 0, false
		}
	}
	at := 0
	for a, stride := range strides {
		at += int(c[a]+0.5) * stride
	}
	if !cube.Valid[at] {
		return 0, false
	}
	hu, _ := interpolate(cube.HU, cube.Valid, c)
	return float64(hu), true
}

// curvature compares the second derivatives of the density at a place, smoothed
// by a Gaussian of sigma voxels: the smallest principal one and the middle one to
// the largest, all of them downwards, and the largest in 1000 HU. What has no data
// does not count.
func curvature(cube *nodule.Cube, centre [3]float64, sigma float64) (tube, sheet, most float64) {
	type point struct {
		d         [3]float64 // from the place, in sigma
		weight, v float64
	}
	var mean, sum float64
	reach := int(3*sigma + 1)
	side := 2*reach + 1
	points := make([]point, 0, side*side*side)
	for k := range side * side * side {
		var p point
		i, inside := 0, true
		for a, n := range [3]int{k / (side * side), k / side % side, k % side} {
			q := int(centre[a]+0.5) + n - reach
			inside = inside && q >= 0 && q < edge
			i += q * strides[a]
			p.d[a] = (float64(q) - centre[a]) / sigma
		}
		if !inside || !cube.Valid[i] {
			continue
		}
		p.weight = math.Exp(-(p.d[0]*p.d[0] + p.d[1]*p.d[1] + p.d[2]*p.d[2]) / 2)
		p.v = max(curveLow, min(float64(cube.HU[i]), curveHigh))
		mean, sum = mean+p.weight*p.v, sum+p.weight
		points = append(points, p)
	}
	c := mat.NewSymDense(3, nil)
	for a := range 3 {
		for b := a; b < 3; b++ {
			h := 0.0
			for _, p := range points {
				k := p.d[a] * p.d[b]
				if a == b {
					k--
				}
				h -= p.weight * k * (p.v - mean/sum) / sum
			}
			c.SetSym(a, b, h)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(c, false) {
		return 0, 0, 0
	}
	l := e.Values(nil) // ascending
	top := max(l[2], 1)
	return max(-1, l[0]/top), max(-1, l[1]/top), l[2] / 1000
}
