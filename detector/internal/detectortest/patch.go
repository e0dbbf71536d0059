package detectortest

import (
	"math/rand/v2"

	"github.com/nodulescope/nodulescope/nodule"
)

// Patch is the patch of a complete cube of noise, the same for the same seed.
func Patch(seed uint64) nodule.Patch {
	rng := rand.New(rand.NewPCG(seed, 3))
	c := &nodule.Cube{HU: make([]float32, nodule.CubeVoxels), Valid: make([]bool, nodule.CubeVoxels)}
	for i := range c.HU {
		c.HU[i], c.Valid[i] = float32(-800+300*rng.NormFloat64()), true
	}
	return nodule.Central(c)
}
