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
					s[j] += w * r
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

// dotsGo is the specification of Dots.
func dotsGo(rows, cols int) func(n int, a *float32, lda int, b *float32, off *int, c *float32) {
	return func(n int, a *float32, lda int, b *float32, off *int, c *float32) {
		left := unsafe.Slice(a, (rows-1)*lda+n)
		offs := unsafe.Slice(off, cols)
		out := unsafe.Slice(c, rows*cols)
		for i := range rows {
			x := left[i*lda : i*lda+n]
			for j, o := range offs {
				y := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(b), 4*o)), n)
				var s [4]float32
				for p := 0; p+4 <= n; p += 4 {
					s[0] += x[p] * y[p]
					s[1] += x[p+1] * y[p+1]
					s[2] += x[p+2] * y[p+2]
					s[3] += x[p+3] * y[p+3]
				}
				out[i*cols+j] += (s[0] + s[1]) + (s[2] + s[3])
			}
		}
	}
}
