package kernel

import (
	"math"
	"unsafe"
)

// vecGo are the element-wise loops in plain Go: the specification.
func vecGo() Vec {
	return Vec{
		Add:    each(func(x, y, _ float32) float32 { return x + y }),
		Sub:    each(func(x, y, _ float32) float32 { return x - y }),
		Mul:    each(func(x, y, _ float32) float32 { return x * y }),
		Div:    each(func(x, y, _ float32) float32 { return x / y }),
		Scale:  each(func(x, _, c float32) float32 { return c * x }),
		Shift:  each(func(x, _, c float32) float32 { return x + c }),
		Square: each(func(x, _, _ float32) float32 { return x * x }),
		Leaky: each(func(x, _, c float32) float32 {
			if x > 0 {
				return x
			}
			return c * x
		}),
		Gate: each(func(x, _, c float32) float32 {
			if x > 0 {
				return 1
			}
			return c
		}),
		Exp:     each(func(x, _, _ float32) float32 { return float32(math.Exp(float64(x))) }),
		Sigmoid: each(func(x, _, _ float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }),
	}
}

func each(f func(x, y, c float32) float32) Loop {
	return func(n int, dst, x, y *float32, c float32) {
		d, a, b := unsafe.Slice(dst, n), unsafe.Slice(x, n), unsafe.Slice(y, n)
		for i := range d {
			d[i] = f(a[i], b[i], c)
		}
	}
}

// adamGo is the specification of Adam. Every product is rounded, on processors
// too for which Go would fuse it with a sum: they all give the same bits.
func adamGo(w, m, v, g []float32, k *[7]float32) {
	for i, d := range g {
		d *= k[0]
		m[i] = float32(k[1]*m[i]) + float32(k[2]*d)
		v[i] = float32(k[3]*v[i]) + float32(k[4]*d*d)
		w[i] -= k[5] * m[i] / (float32(math.Sqrt(float64(v[i]))) + k[6])
	}
}
