package experiment

import (
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/nodule"
	"github.com/nodulescope/nodulescope/nodule/mnist"
)

// digits are images as a network sees them. Every pixel counts.
type digits struct{ set *mnist.Set }

// Len implements models.Samples.
func (d digits) Len() int { return d.set.Len() }

// Patch implements models.Samples.
func (d digits) Patch(i int, _ *rand.Rand, x, support []float32) {
	copy(x, d.set.Image(i))
	for j := range support {
		support[j] = 1
	}
}

// cubes are nodules as a network sees them: sub-patches drawn anew every time
// for training, the central patch otherwise.
type cubes struct {
	cubes   []*nodule.Cube
	augment bool
}

func newCubes(samples []nodule.Sample, augment bool) cubes {
	c := cubes{augment: augment}
	for i := range samples {
		c.cubes = append(c.cubes, samples[i].Cube())
	}
	return c
}

// Len implements models.Samples.
func (c cubes) Len() int { return len(c.cubes) }

// Patch implements models.Samples.
func (c cubes) Patch(i int, rng *rand.Rand, x, support []float32) {
	var p nodule.Patch
	if c.augment {
		p = nodule.Augment(c.cubes[i], rng)
	} else {
		p = nodule.Central(c.cubes[i])
	}
	copy(x, p.Voxels)
	copy(support, p.Support)
}
