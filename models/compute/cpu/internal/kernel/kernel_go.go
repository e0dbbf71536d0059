package kernel

import "unsafe"

// tileGo is the specification of Tile.
// All of its columns lie side by side.
func tileGo(rows, cols int) func(k int, a, b *float32, off, at *int, c *float32, ldc int, add bool) {
	return func(k int, a, b *float32, off, at *int, c *float32, ldc int, add bool) {
		left := unsafe.Slice(a, k*rows)
		offs := unsafe.Slice(off, k)
		out := unsafe.Slice(c, (rows-1)*ldc+cols)
		var sums [64]float32
		clear(sums[:rows*cols])
		for p, o := range offs {
			right := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(b), 4*(o+*at))), cols)
			for i, w := range left[p*rows : (p+1)*rows] {
				s := sums[i*cols : (i+1)*cols]
				for j, r := range right {
					s[j] += float32(w * r) // never fused, as on amd64
				}
			}
		}
		for i := range rows {
			for j := range cols {
				if add {
					out[i*ldc+j] += sums[i*cols+j]
				} else {
					out[i*ldc+j] = sums[i*cols+j]
				}
			}
		}
	}
}
