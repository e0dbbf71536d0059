package outline

import (
	"math"
	"math/rand/v2"
	"testing"
)

// one nodule off the middle, so that turns and mirrors show.
func oneSample() samples {
	c, mask := lung(func(z, y, x float64) bool {
		return z*z+y*y+x*x < 16 || math.Abs(z) < 1 && math.Abs(y) < 1 && x > 0 && x < 8
	})
	image := make([]float32, voxels)
	for i, hu := range c.HU {
		image[i] = (hu + 1000) / 1400
	}
	return samples{{image: image, mask: mask}}
}

// TestDraws: the target follows the image, a point elsewhere has none, and the
// same state of the generator gives the same sample.
func TestDraws(t *testing.T) {
	s := oneSample()
	x, y := make([]float32, 2*voxels), make([]float32, voxels)
	empty := 0
	const draws = 300
	for n := range draws {
		s.Outline(0, rand.New(rand.NewPCG(1, uint64(n))), x, y)
		var size, bright, dark, n1, n0 float64
		top, at := float32(0), 0
		for i, v := range y {
			if v < 0 || v > 1+1e-6 || x[i] < 0 || x[i] > 1 {
				t.Fatalf("draw %d: image %g, target %g", n, x[i], v)
			}
			size += float64(v)
			if v > 0.9 {
				bright, n1 = bright+float64(x[i]), n1+1
			}
			if v < 0.1 {
				dark, n0 = dark+float64(x[i]), n0+1
			}
			if x[voxels+i] > top {
				top, at = x[voxels+i], i
			}
		}
		if top < 0.85 {
			t.Fatalf("draw %d: the mark is %g at most", n, top)
		}
		if size == 0 {
			empty++
			continue
		}
		if bright/n1 < dark/n0+0.4 {
			t.Fatalf("draw %d: target and image are not of the same place: %g inside, %g outside", n, bright/n1, dark/n0)
		}
		// The mark is on the nodule or beside it.
		nearest := math.Inf(1)
		for i, v := range y {
			if v > 0.5 {
				z, yy, xx := float64(i/1024-at/1024), float64(i/32%32-at/32%32), float64(i%32-at%32)
				nearest = math.Min(nearest, math.Sqrt(z*z+yy*yy+xx*xx))
			}
		}
		if nearest > 3 {
			t.Fatalf("draw %d: the mark is %.1f voxels from the nodule", n, nearest)
		}
	}
	if want := elsewhere * draws; math.Abs(float64(empty)-want) > 4*math.Sqrt(want) {
		t.Errorf("%d of %d points are elsewhere, want about %.0f", empty, draws, want)
	}
	again, target := make([]float32, 2*voxels), make([]float32, voxels)
	s.Outline(0, rand.New(rand.NewPCG(1, draws-1)), again, target)
	for i := range x {
		if x[i] != again[i] || y[i%voxels] != target[i%voxels] {
			t.Fatal("the same state drew another sample")
		}
	}
}
