package drift

import (
	"math"
	"slices"

	"github.com/nodulescope/nodulescope/nodule"
)

// Noise is the standard deviation of the noise in aerated lung around a nodule, HU, of a
// cube that was resampled to 1 mm: the median absolute second difference along x and y,
// over the factor that it has for noise without correlation (1.4826/√6). Kernel and
// dose move it, nodules hardly. false: there is too little lung.
func Noise(c *nodule.Cube) (hu float64, known bool) {
	const (
		n        = nodule.CubeSize
		low      = -1000 // of lung, HU
		high     = -650
		leastOf  = 200
		gaussian = 1.4826
	)
	lung := func(i int) bool { return c.Valid[i] && c.HU[i] > low && c.HU[i] < high }
	var all []float64
	for i := range c.HU {
		x, y := i%n, i/n%n
		for _, step := range [2]int{1, n} {
			at := [2]int{x, y}[min(1, step-1)]
			if at == 0 || at == n-1 || !lung(i-step) || !lung(i) || !lung(i+step) {
				continue
			}
			all = append(all, math.Abs(float64(c.HU[i-step]-2*c.HU[i]+c.HU[i+step])))
		}
	}
	if len(all) < leastOf {
		return 0, false
	}
	slices.Sort(all)
	return gaussian * all[len(all)/2] / math.Sqrt(6), true
}
