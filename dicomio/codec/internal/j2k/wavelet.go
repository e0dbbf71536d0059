package j2k

// wavelet undoes one dimension of a transform (T.800 F.3): of samples that lie
// interleaved, the first of them a high one where odd is 1.
type wavelet[T int32 | float32] struct {
	row   func(x []T, odd int)
	steps []func(x, a, b []T) // of whole rows x between a and b: the low ones, then the high ones, and so on
	scale func(x []T, odd int)
	half  func(x T) T // of a single high sample
}

var reversible = wavelet[int32]{
	row: row53,
	steps: []func(x, a, b []int32){
		func(x, a, b []int32) {
			a, b = a[:len(x)], b[:len(x)]
			for i := range x {
				x[i] -= (a[i] + b[i] + 2) >> 2
			}
		},
		func(x, a, b []int32) {
			a, b = a[:len(x)], b[:len(x)]
			for i := range x {
				x[i] += (a[i] + b[i]) >> 1
			}
		},
	},
	half: func(x int32) int32 { return x >> 1 },
}

// lifting holds the coefficients of table F.4, in the order of their undoing.
var lifting = [4]float32{0.443506852043971, 0.882911075530934, -0.052980118572961, -1.586134342059924}

const scaling = 1.230174104914001

var irreversible = wavelet[float32]{
	row: row97,
	steps: []func(x, a, b []float32){
		lift97(lifting[0]), lift97(lifting[1]), lift97(lifting[2]), lift97(lifting[3]),
	},
	scale: func(x []float32, odd int) {
		k := float32(scaling)
		if odd == 1 {
			k = 1 / k
		}
		for i := range x {
			x[i] *= k
		}
	},
	half: func(x float32) float32 { return x / 2 },
}

func lift97(c float32) func(x, a, b []float32) {
	return func(x, a, b []float32) {
		a, b = a[:len(x)], b[:len(x)]
		for i := range x {
			x[i] -= c * (a[i] + b[i])
		}
	}
}

// row53 is F.3.8.1 in place.
func row53(x []int32, odd int) {
	n := len(x)
	mirror(n, odd, func(i, a, b int) { x[i] -= (x[a] + x[b] + 2) >> 2 })
	for i := 2 - odd; i+1 < n; i += 2 {
		x[i] -= (x[i-1] + x[i+1] + 2) >> 2
	}
	mirror(n, 1-odd, func(i, a, b int) { x[i] += (x[a] + x[b]) >> 1 })
	for i := 1 + odd; i+1 < n; i += 2 {
		x[i] += (x[i-1] + x[i+1]) >> 1
	}
}

// row97 is F.3.8.2 in place.
func row97(x []float32, odd int) {
	n := len(x)
	for i := range x {
		if (i+odd)&1 == 0 {
			x[i] *= scaling
		} else {
			x[i] *= 1 / float32(scaling)
		}
	}
	for s, c := range lifting {
		start := (s + odd) & 1
		mirror(n, start, func(i, a, b int) { x[i] -= c * (x[a] + x[b]) })
		for i := 2 - start; i+1 < n; i += 2 {
			x[i] -= c * (x[i-1] + x[i+1])
		}
	}
}

// mirror calls f for those of 0, 2.. or 1, 3.. of n that lie at a border, with
// the neighbours that stand for theirs (F.3.7).
func mirror(n, start int, f func(i, a, b int)) {
	if start == 0 {
		f(0, 1, 1)
	}
	if (n-1-start)&1 == 0 && n-1 > 0 {
		f(n-1, n-2, n-2)
	}
}

// rows undoes the vertical dimension of an image of h rows.
func (v *wavelet[T]) rows(out []T, w, h, odd int) {
	row := func(y int) []T { return out[y*w:][:w] }
	if h == 1 {
		if odd == 1 {
			for i, x := range out {
				out[i] = v.half(x)
			}
		}
		return
	}
	if v.scale != nil {
		for y := range h {
			v.scale(row(y), (y+odd)&1)
		}
	}
	for s, step := range v.steps {
		for y := (s + odd) & 1; y < h; y += 2 {
			a, b := y-1, y+1
			if a < 0 {
				a = b
			}
			if b >= h {
				b = y - 1
			}
			step(row(y), row(a), row(b))
		}
	}
}

// image makes the resolutions of a tile one after another (F.3.2), each as far as
// it is needed: list is that of [tile.areas].
func (v *wavelet[T]) image(levels []resolution, list []area, of func(*band) []T) plane[T] {
	part := func(l *resolution, r, i int) plane[T] {
		b := &l.bands[i]
		return plane[T]{of(b), b.x1 - b.x0}.from(list[r].bands[i].Min)
	}
	low := part(&levels[0], 0, 0)
	for r := 1; r < len(levels); r++ {
		l, all := &levels[r], list[r].all
		w, h := all.Dx(), all.Dy()
		out := newPlane[T](w, h)
		oddX, oddY := all.Min.X&1, all.Min.Y&1
		lows := (w + 1 - oddX) / 2 // of a row
		hl, lh, hh := part(l, r, 0), part(l, r, 1), part(l, r, 2)
		for y := range h {
			first, second := low, hl
			if (y+oddY)&1 == 1 {
				first, second = lh, hh
			}
			row := out.row(y, w)
			if lows > 0 {
				for i, x := range first.row(y/2, lows) {
					row[2*i+oddX] = x
				}
			}
			if lows < w {
				for i, x := range second.row(y/2, w-lows) {
					row[2*i+1-oddX] = x
				}
			}
			if w > 1 {
				v.row(row, oddX)
			} else if w == 1 && oddX == 1 {
				row[0] = v.half(row[0])
			}
		}
		v.rows(out.of, w, h, oddY)
		low = out.from(list[r].need.Min.Sub(all.Min))
	}
	return low
}
