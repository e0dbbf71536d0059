package features

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

func sq(v float64) float64 { return v * v }

// meanSD of values, of which there must be one: 0 deviation then.
func meanSD(values []float64) (mean, sd float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sd += sq(v - mean)
	}
	return mean, math.Sqrt(sd / max(float64(len(values)-1), 1))
}

// share is the value below which a share of sorted values lies, interpolated.
func share(sorted []float64, p float64) float64 {
	x := p * float64(len(sorted)-1)
	k := min(int(x), len(sorted)-1)
	next := min(k+1, len(sorted)-1)
	return sorted[k] + (x-float64(k))*(sorted[next]-sorted[k])
}

// neighbour is the voxel d away, false outside the cube.
func neighbour(i int, d [3]int) (int, bool) {
	p := at(i)
	for a := range p {
		if p[a] += d[a]; p[a] < 0 || p[a] >= edge {
			return 0, false
		}
	}
	return (p[0]*edge+p[1])*edge + p[2], true
}

// smooth is the mean HU of the mask's voxels with data in 3×3×3 around i.
func (n *shape) smooth(i int) float64 {
	sum, count := 0.0, 0.0
	for k := range 27 {
		if j, ok := neighbour(i, [3]int{k/9 - 1, k/3%3 - 1, k%3 - 1}); ok && n.mask[j] && n.Valid[j] {
			sum, count = sum+float64(n.HU[j]), count+1
		}
	}
	return sum / count
}

// gradient is the length of the central difference, HU/mm; one-sided at the end
// of the data.
func (n *shape) gradient(i int) float64 {
	g := 0.0
	for a := range 3 {
		var d [3]int
		value, steps := 0.0, 0.0
		for _, s := range [2]int{1, -1} {
			d[a] = s
			if j, ok := neighbour(i, d); ok && n.Valid[j] {
				value, steps = value+float64(s)*float64(n.HU[j]-n.HU[i]), steps+1
			}
		}
		if steps > 0 {
			g += sq(value / (steps * n.mm))
		}
	}
	return math.Sqrt(g)
}

// parts counts the connected parts (26 neighbours) of soft tissue in a shell.
func (n *shape) parts(shell []int) int {
	open := map[int]bool{}
	for _, i := range shell {
		if n.HU[i] > softHU {
			open[i] = true
		}
	}
	count := 0
	for _, i := range shell {
		if !open[i] {
			continue
		}
		count++
		delete(open, i)
		for queue := []int{i}; len(queue) > 0; queue = queue[1:] {
			for k := range 27 {
				if j, ok := neighbour(queue[0], [3]int{k/9 - 1, k/3%3 - 1, k%3 - 1}); ok && open[j] {
					delete(open, j)
					queue = append(queue, j)
				}
			}
		}
	}
	return count
}

// principal are the second and third principal extents to the first. Every voxel
// is a cube: its own extent is added, so that one voxel has 1 and 1.
func (n *shape) principal(centre [3]float64) (second, third float64) {
	c := mat.NewSymDense(3, nil)
	for a := range 3 {
		for b := a; b < 3; b++ {
			sum := 0.0
			for _, i := range n.in {
				p := at(i)
				sum += (float64(p[a]) - centre[a]) * (float64(p[b]) - centre[b])
			}
			if sum /= float64(len(n.in)); a == b {
				sum += 1.0 / 12
			}
			c.SetSym(a, b, sum)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(c, false) {
		return 1, 1
	}
	l := e.Values(nil) // ascending
	return math.Sqrt(l[1] / l[2]), math.Sqrt(l[0] / l[2])
}
