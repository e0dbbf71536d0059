package experiment

import (
	"math/rand/v2"

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
