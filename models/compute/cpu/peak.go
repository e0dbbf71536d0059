package cpu

import (
	"sync"
	"time"
)

// Peak measures the rate of fused multiply-adds, in GFLOP/s, of the kernels on
// all workers at once, on data in the first-level cache.
func (b *Backend) Peak() float64 {
	const (
		k     = 128  // products of a sum: both factors stay in the first-level cache
		times = 4000 // some tens of milliseconds, longer than a processor takes to change its clock
	)
	var wg sync.WaitGroup
	best := 0.0
	tile := b.set.Tiles[0]
	for range 5 {
		start := time.Now()
		for range b.workers() {
			wg.Go(func() {
				x, y := make([]float32, k*tile.Rows), make([]float32, tile.Cols)
				c, off := make([]float32, tile.Rows*tile.Cols), make([]int, k)
				for range times {
					tile.Run(k, x, y, off, nil, c, tile.Cols, false)
				}
			})
		}
		wg.Wait()
		flops := float64(2*k*times*b.workers()) * float64(tile.Rows*tile.Cols)
		best = max(best, flops/time.Since(start).Seconds()/1e9)
	}
	return best
}
