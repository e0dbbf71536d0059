package features

import (
	"testing"

	"github.com/nodulescope/nodulescope/detector/outline"
	"github.com/nodulescope/nodulescope/nodule"
)

func BenchmarkExtract(b *testing.B) {
	c := &nodule.Cube{HU: make([]float32, voxels), Valid: make([]bool, voxels)}
	for i := range c.HU {
		z, y, x := i/1024-16, i/32%32-16, i%32-16
		c.HU[i], c.Valid[i] = -850, true
		if z*z+y*y+x*x < 64 {
			c.HU[i] = 0
		}
	}
	o := outline.Threshold(c)
	for b.Loop() {
		if _, err := Extract(c, o, 1); err != nil {
			b.Fatal(err)
		}
	}
}
